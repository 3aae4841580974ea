"""A cache of conda packages: which are in it, and the paths that their files will have in an environment."""

import glob
from collections.abc import Sequence
from pathlib import Path

from envtool.documents import parse_json
from envtool.engines.protocol import Solution
from envtool.files import read_file
from envtool.model import Package
from envtool.prefix import conda_meta
from envtool.prefix.snapshot import Footprint


def holds(cache: Path, package: Package) -> bool:
    """Return whether a package is in the cache, packed or unpacked."""
    file = package.url.rpartition("/")[2]
    return any((folder / file).is_file() or (folder / _stem(package)).is_dir() for folder in folders(cache, package))


def files_of(cache: Path, package: Package, python: str) -> list[str]:
    """Return the paths that a package has in an environment with Python ``python``; none where it is not unpacked."""
    pattern = f"{glob.escape(_stem(package))}*/info/paths.json"
    listing = next((path for folder in folders(cache, package) for path in folder.glob(pattern)), None)
    if listing is None:
        return []
    version = ".".join(python.split(".")[:2])
    places = {"site-packages": f"lib/python{version}/site-packages", "python-scripts": "bin"}
    paths = (str(entry["_path"]) for entry in parse_json(read_file(listing))["paths"])
    files = ["/".join([places.get(head, head), *rest]) for head, *rest in (path.split("/") for path in paths)]
    return [*files, *_scripts(listing.with_name("link.json"))]


def _scripts(link: Path) -> list[str]:
    """Return the paths of the scripts that are made while linking: they are in no list of files."""
    if not link.is_file():
        return []
    noarch = parse_json(read_file(link)).get("noarch") or {}
    return [f"bin/{entry.partition('=')[0].strip()}" for entry in noarch.get("entry_points", ())]


def folders(cache: Path, package: Package) -> tuple[Path, ...]:
    """Return the folders of a cache a package may be in: the top, and the one that newer mambas name by channel."""
    channel = package.url.rpartition("/")[0].replace("://", "/").replace(":", "_")
    return (cache, cache / channel) if channel else (cache,)


def _stem(package: Package) -> str:
    return f"{package.name}-{package.version}-{package.build}"


def footprint(solution: Solution, prefix: Path, caches: Sequence[Path]) -> Footprint:
    """Return the paths that a solution may meet: of what goes by its records, of what comes by the caches.

    Records are few and small: all of them are kept, whatever a program does to those of other packages.
    """
    unlinked = {(package.name, package.version, package.build) for package in solution.unlink}
    records = (record for record in conda_meta.records(prefix) if conda_meta.identity(record) in unlinked)
    going = conda_meta.owned_files(records)
    going |= {path.relative_to(prefix).as_posix() for path in conda_meta.record_files(prefix)}
    coming = {f"conda-meta/{_stem(package)}.json" for package in solution.link}
    for package in solution.link:
        coming.update(path for cache in caches for path in files_of(cache, package, solution.python))
    return Footprint(frozenset(going), coming=frozenset(coming))
