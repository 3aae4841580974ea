"""The manifests of an environment: conda's records and pip's RECORD files, read together, updated after rewriting.

conda's records name the files that hold the prefix, and how (CEP 32); both hold digests of what they installed. A
digest that was wrong before, because the file had been edited, stays wrong: edits remain detectable.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envtool.engines.solve_specs import with_dependents
from envtool.files import read_file
from envtool.prefix import conda_meta, site_packages
from envtool.prefix.digest import Digest, Rewritten


@dataclass(frozen=True)
class Placeholder:
    """A file into which conda's linker wrote the prefix. ``room`` is the length of the placeholder in bytes."""

    binary: bool
    room: int


@dataclass(frozen=True)
class CondaFiles:
    """The files of conda packages: those that contain the prefix, all that packages own, and those left out.

    ``left_out`` are the records and files of packages that are not cloned; ``left_out_packages`` are their names.
    """

    placeholders: Mapping[str, Placeholder] = field(default_factory=dict)
    owned: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    left_out_packages: tuple[str, ...] = ()


def conda_files(prefix: Path, *, without: str = "") -> CondaFiles:
    """Return the files in conda's records. ``without`` names a package to leave out, with all that depend on it."""
    installed = conda_meta.records(prefix)
    names = {record["name"] for record in installed}
    dropped = with_dependents({without} & names, installed)
    kept = [record for record in installed if record["name"] not in dropped]
    gone = [record for record in installed if record["name"] in dropped]
    placeholders = {
        entry["_path"]: Placeholder(entry.get("file_mode") == "binary", len(os.fsencode(entry["prefix_placeholder"])))
        for record in kept
        for entry in (record.get("paths_data") or {}).get("paths", ())
        if entry.get("prefix_placeholder")
    }
    owned = conda_meta.owned_files(kept)
    left_out = (conda_meta.owned_files(gone) - owned).union(map(conda_meta.record_path, gone))
    return CondaFiles(placeholders, frozenset(owned), frozenset(left_out), tuple(sorted(dropped)))


def pip_files(prefix: Path, files: Iterable[str]) -> Iterator[str]:
    """Yield the paths in the RECORD files among ``files``, relative to the prefix."""
    for file in filter(site_packages.is_record, files):
        try:
            data = read_file(prefix / file)
        except OSError:
            continue
        yield from site_packages.recorded_files(file, data)


def updated(
    files: Iterable[str], read_now: Callable[[str], bytes], rewritten: Rewritten
) -> Iterator[tuple[str, bytes]]:
    """Yield the manifests that must change, with their new content. ``read_now`` returns the present content.

    ``rewritten`` maps the files that were rewritten to their digests before and after; RECORD files are added to it.
    """
    if not rewritten:
        return
    records = []
    for file in files:
        if site_packages.is_record(file):
            data = read_now(file)
            new = site_packages.with_new_digests(file, data, rewritten)
            if new != data:
                before = rewritten[file][0] if file in rewritten else Digest.of(data)
                rewritten[file] = before, Digest.of(new)
                yield file, new
        elif conda_meta.is_record(file):
            records.append(file)
    # Last: the RECORD files of conda's own packages are in conda's records.
    hashes = {before.sha256.hex().encode(): after.sha256.hex().encode() for before, after in rewritten.values()}
    for file in records:
        data = read_now(file)
        new = conda_meta.with_new_digests(data, hashes)
        if new != data:
            yield file, new
