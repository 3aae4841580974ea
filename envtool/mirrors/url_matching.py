"""Match URLs in configuration files with the mirrors that they belong to, in every form that has been in use."""

import hashlib
import re
from collections.abc import Iterable

from envtool.clients.protocol import COMMON, UrlMatch
from envtool.mirrors.catalogue import Catalogue, Mirror

_SUBDIR = re.compile(r"/(?:noarch|(?:linux|osx|win)-[a-z0-9]+)$")
_PARTS = ("main", "r", "msys2", "free")
_CHANNEL = re.compile(r"/(?P<channel>(?:pkgs|cloud)/[^/]+)$")
# The hosts of the default index, present and former, are known by digest: this project never names them. Looks do not
# decide: a lab's own `pypi.lan` must never be taken for it.
_DEFAULT_INDEX = ("a4aa2ac280bb8d1a", "d6d7019ca9fcbf07")


class UrlMatcher:
    """Tells public sites from a user's own."""

    def __init__(self, catalogue: Catalogue, replaceable: Iterable[str] = ()) -> None:
        """Take a catalogue, and addresses in no list that the user agreed to treat as a mirror's."""
        self._catalogue = catalogue
        self._replaceable = {_address(url): url for url in replaceable}

    def match(self, url: str) -> UrlMatch | None:
        """Return what is known about a URL, or None where it is the user's own."""
        address = _address(url)
        if address in self._replaceable:
            channel = public_channel(url)
            return UrlMatch(address.partition("/")[0], "conda" if channel else "pypi", channel)
        for mirror in self._catalogue.mirrors.values():
            if found := _known(mirror, address):
                return found
        if channel := upstream_channel(self._catalogue, url):
            return UrlMatch("", "conda", channel)
        if address == _address(self._catalogue.conda):
            return UrlMatch("", "conda")
        if found := self._lost(address):  # after upstream, which may stand on the host of a mirror
            return found
        digest = hashlib.sha256(address.partition("/")[0].encode()).hexdigest()
        return UrlMatch("", "pypi") if digest.startswith(_DEFAULT_INDEX) else None

    def _lost(self, address: str) -> UrlMatch | None:
        """Return the site at which an address stands that it does not serve: a mistake, never a private server."""
        host, _, path = _SUBDIR.sub("", address).partition("/")
        mirror = next((mirror for mirror in self._catalogue.mirrors.values() if host in _hosts(mirror)), None)
        if mirror is None or mirror.own or any(_below(address, _address(url)) for url in mirror.other):
            return None
        lost = _CHANNEL.search(f"/{path}")
        channel = lost["channel"].removeprefix("cloud/") if lost else ""
        return UrlMatch(mirror.name, "conda" if channel else "pypi", channel, alive=False)

    def is_mirror_host(self, text: str) -> bool:
        """Return whether a host name (or a URL, as some files have it) is a known mirror's."""
        wanted = _address(text).partition("/")[0]
        replaceable = any(address.partition("/")[0] == wanted for address in self._replaceable)
        return replaceable or any(wanted in _hosts(mirror) for mirror in self._catalogue.mirrors.values())


def host_of(url: str) -> str:
    """Return a URL's host, with its port unless it is the usual one, or ""."""
    return _address(url).partition("/")[0] if "://" in url else ""


def public_channel(url: str) -> str:
    """Return the public channel (``conda-forge``, ``pkgs/main``) that a URL on any host is named like, or ""."""
    head, _, last = _SUBDIR.sub("", _address(url)).rpartition("/")
    if last in COMMON:
        return last
    return f"pkgs/{last}" if head.endswith("/pkgs") and last in _PARTS else ""


def upstream_channel(catalogue: Catalogue, url: str) -> str:
    """Return the channel (``conda-forge``, ``pkgs/main``) that an upstream URL means, or "" for any other URL."""
    address = _SUBDIR.sub("", _address(url))
    for root, prefix in ((catalogue.defaults, "pkgs/"), (catalogue.conda, "")):
        base = _address(root)
        if address != base and _below(address, base):
            return prefix + address[len(base) + 1 :]
    return ""


def _roots(mirror: Mirror) -> tuple[str, ...]:
    pypi = (mirror.pypi.index, *mirror.pypi.also) if mirror.pypi else ()
    return (*pypi, mirror.conda.base, *mirror.conda.also) if mirror.conda else pypi


def _hosts(mirror: Mirror) -> set[str]:
    return {*mirror.hosts, *(_address(root).partition("/")[0] for root in _roots(mirror))}


def _known(mirror: Mirror, address: str) -> UrlMatch | None:
    if mirror.pypi and any(_below(address, _address(root)) for root in (mirror.pypi.index, *mirror.pypi.also)):
        return UrlMatch(mirror.name, "pypi", alive=mirror.usable)
    if mirror.pypi and any(_below(address, _address(root)) for root in mirror.pypi.dead):
        return UrlMatch(mirror.name, "pypi", alive=False)
    if mirror.torch and any(_below(address, _address(root)) for root in (mirror.torch.base, *mirror.torch.also)):
        return UrlMatch(mirror.name, "torch", alive=mirror.usable)
    if mirror.python and _below(address, _address(mirror.python)):
        return UrlMatch(mirror.name, "python", alive=mirror.usable)
    return _conda(mirror, address)


def _conda(mirror: Mirror, address: str) -> UrlMatch | None:
    conda = mirror.conda
    if conda is None:
        return None
    address = _SUBDIR.sub("", address)
    for channel, parent in conda.elsewhere.items():
        if _below(address, _address(parent)):
            name = address[len(_address(parent)) + 1 :]
            return UrlMatch(mirror.name, "conda", name, alive=mirror.usable and name in ("", channel))
    for root in (conda.base, *conda.also):
        base = _address(root)
        if _below(address, base):
            rest = address[len(base) + 1 :]
            channel = rest.removeprefix("cloud").lstrip("/") if rest.startswith("cloud") else rest
            alive = mirror.usable and (channel in ("", "pkgs") or conda.url(channel) is not None)
            return UrlMatch(mirror.name, "conda", channel, alive=alive)
    return None


def _address(url: str) -> str:
    """Return a URL's host and path, without scheme, login, default port, final slash and quotes."""
    text = url.strip(" \t\"'")
    rest = text.partition("://")[2] or text
    authority, slash, path = rest.partition("/")
    host = authority.rpartition("@")[2].lower()
    host = re.sub(r":(?:80|443)$", "", host)
    return (host + slash + re.sub(r"/+", "/", path)).rstrip("/")


def _below(address: str, base: str) -> bool:
    return address == base or address.startswith(base + "/")
