"""mamba and micromamba: ``.mambarc`` edited. They read conda's files, too; only a fallback list needs its own."""

from envtool.clients import conda
from envtool.clients.switching import Edited, Places, Recogniser, Scope, Wanted
from envtool.clients.yaml_text import YamlText
from envtool.paths import Host
from envtool.words import tr

NAME = "mamba"
KEYWORD = "mirrored_channels"
_CHANNEL = "conda-forge"


def places(host: Host, scope: Scope) -> Places | None:
    """Return the files of a scope, or None where there is no such place."""
    folder = {"user": host.home, "env": scope.prefix, "site": scope.root, "system": None}[scope.kind]
    return Places((folder / ".mambarc",), folder / ".mambarc") if folder else None


def switched(text: str, source: str, wanted: Wanted, known: Recogniser, *, clean: bool, host: Host) -> Edited:  # noqa: ARG001 - the editors' common shape
    """Return a ``.mambarc`` with conda-forge from the mirror first and from upstream after it.

    Every key of ``mirrored_channels`` is loaded always and above all other channels, so there is never more than the
    one channel here, and only where it is in use.
    """
    url = wanted.channel(_CHANNEL)
    settings = conda.in_force(host)
    if not url or (settings.channels and _CHANNEL not in settings.channels):
        return Edited(text, [tr("mamba reads conda's settings; it needs nothing of its own here.")])
    document = YamlText(text, source)
    old = document.get("mirrored_channels", _CHANNEL)
    own = [str(item) for item in old if known.url(str(item)) is None] if isinstance(old, list) else []
    document.put(("mirrored_channels", _CHANNEL), [*own, url, wanted.upstream_of(_CHANNEL)])
    return Edited(document.text)


def unset(text: str, source: str, known: Recogniser) -> Edited:
    """Return a ``.mambarc`` without any mirror's entries."""
    document = YamlText(text, source)
    old = document.get("mirrored_channels", _CHANNEL)
    if isinstance(old, list):
        kept = [str(item) for item in old if not ((found := known.url(str(item))) and found.mirror)]
        if any(known.url(item) is None or len(kept) > 1 for item in kept):
            document.put(("mirrored_channels", _CHANNEL), kept)
        else:
            document.remove(("mirrored_channels", _CHANNEL))
    return Edited(document.text)
