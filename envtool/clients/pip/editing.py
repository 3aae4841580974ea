"""``pip.conf`` edited: the index moved to a mirror and back, everything else left as it stands."""

from pathlib import Path

from envtool.clients.client import Edited, Places, Recogniser, Scope, Wanted
from envtool.clients.ini_text import IniText
from envtool.clients.pip import config_files, parse, user_files
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact

NAME = "pip"
KEYWORD = "index"
MARKS: tuple[bytes, ...] = (b"",)


def places(host: Host, scope: Scope) -> Places | None:
    """Return the files of a scope, or None where there is no such place."""
    name = user_files(host)[1].name
    if scope.kind == "user":
        legacy, present = user_files(host)
        return Places((legacy, present), present)
    if scope.kind == "env" and scope.prefix:
        return Places((scope.prefix / name,), scope.prefix / name)
    if scope.kind == "system":
        found = tuple(path for kind, path in config_files(host) if kind == "global")
        return Places(found, found[-1])
    return None


def switched(text: str, source: str, wanted: Wanted, known: Recogniser, *, clean: bool, host: Host) -> Edited:  # noqa: ARG001 - the editors' common shape
    """Return a ``pip.conf`` whose index is the mirror's; a private index stays."""
    if not wanted.index:
        return Edited(text, [tr("{mirror} has no Python package index.", mirror=wanted.mirror)])
    parse(text, Path(source))  # what pip stops on is not ours to build on
    document = IniText(text, source)
    edited = Edited(text)
    for line in document.broken_headers():
        edited.notes.append(
            tr("{path}, line {line}: pip ignores what follows the [section] on that line.", path=source, line=line)
        )
    section = _move_index(document, wanted, known, edited)
    _clean_extra(document, known, edited, clean=clean)
    _trust(document, wanted, known, edited, section)
    edited.text = document.text
    return edited


def unset(text: str, source: str, known: Recogniser) -> Edited:
    """Return a ``pip.conf`` without any mirror's lines: pip's default index is in force again."""
    parse(text, Path(source))
    document = IniText(text, source)
    for option in document.options():
        if option.name == "index-url" and _is_mirror(known, option.value):
            document.remove(option.section, option.name)
        elif option.name in ("extra-index-url", "find-links"):
            _keep(document, option.section, option.name, [w for w in option.value.split() if not _is_mirror(known, w)])
        elif option.name == "trusted-host":
            _keep(document, option.section, option.name, [w for w in option.value.split() if not known.host(w)])
    return Edited(document.text)


def _move_index(document: IniText, wanted: Wanted, known: Recogniser, edited: Edited) -> str:
    """Point every public ``index-url`` at the mirror and return the section it is in; "" where a private one rules."""
    found = [option for option in document.options() if option.name == "index-url" and option.value]
    private = [option for option in found if known.url(_url(option.value)) is None]
    for option in found:
        if option not in private:
            document.put(option.section, option.name, wanted.index)
    if private:
        edited.notes.append(
            tr("pip's index {url} is your own and was left as it is.", url=redact(private[-1].value.strip()))
        )
        return ""
    if not any(option.section in ("global", "install") for option in found):
        document.put("global", "index-url", wanted.index)
        return "global"
    return found[-1].section


def _clean_extra(document: IniText, known: Recogniser, edited: Edited, *, clean: bool) -> None:
    """Drop public indexes from where they do harm: pip asks each of them every time, they are no fallback."""
    for option in document.options():
        if option.name not in ("extra-index-url", "find-links"):
            continue
        words = option.value.split()
        public = [word for word in words if (found := known.url(word)) and found.service == "pypi"]
        edited.stale += public
        if public and clean:
            _keep(document, option.section, option.name, [word for word in words if word not in public])


def _trust(document: IniText, wanted: Wanted, known: Recogniser, edited: Edited, section: str) -> None:
    """Take mirrors out of ``trusted-host``, which switches certificate checks off; http alone needs it."""
    scheme, _, rest = wanted.index.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    needed = host if scheme == "http" and section else ""
    for option in document.options():
        if option.name == "trusted-host":
            words = option.value.split()
            kept = [word for word in words if word == needed or not known.host(word)]
            if kept != words:
                edited.notes.append(
                    tr(
                        "trusted-host {hosts} was removed: https needs no such exception.",
                        hosts=" ".join(set(words) - set(kept)),
                    )
                )
            _keep(document, option.section, option.name, kept)
    if needed:
        # an option in [install] hides its namesake in [global]
        ruling = "install" if document.find("install", "trusted-host") else section
        document.add_word(ruling, "trusted-host", needed)
        edited.notes.append(tr("{host} is reached over http: nobody checks that it is who it says.", host=needed))


def _keep(document: IniText, section: str, name: str, words: list[str]) -> None:
    option = document.find(section, name)
    if option and option.value.split() != words:
        document.put_words(section, name, words)


def _url(value: str) -> str:
    """Return what stands first in a value: people put comments behind it, which pip takes for a part of the URL."""
    return next(iter(value.split()), "")


def _is_mirror(known: Recogniser, value: str) -> bool:
    found = known.url(_url(value))
    return bool(found and found.mirror and found.service == "pypi")
