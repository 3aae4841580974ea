"""What lies in a cache of conda packages: which are there, and the paths that they will have in an environment."""

import glob
import json
from collections.abc import Sequence
from pathlib import Path

from envtool.engines import conda_records
from envtool.engines.protocol import Solution
from envtool.model import Package
from envtool.prefix.snapshot import Footprint


def holds(cache: Path, package: Package) -> bool:
    """Return whether a package is there, packed or unpacked."""
    file = package.url.rpartition("/")[2]
    return any((folder / file).is_file() or (folder / _stem(package)).is_dir() for folder in folders(cache, package))


def files_of(cache: Path, package: Package, python: str) -> list[str]:
    """Return the paths that an unpacked package has in an environment with Python ``python``; none where it is not."""
    pattern = f"{glob.escape(_stem(package))}*/info/paths.json"
    listing = next((path for folder in folders(cache, package) for path in folder.glob(pattern)), None)
    if listing is None:
        return []
    # scripts that are made while linking are in no list of files
    link = conda_records.read(listing.with_name("link.json")).get("noarch", {})
    scripts = [f"bin/{entry.partition('=')[0].strip()}" for entry in link.get("entry_points", ())]
    version = ".".join(python.split(".")[:2])
    places = {"site-packages": f"lib/python{version}/site-packages", "python-scripts": "bin"}
    paths = (str(entry["_path"]) for entry in json.loads(listing.read_bytes())["paths"])
    files = ["/".join([places.get(head, head), *rest]) for head, *rest in (path.split("/") for path in paths)]
    return [*files, *scripts]


def folders(cache: Path, package: Package) -> tuple[Path, ...]:
    """Return where in a cache a package may lie: at the top, or below its channel's address, as newer mambas do it."""
    channel = package.url.rpartition("/")[0].replace("://", "/").replace(":", "_")
    return (cache, cache / channel) if channel else (cache,)


def _stem(package: Package) -> str:
    return f"{package.name}-{package.version}-{package.build}"


def footprint(solution: Solution, prefix: Path, caches: Sequence[Path]) -> Footprint:
    """Return the paths that a solution may meet: of what goes by its records, of what comes by the caches.

    Records are few and small: all of them are kept, whatever a program does to those of other packages.
    """
    meta = prefix / "conda-meta"
    names = [f"{_stem(package)}.json" for package in solution.unlink]
    going = {path for name in names for path in conda_records.read(meta / name).get("files", ())}
    going |= {f"conda-meta/{path.name}" for path in meta.glob("*.json")}
    coming = {f"conda-meta/{_stem(package)}.json" for package in solution.link}
    for package in solution.link:
        coming.update(path for cache in caches for path in files_of(cache, package, solution.python))
    return Footprint(frozenset(going), coming=frozenset(coming))
