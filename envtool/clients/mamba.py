"""mamba and micromamba: ``.mambarc`` read and edited. They read conda's files, too; only fallback lists go here."""

import codecs

from envtool.clients import conda
from envtool.clients.conda import editing, mirrored_channels
from envtool.clients.conda.client import layer_settings
from envtool.clients.conda.condarc import read_layer
from envtool.clients.protocol import (
    Client,
    Edited,
    Endpoints,
    InForce,
    Scope,
    Setting,
    SettingsFiles,
    SiteMatcher,
    Surroundings,
)
from envtool.clients.yaml_text import YamlText
from envtool.i18n import tr
from envtool.paths import Host

_CHANNEL = "conda-forge"


def files(host: Host, scope: Scope) -> SettingsFiles | None:
    """Return the files of a scope, or None where mamba has none such."""
    folder = {"user": host.home, "env": scope.prefix, "site": scope.root, "system": None}[scope.kind]
    return SettingsFiles((folder / ".mambarc",), folder / ".mambarc") if folder else None


def in_force(where: Surroundings, sites: SiteMatcher) -> InForce:  # noqa: ARG001 - the clients' common shape
    """Return what the user's ``.mambarc`` adds to conda's settings."""
    found = InForce()
    places = files(where.host, Scope("user"))
    for path in places.paths if places else ():
        if not path.is_file():
            continue
        layer = read_layer(path)
        found.settings += layer_settings(layer)
        mirrored = layer.values.get("mirrored_channels")
        for name, urls in (mirrored if isinstance(mirrored, dict) else {}).items():
            if not isinstance(urls, list):
                found.warnings.append(
                    tr("{path}: `{key}` is not a list of addresses.", path=path, key=f"mirrored_channels.{name}")
                )
                continue
            found.resolved[str(name)] = tuple(str(url) for url in urls)
            for url in urls:
                found.settings.append(Setting(str(path), f"mirrored_channels.{name}", str(url), "merged"))
    return found


def switched(
    text: str, source: str, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool, where: Surroundings
) -> Edited:
    """Return a ``.mambarc`` with conda-forge from the mirror first and from upstream after it.

    mamba always loads every key of ``mirrored_channels``, above all other channels. So only this one channel is put in
    here, and only where it is in use. conda's own settings in the file are moved as in conda's files.
    """
    edited = editing.moved(text, source, endpoints, sites, clean=clean, where=where)
    document = YamlText(edited.text, source)
    url = endpoints.channel(_CHANNEL)
    channels = (*conda.in_force(where.host, root=where.root).channels, *(document.get("channels") or ()))
    if not url or (channels and _CHANNEL not in channels):
        if edited.text == text:
            edited.notes.append(tr("mamba reads conda's settings and needs none of its own here."))
        return edited
    old = document.get("mirrored_channels", _CHANNEL)
    own = [str(item) for item in old if sites.match(str(item)) is None] if isinstance(old, list) else []
    document.put(("mirrored_channels", _CHANNEL), [*own, url, endpoints.upstream_of(_CHANNEL)])
    mirrored_channels.move(document, endpoints, sites, edited.stale, clean=clean)
    edited.text = document.text
    return edited


CLIENT = Client(
    name="mamba",
    tested_for="conda",
    keyword="mirrored_channels",
    programs=("mamba", "micromamba"),
    marks=(b"", codecs.BOM_UTF8),
    files=files,
    switched=switched,
    unset=editing.unset,
    in_force=in_force,
)
