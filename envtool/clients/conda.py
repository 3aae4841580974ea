"""conda's settings in force and why, and what a channel's name means under them (conda 26.7's own rules)."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envtool.clients.condarc import Layer, config_files, expand_path, layers
from envtool.errors import EnvtoolError, ExitCode
from envtool.paths import Host
from envtool.words import tr

__all__ = ["CondaSettings", "canonical_name", "channel_urls", "config_files", "in_force", "merge", "split_login"]

UPSTREAM_ALIAS = "https://conda.anaconda.org"
UPSTREAM_DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
_UPSTREAM_DEFAULTS_WINDOWS = (*UPSTREAM_DEFAULTS, "https://repo.anaconda.com/pkgs/msys2")
_UPSTREAM_CUSTOM = {"pkgs/pro": "https://repo.anaconda.com"}
_ANACONDA_PACKAGES = "https://repo.anaconda.com/pkgs/"

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}|%(\w+)%")
_SUBDIR = re.compile(
    r"/(?:noarch|(?:linux|osx|win|freebsd|zos|emscripten|wasi)-(?:32|64|z|aarch64|arm64|armv6l|armv7l|ppc64le|ppc64|riscv64|s390x|wasm32))(?=/|$)"
)
_SCHEME = re.compile(r"[a-z][a-z0-9]{0,11}://")
_TOKEN = re.compile(r"/t/[a-zA-Z0-9-]*")
_LISTS = {  # setting -> its other names, and what separates items in its variable
    "channels": (("channel",), ","),
    "default_channels": ((), ","),
    "migrated_channel_aliases": ((), ","),
    "allowlist_channels": (("whitelist_channels",), ","),
    "denylist_channels": ((), ","),
    "envs_dirs": (("envs_path",), os.pathsep),
    "pkgs_dirs": ((), ","),
}
_MAPS = ("custom_channels", "custom_multichannels", "migrated_custom_channels", "proxy_servers")
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
    """What conda would use: every file and ``CONDA_*`` variable merged. URLs may hold logins: never print them raw.

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
    ssl_verify: bool | str = True
    client_ssl_cert: str = ""
    client_ssl_cert_key: str = ""
    proxy_servers: Mapping[str, str] = field(default_factory=dict)
    remote_read_timeout_secs: float = 60.0
    offline: bool = False
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def in_force(host: Host, *, root: Path | None = None, prefix: Path | None = None) -> CondaSettings:
    """Return conda's settings for an environment (default: the active one). Raises EnvtoolError on a broken file."""
    return merge(host, layers(host, root, prefix))


def merge(host: Host, stack: Sequence[Layer]) -> CondaSettings:
    """Return what layers mean together: lists and maps merge, of single values the last one wins."""
    found: dict[str, Any] = {}
    origins: dict[str, tuple[str, ...]] = {}
    for name, (aliases, separator) in _LISTS.items():
        if said := _said(stack, name, aliases):
            found[name] = _merged_list(name, said, separator, host)
            origins[name] = _sources(said, name)
    for name in _MAPS:
        # conda cannot take a map from a variable, so that one is left out here too
        if said := [(layer, value) for layer, value in _said(stack, name, ()) if layer.path]:
            found[name] = _merged_map(name, said, host)
            origins[name] = _sources(said, name)
    for name, aliases in _SCALARS.items():
        if said := _said(stack, name, aliases):
            found[name] = _expanded(said[-1][1], host)
            origins[name] = _sources(said, name)
    return _typed(found, origins, host)


def _said(stack: Sequence[Layer], name: str, aliases: Sequence[str]) -> list[tuple[Layer, Any]]:
    """Return the layers that say something about a setting, up to the one that says the last word."""
    said = []
    for layer in stack:
        key = next((key for key in (name, *aliases) if layer.values.get(key) is not None), None)
        if key is None:
            continue
        said.append((layer, layer.values[key]))
        if key in layer.final:
            break
    return said


def _sources(said: Sequence[tuple[Layer, Any]], name: str) -> tuple[str, ...]:
    return tuple(layer.source if layer.path else f"CONDA_{name.upper()}" for layer, _ in said)


