"""Which other sites hold the same packages, in the order in which to try them after a failure.

Only replicas of the same upstream: of the default index, of a public conda channel, of the PyTorch wheels. The order
takes one site of every operator group first, so that a second try does not fail for the first one's reason.
"""

from collections.abc import Iterable
from typing import Literal

from envtool.mirrors.catalogue import Catalogue, Mirror

_RANK = {"active": 0, "partial": 0, "uncertain": 1}


def for_channel(catalogue: Catalogue, name: str) -> tuple[str, ...]:
    """Return base URLs (without subdir) of mirrors that serve a channel: ``conda-forge``, ``pkgs/main``."""
    served = ((mirror, mirror.conda.url(name)) for mirror in catalogue.mirrors.values() if mirror.conda)
    return _ordered((mirror, url) for mirror, url in served if url)


def for_pypi(catalogue: Catalogue) -> tuple[str, ...]:
    """Return index URLs of mirrors of the default Python package index."""
    return _ordered((mirror, mirror.pypi.index) for mirror in catalogue.mirrors.values() if mirror.pypi)


def for_torch(catalogue: Catalogue, build: str) -> tuple[tuple[Literal["index", "find-links"], str], ...]:
    """Return (how, URL) of mirrors of the PyTorch wheels for a build (``cpu``, ``cu128``)."""
    ways = {mirror.name: mirror.torch for mirror in catalogue.mirrors.values() if mirror.torch}
    urls = _ordered((catalogue.mirrors[name], f"{torch.base}/{build}") for name, torch in ways.items())
    how: dict[str, Literal["index", "find-links"]] = {f"{t.base}/{build}": t.how for t in ways.values()}
    return tuple((how[url], url + "/" if how[url] == "find-links" else url) for url in urls)


def _ordered(candidates: Iterable[tuple[Mirror, str]]) -> tuple[str, ...]:
    usable = [(mirror, url) for mirror, url in candidates if mirror.state in _RANK]
    usable.sort(key=lambda item: _RANK[item[0].state])  # stable: the catalogue's own order within a state
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
