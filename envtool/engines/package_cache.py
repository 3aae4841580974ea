"""Caches of conda packages: their contents, and the paths that the files will have in an environment."""

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path

from envtool.engines import package_paths
from envtool.engines.errors import unsafe_package
from envtool.engines.protocol import LinkScripts, Solution
from envtool.model import Package
from envtool.prefix import conda_meta
from envtool.prefix.snapshot import Footprint


def holds(cache: Path, package: Package) -> bool:
    """Return whether a package is in the cache, packed or unpacked."""
    file = package.url.rpartition("/")[2]
    return any((folder / file).is_file() or (folder / _stem(package)).is_dir() for folder in folders(cache, package))


def files_of(cache: Path, package: Package, python: str) -> list[str]:
    """Return the paths of a package in an environment with Python ``python``, or none if it is not unpacked."""
    folder = _unpacked(cache, package)
    if folder is None:
        return []
    version = ".".join(python.split(".")[:2])
    places = {"site-packages": f"lib/python{version}/site-packages", "python-scripts": "bin"}
    parts = (path.split("/") for path in package_paths.read(folder).files)
    return ["/".join([places.get(head, head), *rest]) for head, *rest in parts]


def require_safe(packages: Iterable[Package], caches: Sequence[Path], prefix: Path) -> None:
    """Raise EnvtoolError if a package in a cache must not be linked, by itself or together with the others."""
    found = {}
    for package in packages:
        for folder in filter(None, (_unpacked(cache, package) for cache in caches)):
            try:
                found[_stem(package)] = package_paths.read(folder)
            except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
                raise unsafe_package(_stem(package), f"info/paths.json: {error}") from None
    links = {link: target for paths in found.values() for link, target in paths.links.items()}
    for stem, paths in found.items():
        if refused := paths.refused(prefix, links):
            raise unsafe_package(stem, refused)


def _unpacked(cache: Path, package: Package) -> Path | None:
    for folder in folders(cache, package):
        if (folder / _stem(package) / "info").is_dir():  # the usual name, found without listing the cache
            return folder / _stem(package)
    pattern = f"{glob.escape(_stem(package))}*/info"
    return next((path.parent for folder in folders(cache, package) for path in folder.glob(pattern)), None)


def folders(cache: Path, package: Package) -> tuple[Path, ...]:
    """Return the folders of a cache that may contain a package: the top, and the one newer mambas name by channel."""
    channel = package.url.rpartition("/")[0].replace("://", "/").replace(":", "_")
    return (cache, cache / channel) if channel else (cache,)


def link_scripts(solution: Solution, prefix: Path | None, caches: Sequence[Path]) -> LinkScripts:
    """Return the scripts of a solution: of removed packages from the prefix, of new ones from the caches."""
    going = [(package.name, "pre-unlink") for package in solution.unlink if prefix]
    known = [(name, action) for name, action in going if prefix and script_of(prefix, name, action).is_file()]
    unknown = 0
    for package in solution.link:
        unpacked = next(filter(None, (_unpacked(cache, package) for cache in caches)), None)
        if unpacked is None:
            unknown += 1
            continue
        actions = ("pre-link", "post-link")
        known += [(package.name, action) for action in actions if script_of(unpacked, package.name, action).is_file()]
    return LinkScripts(tuple(known), unknown)


def script_of(folder: Path, name: str, action: str) -> Path:
    """Return the path of a package's script in a prefix, or in the unpacked package."""
    return folder / "bin" / f".{name}-{action}.sh"


def _stem(package: Package) -> str:
    return f"{package.name}-{package.version}-{package.build}"


def footprint(solution: Solution, prefix: Path, caches: Sequence[Path]) -> Footprint:
    """Return the paths that a solution may change: of removed packages from their records, of new ones from the caches.

    All records are included: they are few and small, and a program may rewrite those of other packages. Raises
    EnvtoolError where a package must not be linked.
    """
    require_safe(solution.link, caches, prefix)
    unlinked = {(package.name, package.version, package.build) for package in solution.unlink}
    records = (record for record in conda_meta.records(prefix) if conda_meta.identity(record) in unlinked)
    going = conda_meta.owned_files(records)
    going |= {path.relative_to(prefix).as_posix() for path in conda_meta.record_files(prefix)}
    coming = {f"conda-meta/{_stem(package)}.json" for package in solution.link}
    for package in solution.link:
        coming.update(path for cache in caches for path in files_of(cache, package, solution.python))
    return Footprint(frozenset(going), coming=frozenset(coming))
