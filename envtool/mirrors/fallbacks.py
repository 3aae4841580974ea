"""Other sites that hold the same packages, in the order in which to try them after a failure.

Only replicas of the same upstream: of the default index, of a public conda channel, of the PyTorch wheels. The order
takes one site of every operator group first, so that a second try does not fail for the same reason.
"""

from collections.abc import Iterable
from typing import Literal

from envtool.mirrors.catalogue import Catalogue, Mirror
from envtool.mirrors.url_matching import UrlMatcher

_RANK = {"active": 0, "partial": 0, "uncertain": 1}


def for_channel(catalogue: Catalogue, name: str) -> tuple[str, ...]:
    """Return base URLs (without subdir) of mirrors that serve a channel: ``conda-forge``, ``pkgs/main``."""
    served = ((mirror, mirror.conda.url(name)) for mirror in catalogue.mirrors.values() if mirror.conda)
    return _ordered((mirror, url) for mirror, url in served if url)


def for_pypi(catalogue: Catalogue) -> tuple[str, ...]:
    """Return index URLs of mirrors of the default Python package index."""
    return _ordered((mirror, mirror.pypi.index) for mirror in catalogue.mirrors.values() if mirror.pypi)


def for_torch(catalogue: Catalogue, build: str) -> tuple[tuple[Literal["index", "find-links"], str], ...]:
    """Return (how, URL) of mirrors of the PyTorch wheels for a build (``cpu``, ``cu128``), the user's choice first."""
    ways = {f"{m.torch.base}/{build}": m for m in catalogue.mirrors.values() if m.torch}
    urls = sorted(
        _ordered((mirror, url) for url, mirror in ways.items()),
        key=lambda url: ways[url].name != catalogue.preferred_torch,
    )
    found: list[tuple[Literal["index", "find-links"], str]] = []
    for url in urls:
        torch = ways[url].torch
        if torch:
            found.append((torch.how, url + "/" if torch.how == "find-links" else url))
    return tuple(found)


def other_indexes(catalogue: Catalogue, index: str | None) -> tuple[str | None, ...]:
    """Return the other sources of a public Python index's packages; None is the client's default index.

    Upstream comes first where ``index`` is a mirror's, then mirrors of other operators. Empty for a private one and for
    the user's own mirrors.
    """
    known = UrlMatcher(catalogue).match(index) if index else None
    if index and (known is None or known.service != "pypi"):
        return ()
    mirror = catalogue.mirrors.get(known.mirror) if known else None
    if mirror and mirror.own:
        return ()  # it may hold more than upstream, so it is treated as private
    groups = {mirror.group, *mirror.depends} if mirror else set()
    by_url = {m.pypi.index: m for m in catalogue.mirrors.values() if m.pypi}
    replicas = [url for url in for_pypi(catalogue) if not {by_url[url].group, *by_url[url].depends} & groups]
    return (*((None,) if mirror else ()), *replicas)


def others(catalogue: Catalogue, url: str) -> tuple[str, ...]:
    """Return the other URLs of a public channel: upstream first, then mirrors of other operators.

    ``url`` is the channel's base as configured, at upstream or at a mirror. Empty for a private one.
    """
    known = UrlMatcher(catalogue).match(url)
    if known is None or known.service != "conda" or not known.channel:
        return ()
    mirror = catalogue.mirrors.get(known.mirror)
    if mirror and mirror.own:
        return ()  # as above
    groups = {mirror.group, *mirror.depends} if mirror else set()
    upstream = (catalogue.defaults + known.channel.removeprefix("pkgs"),) if known.channel.startswith("pkgs/") else ()
    upstream = upstream or (f"{catalogue.conda}/{known.channel}",)
    by_url = {m.conda.url(known.channel): m for m in catalogue.mirrors.values() if m.conda}
    replicas = [
        at for at in for_channel(catalogue, known.channel) if not {by_url[at].group, *by_url[at].depends} & groups
    ]
    return tuple(dict.fromkeys((*(upstream if known.mirror else ()), *replicas)))


def is_mirror(catalogue: Catalogue, url: str) -> bool:
    """Return whether a channel's base URL is a mirror's: upstream may have what the mirror lacks."""
    known = UrlMatcher(catalogue).match(url)
    return known is not None and bool(known.mirror)


def _ordered(candidates: Iterable[tuple[Mirror, str]]) -> tuple[str, ...]:
    usable = [(mirror, url) for mirror, url in candidates if mirror.state in _RANK]
    # the user's own first, then by state; within a state by preference, which is the catalogue's order
    usable.sort(key=lambda item: (not item[0].own, _RANK[item[0].state]))
    first: list[str] = []
    rest: list[str] = []
    seen: set[str] = set()
    for mirror, url in usable:
        if seen & {mirror.group, *mirror.depends}:
            rest.append(url)
        else:
            seen.add(mirror.group)
            first.append(url)
    return (*first, *rest)
