"""``pip.conf`` edited: the index moved to a mirror and back, every other line left as it is."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from envtool.clients.ini_text import IniText
from envtool.clients.pip import config_files, parse, read_layer, user_files
from envtool.clients.protocol import Edited, Endpoints, Scope, SettingsFiles, SiteMatcher, Surroundings
from envtool.errors import EnvtoolError
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


def switched(
    text: str, source: str, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool, where: Surroundings
) -> Edited:
    """Return a ``pip.conf`` whose index is the mirror's; a private index stays."""
    parse(text, Path(source))  # a file that pip cannot read is not edited
    if not endpoints.index:
        return Edited(text, [tr("{mirror} has no Python package index.", mirror=endpoints.mirror)])
    document = IniText(text, source)
    edited = Edited(text)
    for line in document.broken_headers():
        edited.notes.append(
            tr("{path}, line {line}: pip ignores what follows the [section] on that line.", path=source, line=line)
        )
    section = _move_index(document, endpoints, sites, edited)
    _clean_extra(document, endpoints, sites, edited, clean=clean, is_private=not section)
    _trust(document, endpoints, sites, edited, where)
    edited.text = document.text
    return edited


def unset(
    text: str,
    source: str,
    sites: SiteMatcher,
    *,
    where: Surroundings,
    original: str | None = None,  # noqa: ARG001 - the clients' common shape
) -> Edited:
    """Return a ``pip.conf`` without any mirror's lines: pip's default index is in force again."""
    parse(text, Path(source))
    document = IniText(text, source)
    edited = Edited(text)
    for option in document.options():
        if option.name == "index-url" and _is_mirror(sites, option.value):
            document.remove(option.section, option.name)
        elif option.name in ("extra-index-url", "find-links"):
            _keep(document, option.section, option.name, [w for w in option.value.split() if not _is_mirror(sites, w)])
        elif option.name == "index-url" and option.value and sites.match(_url(option.value)) is None:
            edited.own.append(_url(option.value))
    in_clear = _hosts_in_clear(document, where)
    for option in document.options():
        if option.name == "trusted-host":
            words = [w for w in option.value.split() if not sites.is_mirror_host(w) or _is_needed(w, in_clear)]
            _keep(document, option.section, option.name, words)
    if document.text != text:
        document.remove_empty_sections(text)
    edited.text = document.text
    return edited


def _move_index(document: IniText, endpoints: Endpoints, sites: SiteMatcher, edited: Edited) -> str:
    """Move every public index; return the section of the one that counts, or "" where a private one is in force."""
    found = [option for option in document.options() if option.name == "index-url" and option.value]
    private = [option for option in found if sites.match(_url(option.value)) is None]
    for option in found:
        if option not in private:
            document.put(option.section, option.name, endpoints.index)
    if private:
        edited.own += [_url(option.value) for option in private]
        edited.notes.append(
            tr("pip's index {url} is your own and was not changed.", url=redact(private[-1].value.strip()))
        )
        return ""
    if not any(option.section in ("global", "install") for option in found):
        document.put("global", "index-url", endpoints.index)
        return "global"
    return found[-1].section


def _clean_extra(
    document: IniText, endpoints: Endpoints, sites: SiteMatcher, edited: Edited, *, clean: bool, is_private: bool
) -> None:
    """Remove public indexes that do harm: pip asks each of them every time, so they are no fallback.

    Behind a private index a public one is where everything else comes from: it is moved.
    """
    for option in document.options():
        if option.name not in ("extra-index-url", "find-links"):
            continue
        words = option.value.split()
        public = [word for word in words if (found := sites.match(word)) and found.service == "pypi"]
        if is_private and option.name == "extra-index-url":
            _move_words(document, option.section, option.name, public, endpoints.index)
            continue
        edited.stale += public
        if public and clean:
            _keep(document, option.section, option.name, [word for word in words if word not in public])


def _move_words(document: IniText, section: str, name: str, old: list[str], new: str) -> None:
    """Replace the first of the words by another one, and remove the rest of them."""
    option = document.option(section, name)
    words = option.value.split() if option else []
    if old and new not in words:
        document.replace_word(section, name, old[0], new)
        old = old[1:]
    _keep(document, section, name, [word for word in words if word not in old] + [new])


def _trust(document: IniText, endpoints: Endpoints, sites: SiteMatcher, edited: Edited, where: Surroundings) -> None:
    """Remove mirrors from ``trusted-host``, which turns certificate checks off, where no http address needs it."""
    in_clear = _hosts_in_clear(document, where)
    for option in document.options():
        if option.name == "trusted-host":
            words = option.value.split()
            kept = [word for word in words if _is_needed(word, in_clear) or not sites.is_mirror_host(word)]
            if kept != words:
                edited.notes.append(
                    tr(
                        "trusted-host {hosts} is removed: https needs no exception.",
                        hosts=" ".join(word for word in words if word not in kept),
                    )
                )
            _keep(document, option.section, option.name, kept)
    parts = urlsplit(endpoints.index)
    if parts.scheme != "http" or not any(endpoints.index in option.value.split() for option in document.options()):
        return
    needed = parts.netloc.rpartition("@")[2]
    # an option in [install] overrides the one of the same name in [global]
    ruling = "install" if document.option("install", "trusted-host") else _section_of(document, endpoints.index)
    document.add_word(ruling, "trusted-host", needed)
    edited.notes.append(tr("{host} is read over http: its identity cannot be verified.", host=needed))


def _section_of(document: IniText, word: str) -> str:
    return next(option.section for option in reversed(document.options()) if word in option.value.split())


def _hosts_in_clear(document: IniText, where: Surroundings) -> set[tuple[str, int]]:
    """Return (host, port) of every http address in a document, in pip's other files and in its variables."""
    texts = [option.value for option in document.options() if option.name != "trusted-host"]
    for _, path in config_files(where.host, where.prefix):
        if str(path) != document.source and path.is_file():
            with suppress(EnvtoolError):  # pip stops on that file
                texts += [value for key, value in read_layer(path).values.items() if not key.endswith("trusted-host")]
    texts += [value for name, value in where.host.environ.items() if name.startswith("PIP_")]
    return set(_http_hosts(" ".join(texts).split()))


def _http_hosts(words: list[str]) -> Iterator[tuple[str, int]]:
    for word in words:
        with suppress(ValueError):
            parts = urlsplit(word)
            if parts.scheme == "http" and parts.hostname:
                yield parts.hostname.lower(), parts.port or 80


def _is_needed(trusted: str, in_clear: set[tuple[str, int]]) -> bool:
    """Return whether a ``trusted-host`` entry (``host`` or ``host:port``) is one that an http address needs."""
    host, _, port = (
        trusted.lower().rpartition(":") if trusted.rpartition(":")[2].isdecimal() else (trusted.lower(), "", "")
    )
    return any(host == name and port in ("", str(number)) for name, number in in_clear)


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
