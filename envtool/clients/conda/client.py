"""conda as a client: its settings in force and what is odd about them, what overrides them, and its registration."""

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from envtool.clients import conda
from envtool.clients.conda import editing
from envtool.clients.conda.condarc import CondaLayer, layers
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
from envtool.files import INPUT_LIMIT, read_file
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact

_SHOWN = ("channels", "default_channels", "custom_channels", "custom_multichannels", "channel_alias")
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
            alias = setting.key == "channel_alias"
            source = layer.source if layer.path else "CONDA_CHANNEL_ALIAS"
            wins = alias and settings.origins["channel_alias"][-1] == source
            effect: Effect = "wins" if wins else "hidden" if alias else "merged"
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
    if not settings.channels:
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
    if "nodefaults" in settings.channels:
        yield tr("`nodefaults` has a meaning in environment.yml only; here conda looks for a channel of that name.")
    for layer in stack:
        if root and layer.path and layer.path.is_relative_to(root) and layer.values.get("channels"):
            yield tr("The installation's own {path} adds its channels to yours.", path=layer.path)


def overrides(where: Surroundings, scope: Scope) -> Iterator[str]:
    """Yield a sentence for each variable and each file that overrides, or is merged with, the files of a scope."""
    root, prefix = where.root, scope.prefix or where.prefix
    for layer in layers(where.host, root, prefix):
        keys = [key for key in _PLACES if layer.values.get(key)]
        if layer.path is None:
            for key in keys:
                variable = f"CONDA_{key.upper()}"
                yield tr("{variable} is set in this shell and overrides every file: unset it.", variable=variable)
        elif keys and scope.kind == "user" and prefix and layer.path.parent == prefix and prefix != root:
            yield tr("The active environment's own {path} overrides this scope.", path=layer.source)
        elif "default_channels" in keys and scope.kind == "user" and root and layer.path.is_relative_to(root):
            yield tr("{path} sets default_channels, too: conda reads both.", path=layer.path)


def for_run(host: Host, endpoints: Endpoints, sites: SiteMatcher) -> RunSettings:
    """Return a settings file that conda reads last: what CONDARC names now, with the mirror in it."""
    if not endpoints.parents:
        return RunSettings()
    own = host.environ.get("CONDARC", "")
    text = decode_with_form(read_file(Path(own), limit=INPUT_LIMIT))[0] if own and Path(own).is_file() else ""
    if redact(text) != text:
        raise EnvtoolError(
            tr("{path} holds a login, which must not be copied.", path=own),
            hint=tr("Unset CONDARC for this command, or use `envtool mirror set`."),
        )
    path = host.cache_dir / "mirror-run" / f"{endpoints.mirror.replace(':', '_')}.yml"
    edited = editing.switched(text, str(path), endpoints, sites, clean=True, host=host)
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
