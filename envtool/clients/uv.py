"""uv: which of its files there are, what they say, and ``uv.toml`` edited. uv reads nothing of pip's."""

import codecs
from pathlib import Path
from typing import Any

from envtool.clients import toml_text
from envtool.clients.client import Edited, Places, Recogniser, Scope, Wanted
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact

NAME = "uv"
KEYWORD = "index"
MARKS: tuple[bytes, ...] = (b"", codecs.BOM_UTF8)


def places(host: Host, scope: Scope) -> Places | None:
    """Return the files of a scope; uv has none for one environment."""
    if scope.kind == "user":
        if host.system == "Windows":
            base = Path(host.environ.get("APPDATA") or host.home / "AppData/Roaming")
        else:
            base = Path(host.environ.get("XDG_CONFIG_HOME") or host.home / ".config")
    elif scope.kind == "system":
        windows = Path(host.environ.get("PROGRAMDATA") or "C:/ProgramData")
        base = windows if host.system == "Windows" else Path("/etc")
    else:
        return None
    path = base / "uv" / "uv.toml"
    return Places((path,), path)


def switched(text: str, source: str, wanted: Wanted, known: Recogniser, *, clean: bool, host: Host) -> Edited:  # noqa: ARG001 - the editors' common shape
    """Return a ``uv.toml`` whose default index, and source of interpreters, is the mirror's; a private index stays."""
    edited = Edited(text)
    document = toml_text.parse(text, source)
    if wanted.index:
        _move_index(document, wanted, known, edited, clean=clean)
        _move_pip(document, wanted, known, edited)
    else:
        edited.notes.append(tr("{mirror} has no Python package index.", mirror=wanted.mirror))
    _move_python(document, wanted, known, clean=clean)
    edited.text = toml_text.finished(document, text, source)
    return edited


def unset(text: str, source: str, known: Recogniser) -> Edited:
    """Return a ``uv.toml`` without any mirror's lines."""
    document = toml_text.parse(text, source)
    indexes = document.get("index", [])
    for position in reversed(range(len(indexes))):
        if _is_mirror(known, indexes[position].get("url", "")):
            del indexes[position]
    if "index" in document and not len(indexes):
        del document["index"]
    for key in ("index-url", "python-install-mirror"):
        if _is_mirror(known, str(document.get(key, ""))):
            del document[key]
    for table in _tables(document):
        extra = table.get("extra-index-url", [])
        if kept := [url for url in extra if not _is_mirror(known, str(url))]:
            _put(table, "extra-index-url", kept)
        elif extra:
            del table["extra-index-url"]
    pip = document.get("pip", {})
    if _is_mirror(known, str(pip.get("index-url", ""))):
        del pip["index-url"]
    if "pip" in document and not pip:
        del document["pip"]
    return Edited(toml_text.finished(document, text, source))


def _move_index(document: Any, wanted: Wanted, known: Recogniser, edited: Edited, *, clean: bool) -> None:
    ruling = next((index for index in document.get("index", []) if index.get("default") is True), None)
    old = str(ruling.get("url", "")) if ruling is not None else str(document.get("index-url", ""))
    if old and known.url(old) is None:
        edited.notes.append(tr("uv's default index {url} is your own and was left as it is.", url=redact(old)))
    elif ruling is not None:
        _put(ruling, "url", wanted.index)
    elif "index-url" in document:
        _put(document, "index-url", wanted.index)
    else:
        _add_index(document, wanted.index)
    others = [index for index in document.get("index", []) if index is not ruling and index.get("default") is not True]
    public = [str(index["url"]) for index in others if "url" in index and _is_mirror(known, str(index["url"]))]
    # uv stops at the first index that has a project at all: a public mirror beside the default one hides newer versions
    edited.stale += public
    for table in _tables(document):
        extra = [str(url) for url in table.get("extra-index-url", [])]
        beside = [url for url in extra if _is_mirror(known, url)]
        edited.stale += beside
        if clean and beside:
            _put(table, "extra-index-url", [url for url in extra if url not in beside])
    if clean and public:
        indexes = document["index"]
        for position in reversed(range(len(indexes))):
            if str(indexes[position].get("url", "")) in public and indexes[position].get("default") is not True:
                del indexes[position]


def _move_pip(document: Any, wanted: Wanted, known: Recogniser, edited: Edited) -> None:
    """Move the index of the `[pip]` table, which `uv pip` obeys before all others."""
    old = str(document.get("pip", {}).get("index-url", ""))
    if old and known.url(old) is None:
        edited.notes.append(tr("`uv pip` has your own index {url}, which was left as it is.", url=redact(old)))
    elif old:
        _put(document["pip"], "index-url", wanted.index)


def _tables(document: Any) -> list[Any]:
    """Return the tables that may name indexes beside the default one: the document itself and `[pip]`."""
    return [document, *([document["pip"]] if "pip" in document else [])]


def _move_python(document: Any, wanted: Wanted, known: Recogniser, *, clean: bool) -> None:
    old = str(document.get("python-install-mirror", ""))
    found = known.url(old) if old else None
    if wanted.python and (not old or found):
        _put(document, "python-install-mirror", wanted.python)
    elif found and not found.alive and clean:
        del document["python-install-mirror"]


def _add_index(document: Any, url: str) -> None:
    import tomlkit

    entry = tomlkit.table()
    entry.add("url", url)
    entry.add("default", value=True)
    if "index" in document:
        document["index"].append(entry)
    else:
        entries = tomlkit.aot()
        entries.append(entry)
        if document.as_string().strip() and not document.as_string().endswith("\n\n"):
            document.add(tomlkit.nl())
        document.append("index", entries)


def _put(table: Any, key: str, value: Any) -> None:
    if table.get(key) != value:
        table[key] = value


def _is_mirror(known: Recogniser, url: str) -> bool:
    found = known.url(url) if url else None
    return bool(found and found.mirror)
