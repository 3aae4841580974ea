"""conda channels: the URLs that a name stands for under conda's settings, and the name of a URL, by conda 26.7's rules.

The model is that of ``conda/models/channel.py``.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from envtool.clients.conda.settings import UPSTREAM_ALIAS, CondaSettings
from envtool.redaction import split_login

_ANACONDA_PACKAGES = "https://repo.anaconda.com/pkgs/"
_SUBDIR = re.compile(
    r"/(?:noarch|(?:linux|osx|win|freebsd|zos|emscripten|wasi)-(?:32|64|z|aarch64|arm64|armv6l|armv7l|ppc64le|ppc64|riscv64|s390x|wasm32))(?=/|$)"
)
_SCHEME = re.compile(r"[a-z][a-z0-9]{0,11}://")


class _Place(NamedTuple):
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
    """Return a channel's canonical name: its name where conda would use one, else its URL without login.

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


def refused_channels(settings: CondaSettings) -> Iterator[tuple[str, str]]:
    """Yield (base URL, ``allowlist_channels`` or ``denylist_channels``) of every configured channel that conda refuses.

    The rule is that of ``validate_channels`` in ``conda/base/context.py``.
    """
    allowed, denied = (
        {url for name in names for _, url in channel_urls(settings, name)}
        for names in (settings.allowlist_channels, settings.denylist_channels)
    )
    for name in settings.channels:
        for _, url in channel_urls(settings, name):
            if url in denied:
                yield url, "denylist_channels"
            elif allowed and url not in allowed:
                yield url, "allowlist_channels"


def _without_subdir(text: str) -> str:
    found = _SUBDIR.search(text)
    return (text[: found.start()] + text[found.end() :] if found else text).rstrip("/")


def _join(*parts: str) -> str:
    filled = [part.strip("/") if index else part.rstrip("/") for index, part in enumerate(parts)]
    return "/".join(part for part in filled if part)


def _split(url: str) -> tuple[str, str, str, str]:
    """Return (location and path without scheme, scheme, login, ``t/<token>``)."""
    bare, login, token = split_login(url)
    scheme, _, rest = bare.partition("://") if _SCHEME.match(bare) else ("", "", bare)
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
    # `conda-forge/label/dev` is where `conda-forge` is
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
