"""pixi: its ``config.toml`` edited. Its ``[mirrors]`` are true fallback lists, and lock files keep upstream's URLs."""

import codecs
from pathlib import Path
from typing import Any

from envtool.clients import toml_text
from envtool.clients.client import COMMON, Edited, Places, Recogniser, Scope, Wanted
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact

NAME = "pixi"
KEYWORD = "mirrors"
MARKS: tuple[bytes, ...] = (b"", codecs.BOM_UTF8)


def places(host: Host, scope: Scope) -> Places | None:
    """Return the files of a scope, lowest precedence first; pixi has none for one conda environment."""
    if scope.kind == "system":
        windows = Path(host.environ.get("PROGRAMDATA") or "C:/ProgramData")
        path = windows / "pixi/config.toml" if host.system == "Windows" else Path("/etc/pixi/config.toml")
        return Places((path,), path)
    if scope.kind != "user":
        return None
    home = Path(host.environ.get("PIXI_HOME") or host.home / ".pixi")
    xdg = host.environ.get("XDG_CONFIG_HOME")
    folders = [host.home / ".config/pixi", *([Path(xdg) / "pixi"] if xdg else []), host.home / ".pixi", home]
    return Places(tuple(dict.fromkeys(folder / "config.toml" for folder in folders)), home / "config.toml")


def switched(text: str, source: str, wanted: Wanted, known: Recogniser, *, clean: bool, host: Host) -> Edited:  # noqa: ARG001 - the editors' common shape
    """Return a ``config.toml`` under which channels come from the mirror first and from upstream after it."""
    edited = Edited(text)
    document = toml_text.parse(text, source)
    names = [name for name in (*COMMON, "pkgs/main", "pkgs/r") if name in wanted.parents]
    lists = {wanted.upstream_of(name): wanted.channel(name) for name in names}
    for key, urls in document.get("mirrors", {}).items():
        found = known.url(key)
        if found and found.service == "conda" and key not in lists and not found.mirror:
            dead = [url for url in urls if (other := known.url(url)) and other.mirror and not other.alive]
            edited.stale += dead
            if clean and dead:
                _put(document["mirrors"], key, [url for url in urls if url not in dead])
    for key, url in lists.items():
        own = [old for old in document.get("mirrors", {}).get(key, []) if known.url(old) is None]
        # the first that answers is used; upstream has to be named to stay the last resort
        _put(_mirrors(document), key, [*own, url, key])
    _move_index(document, wanted, known, edited)
    edited.text = toml_text.finished(document, text, source)
    return edited


def unset(text: str, source: str, known: Recogniser) -> Edited:
    """Return a ``config.toml`` without any mirror's entries."""
    document = toml_text.parse(text, source)
    mirrors = document.get("mirrors", {})
    for key in list(mirrors):
        kept = [url for url in mirrors[key] if not _is_mirror(known, url)]
        if kept in ([], [key]):
            del mirrors[key]
        elif kept != list(mirrors[key]):
            mirrors[key] = kept
    if "mirrors" in document and not mirrors:
        del document["mirrors"]
    pypi = document.get("pypi-config", {})
    if _is_mirror(known, str(pypi.get("index-url", ""))):
        del pypi["index-url"]
        if not pypi:
            del document["pypi-config"]
    return Edited(toml_text.finished(document, text, source))


def _move_index(document: Any, wanted: Wanted, known: Recogniser, edited: Edited) -> None:
    if not wanted.index:
        return
    old = str(document.get("pypi-config", {}).get("index-url", ""))
    if old and known.url(old) is None:
        edited.notes.append(tr("pixi's index {url} is your own and was left as it is.", url=redact(old)))
        return
    if "pypi-config" not in document:
        document["pypi-config"] = {}
    _put(document["pypi-config"], "index-url", wanted.index)
    edited.notes.append(tr("pixi takes its Python index from its settings into new manifests only."))


def _mirrors(document: Any) -> Any:
    if "mirrors" not in document:
        document["mirrors"] = {}
    return document["mirrors"]


def _put(table: Any, key: str, value: Any) -> None:
    if table.get(key) != value:
        table[key] = value


def _is_mirror(known: Recogniser, url: str) -> bool:
    found = known.url(url) if url else None
    return bool(found and found.mirror)
