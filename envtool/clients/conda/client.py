"""conda as a client: its settings in force and what is odd about them, what overrides them, and its registration."""

import codecs
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from envtool.clients import conda
from envtool.clients.conda import editing
from envtool.clients.conda.condarc import CondaLayer, layers, search_path
from envtool.clients.conda.entries import unquoted
from envtool.clients.conda.program import implicit_channels
from envtool.clients.protocol import (
    Client,
    Effect,
    Endpoints,
    InForce,
    RunSettings,
    Scope,
    Setting,
    SiteMatcher,
    Surroundings,
)
from envtool.clients.yaml_text import YamlText
from envtool.encoding import decode_with_form
from envtool.errors import EnvtoolError
from envtool.files import SETTINGS_LIMIT, read_file
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact

_SHOWN = (
    "channels",
    "default_channels",
    "custom_channels",
    "custom_multichannels",
    "channel_alias",
    "allowlist_channels",
    "denylist_channels",
    "proxy_servers",
    "ssl_verify",
)
_SINGLE = ("channel_alias", "ssl_verify")
_PLACES = ("default_channels", "channel_alias", "custom_channels", "custom_multichannels")  # where channels lie


def in_force(where: Surroundings, sites: SiteMatcher) -> InForce:
    """Return where conda's channels lie, the settings behind that, and warnings about combinations of them."""
    found = InForce()
    stack = layers(where.host, where.root, where.prefix)
    settings = conda.merge(where.host, stack)
    for name in dict.fromkeys((*settings.channels, "defaults", "conda-forge")):
        found.resolved[name] = tuple(url for _, url in conda.channel_urls(settings, name))
    for layer in stack:
        for setting in layer_settings(layer, _SHOWN):
            single = setting.key in _SINGLE
            source = layer.source if layer.path else f"CONDA_{setting.key.upper()}"
            wins = single and settings.origins[setting.key][-1] == source
            effect: Effect = "wins" if wins else "hidden" if single else "merged"
            found.settings.append(Setting(setting.source, setting.key, setting.value, effect, setting.urls))
    found.warnings += _warnings(settings, stack, where.root, sites)
    return found


def layer_settings(layer: CondaLayer, keys: Sequence[str] = _SHOWN) -> Iterator[Setting]:
    """Yield the settings of one layer that say where channels lie, as if all of them were merged."""
    for key in keys:
        value: Any = layer.values.get(key)
        if isinstance(value, dict):
            for name, content in value.items():
                text = " ".join(map(str, content)) if isinstance(content, list) else str(content)
                # an entry of custom_channels gives the part above the name
                urls = (f"{text.rstrip('/')}/{name}",) if key == "custom_channels" and "://" in text else ()
                yield Setting(layer.source, f"{key}.{name}", text, "merged", urls)
        elif isinstance(value, list):
            yield Setting(layer.source, key, " ".join(str(item) for item in value), "merged")
        elif value is not None:
            yield Setting(layer.source, key, str(value).replace(",", " "), "merged")


def _warnings(
    settings: conda.CondaSettings, stack: Sequence[CondaLayer], root: Path | None, sites: SiteMatcher
) -> Iterator[str]:
    if not settings.channels and implicit_channels(root):
        yield tr("No channel is configured: this conda takes `defaults`; conda 25.9 and later has no default channel.")
    elif not settings.channels:
        yield tr("No channel is configured: conda 25.9 and later has no default channel.")
    found = (sites.match(url) for url in settings.default_channels)
    mirrors = {match.mirror for match in found if match and match.channel.startswith("pkgs/")}
    if len(mirrors) > 1:
        names = ", ".join(sorted(mirror or tr("upstream") for mirror in mirrors))
        yield tr("`defaults` is read from several sites at once: {names}.", names=names)
    alias = sites.match(settings.channel_alias)
    if alias and alias.mirror:
        yield tr(
            "`channel_alias` sends every channel to {mirror}, even channels that it does not serve.",
            mirror=alias.mirror,
        )
    yield from _about_names(settings)
    for layer in stack:
        if root and layer.path and layer.path.is_relative_to(root) and layer.values.get("channels"):
            yield tr("The installation's own {path} adds its channels to yours.", path=layer.path)


