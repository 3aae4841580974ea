"""``pip.conf`` edited: the index moved to a mirror and back, every other line left as it is."""

from pathlib import Path

from envtool.clients.ini_text import IniText
from envtool.clients.pip import config_files, parse, user_files
from envtool.clients.protocol import Edited, Endpoints, Scope, SettingsFiles, SiteMatcher
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact


def files(host: Host, scope: Scope) -> SettingsFiles | None:
    """Return the files of a scope, or None where pip has none such."""
    name = user_files(host)[1].name
    if scope.kind == "user":
        legacy, present = user_files(host)
        return SettingsFiles((legacy, present), present)
    if scope.kind == "env" and scope.prefix:
        return SettingsFiles((scope.prefix / name,), scope.prefix / name)
    if scope.kind == "system":
        found = tuple(path for kind, path in config_files(host) if kind == "global")
        return SettingsFiles(found, found[-1])
    return None


def switched(text: str, source: str, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool, host: Host) -> Edited:  # noqa: ARG001 - the clients' common shape
    """Return a ``pip.conf`` whose index is the mirror's; a private index stays."""
    if not endpoints.index:
        return Edited(text, [tr("{mirror} has no Python package index.", mirror=endpoints.mirror)])
    parse(text, Path(source))  # a file that pip cannot read is not edited
    document = IniText(text, source)
    edited = Edited(text)
    for line in document.broken_headers():
        edited.notes.append(
            tr("{path}, line {line}: pip ignores what follows the [section] on that line.", path=source, line=line)
        )
    section = _move_index(document, endpoints, sites, edited)
    _clean_extra(document, sites, edited, clean=clean)
    _trust(document, endpoints, sites, edited, section)
    edited.text = document.text
    return edited


def unset(text: str, source: str, sites: SiteMatcher) -> Edited:
    """Return a ``pip.conf`` without any mirror's lines: pip's default index is in force again."""
    parse(text, Path(source))
    document = IniText(text, source)
    for option in document.options():
        if option.name == "index-url" and _is_mirror(sites, option.value):
            document.remove(option.section, option.name)
        elif option.name in ("extra-index-url", "find-links"):
            _keep(document, option.section, option.name, [w for w in option.value.split() if not _is_mirror(sites, w)])
        elif option.name == "trusted-host":
            _keep(
                document, option.section, option.name, [w for w in option.value.split() if not sites.is_mirror_host(w)]
            )
    return Edited(document.text)


def _move_index(document: IniText, endpoints: Endpoints, sites: SiteMatcher, edited: Edited) -> str:
    """Point every public ``index-url`` at the mirror and return its section, or "" where a private one is in force."""
    found = [option for option in document.options() if option.name == "index-url" and option.value]
    private = [option for option in found if sites.match(_url(option.value)) is None]
    for option in found:
        if option not in private:
            document.put(option.section, option.name, endpoints.index)
    if private:
        edited.notes.append(
            tr("pip's index {url} is your own and was not changed.", url=redact(private[-1].value.strip()))
        )
        return ""
    if not any(option.section in ("global", "install") for option in found):
        document.put("global", "index-url", endpoints.index)
        return "global"
    return found[-1].section


def _clean_extra(document: IniText, sites: SiteMatcher, edited: Edited, *, clean: bool) -> None:
    """Remove public indexes that do harm: pip asks each of them every time, so they are no fallback."""
    for option in document.options():
        if option.name not in ("extra-index-url", "find-links"):
            continue
        words = option.value.split()
        public = [word for word in words if (found := sites.match(word)) and found.service == "pypi"]
        edited.stale += public
        if public and clean:
            _keep(document, option.section, option.name, [word for word in words if word not in public])


def _trust(document: IniText, endpoints: Endpoints, sites: SiteMatcher, edited: Edited, section: str) -> None:
    """Remove mirrors from ``trusted-host``, which turns certificate checks off; only http needs it."""
    scheme, _, rest = endpoints.index.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    needed = host if scheme == "http" and section else ""
    for option in document.options():
        if option.name == "trusted-host":
            words = option.value.split()
            kept = [word for word in words if word == needed or not sites.is_mirror_host(word)]
            if kept != words:
                edited.notes.append(
                    tr(
                        "trusted-host {hosts} is removed: https needs no exception.",
                        hosts=" ".join(set(words) - set(kept)),
                    )
                )
            _keep(document, option.section, option.name, kept)
    if needed:
        # an option in [install] overrides the one of the same name in [global]
        ruling = "install" if document.option("install", "trusted-host") else section
        document.add_word(ruling, "trusted-host", needed)
        edited.notes.append(tr("{host} is read over http: its identity cannot be verified.", host=needed))


def _keep(document: IniText, section: str, name: str, words: list[str]) -> None:
    option = document.option(section, name)
    if option and option.value.split() != words:
        document.put_words(section, name, words)


def _url(value: str) -> str:
    """Return the first word of a value: people put comments behind it, which pip takes for part of the URL."""
    return next(iter(value.split()), "")


def _is_mirror(sites: SiteMatcher, value: str) -> bool:
    found = sites.match(_url(value))
    return bool(found and found.mirror and found.service == "pypi")
