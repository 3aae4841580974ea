"""mamba and micromamba: ``.mambarc`` edited. They read conda's files, too; only a fallback list needs its own."""

import codecs

from envtool.clients import conda
from envtool.clients.client import Edited, Places, Recogniser, Scope, Wanted
from envtool.clients.conda import editing, mirrored_channels
from envtool.clients.yaml_text import YamlText
from envtool.i18n import tr
from envtool.paths import Host

NAME = "mamba"
KEYWORD = "mirrored_channels"
MARKS: tuple[bytes, ...] = (b"", codecs.BOM_UTF8)
_CHANNEL = "conda-forge"


def places(host: Host, scope: Scope) -> Places | None:
    """Return the files of a scope, or None where there is no such place."""
    folder = {"user": host.home, "env": scope.prefix, "site": scope.root, "system": None}[scope.kind]
    return Places((folder / ".mambarc",), folder / ".mambarc") if folder else None


def switched(text: str, source: str, wanted: Wanted, known: Recogniser, *, clean: bool, host: Host) -> Edited:
    """Return a ``.mambarc`` with conda-forge from the mirror first and from upstream after it.

    Every key of ``mirrored_channels`` is loaded always and above all other channels, so there is never more than the
    one channel put in here, and only where it is in use. What the file has of conda's settings is moved as conda's.
    """
    edited = editing.moved(text, source, wanted, known, clean=clean, host=host)
    document = YamlText(edited.text, source)
    url = wanted.channel(_CHANNEL)
    channels = (*conda.in_force(host).channels, *(document.get("channels") or ()))
    if not url or (channels and _CHANNEL not in channels):
        if edited.text == text:
            edited.notes.append(tr("mamba reads conda's settings; it needs nothing of its own here."))
        return edited
    old = document.get("mirrored_channels", _CHANNEL)
    own = [str(item) for item in old if known.url(str(item)) is None] if isinstance(old, list) else []
    document.put(("mirrored_channels", _CHANNEL), [*own, url, wanted.upstream_of(_CHANNEL)])
    mirrored_channels.move(document, wanted, known, edited.stale, clean=clean)
    edited.text = document.text
    return edited


def unset(text: str, source: str, known: Recogniser) -> Edited:
    """Return a ``.mambarc`` without any mirror's entries."""
    return editing.unset(text, source, known)