def _about_names(settings: conda.CondaSettings) -> Iterator[str]:
    """Yield what is odd about the channels that are configured, and about how conda reaches them."""
    for url, key in conda.refused_channels(settings):
        yield tr("conda refuses {url}: see {key} in {places}.", url=redact(url), key=key, places=_places(settings, key))
    for name in settings.channels:
        if unquoted(name) != name:
            yield tr(
                "The quotes in {entry} are part of it: conda looks for a channel of that name.", entry=redact(name)
            )
        elif name in conda.SLIPS:
            yield conda.slip(name)
        elif name == "nodefaults":
            yield tr("`nodefaults` has a meaning in environment.yml only; here conda looks for a channel of that name.")
    if settings.ssl_verify is False:
        yield tr("`ssl_verify: false`: conda checks no certificate ({places}).", places=_places(settings, "ssl_verify"))


def _places(settings: conda.CondaSettings, key: str) -> str:
    return ", ".join(settings.origins.get(key, ()))


def overrides(where: Surroundings, scope: Scope, sites: SiteMatcher) -> Iterator[str]:
    """Yield a sentence for each variable and each file that overrides, or is merged with, the files of a scope."""
    prefix = scope.prefix or where.prefix
    places = editing.files(where.host, scope)
    edited = set(places.paths) if places else set()
    is_above = False
    for layer in layers(where.host, where.root, prefix):
        is_above = is_above or layer.path in edited
        keys = [key for key in _PLACES if layer.values.get(key)]
        if layer.path is None:
            for key in keys:
                variable = f"CONDA_{key.upper()}"
                yield tr("{variable} is set in this shell and overrides every file: unset it.", variable=variable)
        elif layer.path in edited:
            continue
        elif keys and scope.kind == "user" and prefix and layer.path.parent == prefix and prefix != where.root:
            yield tr("The active environment's own {path} overrides this scope.", path=layer.source)
        else:
            yield from _merged_with(layer, sites, is_above=is_above or _is_after(layer, where, edited))


def _is_after(layer: CondaLayer, where: Surroundings, edited: Collection[Path]) -> bool:
    """Return whether conda reads a file after those of the scope, also where these do not exist yet."""
    order = list(search_path(where.host, where.root, where.prefix))
    positions = [order.index(path) for path in edited if path in order]
    own = next((order.index(place) for place in (layer.path, layer.path and layer.path.parent) if place in order), -1)
    return bool(positions) and own > max(positions)


def _merged_with(layer: CondaLayer, sites: SiteMatcher, *, is_above: bool) -> Iterator[str]:
    """Yield what another file leads to, which conda reads as well as those of the scope."""
    names: dict[str, None] = {}
    for setting in layer_settings(layer, ("channels", *_PLACES)):
        for url in setting.urls or [word for word in setting.value.split() if "://" in word]:
            if (found := sites.match(url)) and found.mirror:
                names.setdefault(found.mirror)
    mirrors = ", ".join(names)
    if names and is_above:
        yield tr("{path} keeps {mirrors} in front: conda reads it after your file.", path=layer.source, mirrors=mirrors)
    elif layer.values.get("default_channels"):
        yield tr("{path} sets default_channels, too: conda reads both.", path=layer.source)
    elif names:
        yield tr("{path} leads to {mirrors}, too: conda reads both.", path=layer.source, mirrors=mirrors)


def for_run(host: Host, endpoints: Endpoints, sites: SiteMatcher) -> RunSettings:
    """Return a settings file that conda reads last: what CONDARC names now, with the mirror in it."""
    if not endpoints.parents:
        return RunSettings()
    own = host.environ.get("CONDARC", "")
    text = decode_with_form(read_file(Path(own), limit=SETTINGS_LIMIT))[0] if own and Path(own).is_file() else ""
    if redact(text) != text:
        raise EnvtoolError(
            tr("{path} holds a login, which must not be copied.", path=own),
            hint=tr("Unset CONDARC for this command, or use `envtool mirror set`."),
        )
    path = host.cache_dir / "mirror-run" / f"{endpoints.mirror.replace(':', '_')}.yml"
    edited = editing.switched(text, str(path), endpoints, sites, clean=True, where=Surroundings(host))
    document = YamlText(edited.text, str(path))
    if parts := document.get("default_channels"):
        # lists of several files are joined, so the one in the user's file would go on being read; this one replaces it
        document.put(("custom_multichannels", "defaults"), [str(url) for url in parts])
    return RunSettings({"CONDARC": str(path)}, {path: document.text}, edited.notes)


CLIENT = Client(
    name="conda",
    tested_for="conda",
    keyword="channel",
    marks=(b"", codecs.BOM_UTF8),
    files=editing.files,
    switched=editing.switched,
    unset=editing.unset,
    in_force=in_force,
    overrides=overrides,
    for_run=for_run,
)
