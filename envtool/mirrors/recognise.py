"""Which mirror a URL in somebody's configuration belongs to, in any of the forms that have been in use."""

import re
from dataclasses import dataclass
from typing import Literal

from envtool.mirrors.catalogue import Catalogue, Mirror

Service = Literal["pypi", "conda", "torch", "python"]

_SUBDIR = re.compile(r"/(?:noarch|(?:linux|osx|win)-[a-z0-9]+)$")
_GONE = ("pkgs/free", "pkgs/pro", "pkgs/mro", "pkgs/mro-archive")  # upstream stopped them years ago


@dataclass(frozen=True)
class Recognised:
    """A URL understood: the mirror, what it serves there, and for conda the upstream's name of the channel.

    ``channel`` is ``conda-forge``, ``pkgs/main``, or ``""`` for a base that stands above channels.
    ``alive`` says that the mirror, as far as known, serves it today.
    """

    mirror: Mirror
    service: Service
    channel: str = ""
    alive: bool = True


def recognise(catalogue: Catalogue, url: str) -> Recognised | None:
    """Return what a URL is to the catalogue, or None where it belongs to no known mirror (so: it is the user's own)."""
    address = _address(url)
    for mirror in catalogue.mirrors.values():
        if mirror.pypi and any(_below(address, _address(root)) for root in (mirror.pypi.index, *mirror.pypi.also)):
            return Recognised(mirror, "pypi", alive=mirror.usable)
        if mirror.torch and _below(address, _address(mirror.torch.base)):
            return Recognised(mirror, "torch", alive=mirror.usable)
        if mirror.python and _below(address, _address(mirror.python)):
            return Recognised(mirror, "python", alive=mirror.usable)
        if mirror.conda and (found := _conda(mirror, address)):
            return found
    return None


def upstream_channel(catalogue: Catalogue, url: str) -> str:
    """Return the channel (``conda-forge``, ``pkgs/main``) that an upstream URL means, or "" where it is another's."""
    address = _SUBDIR.sub("", _address(url))
    for root, prefix in ((catalogue.defaults, "pkgs/"), (catalogue.conda, "")):
        base = _address(root)
        if address != base and _below(address, base):
            return prefix + address[len(base) + 1 :]
    return ""


def is_mirror_host(catalogue: Catalogue, host: str) -> bool:
    """Return whether a host name is one of a known mirror's."""
    wanted = host.partition("://")[2].partition("/")[0] or host
    roots = (
        root
        for mirror in catalogue.mirrors.values()
        for root in (
            *((mirror.pypi.index, *mirror.pypi.also) if mirror.pypi else ()),
            *((mirror.conda.base, *mirror.conda.also) if mirror.conda else ()),
        )
    )
    return any(_address(root).partition("/")[0] == wanted.lower() for root in roots)


def _conda(mirror: Mirror, address: str) -> Recognised | None:
    conda = mirror.conda
    if conda is None:
        return None
    address = _SUBDIR.sub("", address)
    for channel, parent in conda.elsewhere.items():
        if _below(address, _address(parent)):
            name = address[len(_address(parent)) + 1 :]
            return Recognised(mirror, "conda", name, alive=mirror.usable and name in ("", channel))
    for root in (conda.base, *conda.also):
        base = _address(root)
        if _below(address, base):
            rest = address[len(base) + 1 :]
            channel = rest.removeprefix("cloud").lstrip("/") if rest.startswith("cloud") else rest
            alive = mirror.usable and (channel in ("", "pkgs") or conda.url(channel) is not None)
            return Recognised(mirror, "conda", channel, alive=alive)
    return None


def frozen(channel: str) -> bool:
    """Return whether upstream itself gave a channel up, so that nobody needs it."""
    return channel in _GONE


def _address(url: str) -> str:
    """Return host and path: http or https, a login, a port of the scheme's and a final slash make no difference."""
    rest = url.strip().partition("://")[2] or url.strip()
    authority, slash, path = rest.partition("/")
    host = authority.rpartition("@")[2].lower()
    host = re.sub(r":(?:80|443)$", "", host)
    return (host + slash + re.sub(r"/+", "/", path)).rstrip("/")


def _below(address: str, base: str) -> bool:
    return address == base or address.startswith(base + "/")
