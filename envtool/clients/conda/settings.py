"""conda's settings in force: every file and variable, merged by the rules of conda 26.7."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.clients.conda import condarc, mambarc
from envtool.clients.conda.condarc import CondaLayer, expand_path, layers
from envtool.clients.conda.program import find_program, is_mamba
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.paths import Host

if TYPE_CHECKING:
    from envtool.http.settings import HttpSettings

UPSTREAM_ALIAS = "https://conda.anaconda.org"
UPSTREAM_DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
_UPSTREAM_DEFAULTS_WINDOWS = (*UPSTREAM_DEFAULTS, "https://repo.anaconda.com/pkgs/msys2")
_UPSTREAM_CUSTOM = {"pkgs/pro": "https://repo.anaconda.com"}

_SCHEME = re.compile(r"[a-z][a-z0-9]{0,11}://")
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}|%(\w+)%")
_LISTS = {  # setting -> its other names, and the separator of items in its variable
    "channels": (("channel",), ","),
    "default_channels": ((), ","),
    "migrated_channel_aliases": ((), ","),
    "allowlist_channels": (("whitelist_channels",), ","),
    "denylist_channels": ((), ","),
    "envs_dirs": (("envs_path",), os.pathsep),
    "pkgs_dirs": ((), ","),
    "pinned_packages": ((), "&"),
    "create_default_packages": ((), ","),
}
_MAPS = ("custom_channels", "custom_multichannels", "migrated_custom_channels", "proxy_servers")
_MAPS_OF_LISTS = ("custom_multichannels",)
_SCALARS = {
    "channel_alias": (),
    "channel_priority": (),
    "ssl_verify": ("verify_ssl",),
    "client_ssl_cert": ("client_cert",),
    "client_ssl_cert_key": ("client_cert_key",),
    "remote_read_timeout_secs": (),
    "offline": (),
}


@dataclass(frozen=True)
class CondaSettings:
    """The settings that conda uses, merged from every file and ``CONDA_*`` variable. URLs may hold logins.

    ``channels`` is empty where nothing sets it. ``envs_dirs`` and ``pkgs_dirs`` are the configured ones only.
    ``origins`` maps a setting to the files or variables that set it, lowest precedence first.
    """

    channels: tuple[str, ...] = ()
    default_channels: tuple[str, ...] = UPSTREAM_DEFAULTS
    channel_alias: str = UPSTREAM_ALIAS
    migrated_channel_aliases: tuple[str, ...] = ()
    custom_channels: Mapping[str, str] = field(default_factory=lambda: dict(_UPSTREAM_CUSTOM))
    custom_multichannels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    migrated_custom_channels: Mapping[str, str] = field(default_factory=dict)
    allowlist_channels: tuple[str, ...] = ()
    denylist_channels: tuple[str, ...] = ()
    channel_priority: str = "flexible"
    envs_dirs: tuple[Path, ...] = ()
    pkgs_dirs: tuple[Path, ...] = ()
    pinned_packages: tuple[str, ...] = ()
    create_default_packages: tuple[str, ...] = ()
    ssl_verify: bool | str = True
    client_ssl_cert: str = ""
    client_ssl_cert_key: str = ""
    proxy_servers: Mapping[str, str] = field(default_factory=dict)
    remote_read_timeout_secs: float = 60.0
    offline: bool = False
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def in_force(
    host: Host,
    *,
    root: Path | None = None,
    prefix: Path | None = None,
    read_layer: Callable[[Path], CondaLayer] = condarc.read_layer,
) -> CondaSettings:
    """Return conda's settings for an environment (default: the active one). Raises EnvtoolError on a broken file.

    Where mamba is what the account uses, its own files count, too. ``read_layer`` reads one file: a caller that asks
    for several environments passes one that remembers.
    """
    stack = layers(host, root, prefix, read_layer)
    if is_mamba(find_program(host)):
        files = [layer for layer in stack if layer.path]
        stack = (*files, *mambarc.layers(host, root, read_layer), *stack[len(files) :])
    return merge(host, stack)


def http_settings(settings: CondaSettings) -> "HttpSettings":
    """Return how conda reaches the network."""
    from envtool.http.settings import HttpSettings

    verify = settings.ssl_verify
    return HttpSettings(
        proxies=settings.proxy_servers,
        certificate=verify if isinstance(verify, str) and verify != "truststore" else "",
        client_certificate=settings.client_ssl_cert,
        client_key=settings.client_ssl_cert_key,
        verify=verify is not False,
        timeout=settings.remote_read_timeout_secs,
    )


def merge(host: Host, stack: Sequence[CondaLayer]) -> CondaSettings:
    """Return the settings of layers together: lists and maps are merged, of single values the last one wins."""
    found: dict[str, Any] = {}
    origins: dict[str, tuple[str, ...]] = {}
    for name, (aliases, separator) in _LISTS.items():
        if said := _said(stack, name, aliases):
            found[name] = _merged_list(name, said, separator, host)
            origins[name] = _sources(said, name)
    for name in _MAPS:
        # conda cannot read a map from a variable either
        if said := [(layer, value) for layer, value in _said(stack, name, ()) if layer.path]:
            found[name] = _merged_map(name, said, host)
            origins[name] = _sources(said, name)
    for name, aliases in _SCALARS.items():
        if said := _said(stack, name, aliases):
            _refuse_odd_value(name, *said[-1])
            found[name] = expand_variables(said[-1][1], host)
            origins[name] = _sources(said, name)
    return _typed(found, origins, host)


def _said(stack: Sequence[CondaLayer], name: str, aliases: Sequence[str]) -> list[tuple[CondaLayer, Any]]:
    """Return the layers that set a setting, up to one that marks it as final."""
    said = []
    for layer in stack:
        key = next((key for key in (name, *aliases) if layer.values.get(key) is not None), None)
        if key is None:
            continue
        said.append((layer, layer.values[key]))
        if key in layer.final:
            break
    return said


def _sources(said: Sequence[tuple[CondaLayer, Any]], name: str) -> tuple[str, ...]:
    return tuple(layer.source if layer.path else f"CONDA_{name.upper()}" for layer, _ in said)


def _merged_list(name: str, said: Sequence[tuple[CondaLayer, Any]], separator: str, host: Host) -> tuple[str, ...]:
    lists = [_as_list(name, layer, value, separator) for layer, value in said]
    top = [item for layer, _ in said for item in layer.top.get(name, ())]
    bottom = [item for layer, _ in said for item in layer.bottom.get(name, ())]
    ordered = dict.fromkeys([*top, *(item for items in reversed(lists) for item in items)])
    ordered = dict.fromkeys([item for item in ordered if item not in bottom] + bottom)
    return tuple(expand_variables(item, host) for item in ordered)


def _as_list(name: str, layer: CondaLayer, value: object, separator: str) -> list[str]:
    if layer.path is None:
        return [item.strip() for item in str(value).split(separator) if item.strip()]
    if not isinstance(value, list):
        raise _wrong(tr("`{key}` in {path} must be a list.", key=name, path=layer.source))
    if any(isinstance(item, (list, dict)) for item in value):
        raise _wrong(tr("`{key}` in {path} must be a list of texts.", key=name, path=layer.source))
    return [str(item) for item in value if item is not None]


def _merged_map(name: str, said: Sequence[tuple[CondaLayer, Any]], host: Host) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer, value in said:
        if not isinstance(value, dict):
            raise _wrong(tr("`{key}` in {path} must map names to values.", key=name, path=layer.source))
        for key, content in value.items():
            expected = list if name in _MAPS_OF_LISTS else (str, int, float)
            if content is not None and not isinstance(content, expected):
                raise _wrong(_wrong_entry(name, str(key), layer.source))
            if isinstance(content, list):
                earlier = merged.get(key, ())
                both = dict.fromkeys((*(expand_variables(str(item), host) for item in content), *earlier))
                merged[str(key)] = tuple(both)
            elif content is not None:
                merged[str(key)] = expand_variables(str(content), host)
    return merged


def _refuse_odd_value(name: str, layer: CondaLayer, value: object) -> None:
    if isinstance(value, (list, dict)):
        raise _wrong(tr("`{key}` in {path} must be a single value.", key=name, path=layer.source))
    if name == "channel_alias" and not _SCHEME.match(str(value)) and "$" not in str(value):
        raise _wrong(tr("`{key}` in {path} must be a URL.", key=name, path=layer.source))


def _wrong_entry(name: str, key: str, source: str) -> str:
    if name in _MAPS_OF_LISTS:
        return tr("`{key}` in {path} must be a list.", key=f"{name}.{key}", path=source)
    return tr("`{key}` in {path} must be text.", key=f"{name}.{key}", path=source)


def _wrong(message: str) -> EnvtoolError:
    return EnvtoolError(message, hint=tr("Correct or remove it: conda stops on it, too."), code=ExitCode.BAD_INPUT)


def expand_variables(value: Any, host: Host) -> Any:
    """Replace ``$NAME``, ``${NAME}`` and ``%NAME%`` by the variables; one that is not set stays as it is."""
    if not isinstance(value, str) or not ("$" in value or "%" in value):
        return value
    return _VARIABLE.sub(lambda match: host.environ.get(match[1] or match[2] or match[3], match[0]), value)


def _typed(found: dict[str, Any], origins: dict[str, tuple[str, ...]], host: Host) -> CondaSettings:
    for name in ("envs_dirs", "pkgs_dirs"):
        if name in found:
            found[name] = tuple(expand_path(host, str(item)) for item in found[name])
    for name in ("channel_alias", "client_ssl_cert", "client_ssl_cert_key"):
        if name in found:
            found[name] = str(found[name]).strip()
    if "channel_priority" in found:
        priority = _boolean(found["channel_priority"])
        found["channel_priority"] = {"True": "flexible", "False": "disabled"}.get(str(priority), str(priority).lower())
    if "ssl_verify" in found:
        found["ssl_verify"] = _boolean(found["ssl_verify"])
    if "offline" in found:
        found["offline"] = _boolean(found["offline"]) is True
    if "remote_read_timeout_secs" in found:
        try:
            found["remote_read_timeout_secs"] = float(found["remote_read_timeout_secs"])
        except (TypeError, ValueError):
            del found["remote_read_timeout_secs"]
    if host.system == "Windows":
        found.setdefault("default_channels", _UPSTREAM_DEFAULTS_WINDOWS)
    return CondaSettings(**found, origins=origins)


def _boolean(value: object) -> bool | str:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    return words.get(str(value).strip().lower(), str(value).strip())