def _merged_list(name: str, said: Sequence[tuple[Layer, Any]], separator: str, host: Host) -> tuple[str, ...]:
    lists = [_as_list(name, layer, value, separator) for layer, value in said]
    top = [item for layer, _ in said for item in layer.top.get(name, ())]
    bottom = [item for layer, _ in said for item in layer.bottom.get(name, ())]
    ordered = dict.fromkeys([*top, *(item for items in reversed(lists) for item in items)])
    ordered = dict.fromkeys([item for item in ordered if item not in bottom] + bottom)
    return tuple(_expanded(item, host) for item in ordered)


def _as_list(name: str, layer: Layer, value: object, separator: str) -> list[str]:
    if layer.path is None:
        return [item.strip() for item in str(value).split(separator) if item.strip()]
    if not isinstance(value, list):
        raise _wrong(name, layer, tr("a list"))
    return [str(item) for item in value if item is not None]


def _merged_map(name: str, said: Sequence[tuple[Layer, Any]], host: Host) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer, value in said:
        if not isinstance(value, dict):
            raise _wrong(name, layer, tr("a map of names to values"))
        for key, content in value.items():
            if isinstance(content, list):
                earlier = merged.get(key, ())
                both = dict.fromkeys((*(_expanded(str(item), host) for item in content), *earlier))
                merged[str(key)] = tuple(both)
            elif content is not None:
                merged[str(key)] = _expanded(str(content), host)
    return merged


def _wrong(name: str, layer: Layer, wanted: str) -> EnvtoolError:
    return EnvtoolError(
        tr("`{key}` in {path} must be {wanted}.", key=name, path=layer.source, wanted=wanted),
        hint=tr("conda stops on this too: correct the file."),
        code=ExitCode.BAD_INPUT,
    )


def _expanded(value: Any, host: Host) -> Any:
    """Fill in ``$NAME``, ``${NAME}`` and ``%NAME%``; what is not set stays as it is written."""
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


# -- channels: what a name means, and what a URL is called


@dataclass(frozen=True)
class _Place:
    """A channel as conda splits it: ``location`` without scheme and login, and the ``name`` below it."""

    scheme: str
    login: str
    token: str
    location: str
    name: str

    @property
    def url(self) -> str:
        login = f"{self.login}@" if self.login else ""
        return f"{self.scheme}://{login}{_join(self.location, self.token, self.name)}"

    @property
    def bare(self) -> str:
        return f"{self.scheme}://{_join(self.location, self.name)}"


def channel_urls(settings: CondaSettings, name: str) -> tuple[tuple[str, str], ...]:
    """Return (canonical name, base URL without subdir, with its login) of every channel that ``name`` stands for.

    ``name`` is a channel's name, one of the multichannels such as ``defaults``, a URL, or a path.
    """
    plain = _without_subdir(name)
    parts = _multichannels(settings).get(plain)
    places = parts if parts is not None else (_place(settings, plain),)
    return tuple((_canonical(settings, place), place.url) for place in places)


def canonical_name(settings: CondaSettings, url: str) -> str:
    """Return the name a channel goes by: its name where conda would use one, else its URL without login.

    Unlike conda's, an upstream address keeps its upstream name also where the settings have moved that name elsewhere:
    what was installed from ``https://conda.anaconda.org/conda-forge`` is ``conda-forge``.
    """
    if not _SCHEME.match(url):
        return _without_subdir(url)
    name = _canonical(settings, _place(settings, _without_subdir(url)))
    bare = re.sub(r"^http:", "https:", name)
    if bare.startswith(_ANACONDA_PACKAGES):
        return "defaults"
    return bare.removeprefix(UPSTREAM_ALIAS + "/") if bare.startswith(UPSTREAM_ALIAS + "/") else name


def split_login(url: str) -> tuple[str, str, str]:
    """Return (URL without login, ``user:password``, conda token without ``/t/``) of a URL."""
    token = _TOKEN.search(url)
    plain = url.replace(token[0], "", 1) if token else url
    scheme, separator, rest = plain.partition("://")
    authority, slash, path = rest.partition("/")
    login, _, host = authority.rpartition("@")
    return f"{scheme}{separator}{host}{slash}{path}", login, token[0][3:] if token else ""


def _without_subdir(text: str) -> str:
    found = _SUBDIR.search(text)
    return (text[: found.start()] + text[found.end() :] if found else text).rstrip("/")


def _join(*parts: str) -> str:
    filled = [part.strip("/") if index else part.rstrip("/") for index, part in enumerate(parts)]
    return "/".join(part for part in filled if part)


def _split(url: str) -> tuple[str, str, str, str]:
    """Return (location and path without scheme, scheme, login, ``t/<token>``)."""
    bare, login, token = split_login(url)
    scheme, _, rest = bare.partition("://") if "://" in bare else ("", "", bare)
    return rest.rstrip("/"), scheme, login, f"t/{token}" if token else ""


def _simple(settings: CondaSettings, url: str, name: str = "") -> _Place:
    """Return the channel that an entry of the settings means: ``url`` a location, or a name below the alias."""
    rest, scheme, login, token = _split(url)
    alias, alias_scheme, alias_login, alias_token = _split(settings.channel_alias)
    if not scheme:
        return _Place(alias_scheme, alias_login, alias_token, alias, (name or url).strip("/"))
    if name:
        return _Place(scheme, login, token, rest, name.strip("/"))
    if rest == alias or rest.startswith(alias + "/"):
        return _Place(scheme, login, token, alias, rest[len(alias) :].strip("/"))
    site, _, path = rest.partition("/")
    return _Place(scheme, login, token, site, path)


def _multichannels(settings: CondaSettings) -> dict[str, tuple[_Place, ...]]:
    named = {"defaults": settings.default_channels, **settings.custom_multichannels}
    return {name: tuple(_simple(settings, url) for url in urls) for name, urls in named.items()}


def _custom(settings: CondaSettings) -> dict[str, _Place]:
    parts = (place for places in _multichannels(settings).values() for place in places)
    own = (_simple(settings, url, name) for name, url in settings.custom_channels.items())
    return {place.name: place for place in (*parts, *own)}


def _place(settings: CondaSettings, value: str) -> _Place:
    if _SCHEME.match(value):
        return _place_of_url(settings, value)
    if value.startswith(("/", "./", "../", "~")) or re.match(r"[A-Za-z]:[\\/]", value):
        return _place_of_url(settings, Path(value).expanduser().absolute().as_uri())
    return _place_of_name(settings, value)


def _place_of_name(settings: CondaSettings, name: str) -> _Place:
    custom = _custom(settings)
    # `conda-forge/label/dev` lies where `conda-forge` lies
    for known in _shortenings(name):
        if known in custom:
            place = custom[known]
            return _Place(place.scheme, place.login, place.token, place.location, name)
    return _simple(settings, name)


def _shortenings(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition("/")[0]


def _place_of_url(settings: CondaSettings, url: str) -> _Place:
    rest, scheme, login, token = _split(url)
    for name, location in sorted(settings.migrated_custom_channels.items(), key=lambda item: -len(item[0])):
        old = _join(_split(location)[0], name)
        if _below(rest, old):
            return _place_of_name(settings, _join(name, rest[len(old) :]))
    for migrated in settings.migrated_channel_aliases:
        old = _split(migrated)[0]
        if _below(rest, old):
            return _simple(settings, rest[len(old) :].strip("/"))
    for _, known in sorted(_custom(settings).items(), key=lambda item: -len(item[0])):
        base = _join(known.location, known.name)
        if _below(rest, base):
            name = _join(known.name, rest[len(base) :])
            return _Place(scheme, login or known.login, token or known.token, known.location, name)
    alias, _, alias_login, alias_token = _split(settings.channel_alias)
    if _below(rest, alias):
        return _Place(scheme, login or alias_login, token or alias_token, alias, rest[len(alias) :].strip("/"))
    location, _, name = rest.rpartition("/") if scheme == "file" else rest.partition("/")
    return _Place(scheme, login, token, location, name)


def _below(path: str, base: str) -> bool:
    return path == base or path.startswith(base.rstrip("/") + "/")


def _canonical(settings: CondaSettings, place: _Place) -> str:
    for multi, parts in _multichannels(settings).items():
        if any(place.name == part.name for part in parts):
            return multi
    if place.name and any(_below(place.name, known) or _below(known, place.name) for known in _custom(settings)):
        return place.name
    aliases = (settings.channel_alias, *settings.migrated_channel_aliases)
    if any(_split(alias)[0] == place.location for alias in aliases):
        return place.name
    return place.bare
