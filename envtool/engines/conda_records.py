"""conda's records of packages as JSON: what is installed in a prefix, and what a request means beside it."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envtool.engines.protocol import SolveRequest
from envtool.files import write_atomically
from envtool.model import Package
from envtool.prefix.marks import OWN
from envtool.redaction import redact

Json = dict[str, Any]


def read(path: Path) -> Json:
    """Return the content of a JSON file; empty where it is not there or cannot be read."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def read_all(prefix: Path) -> list[Json]:
    """Return the records of what is installed in a prefix, but for those that cannot be read."""
    records = (read(path) for path in sorted((prefix / "conda-meta").glob("*.json")))
    return [record for record in records if record]


def specs_to_solve(request: SolveRequest, installed: Sequence[Json]) -> list[str]:
    """Return the specs to solve for: the new ones, and whatever keeps in place what is there and not to go.

    The solver returns only what its specs need, so all that was asked for earlier is asked for again; and also what
    nothing else needs, since not every tool writes down what was asked for.
    """
    gone = _with_dependents(set(request.remove), installed)
    settled = gone | {spec_name(spec) for spec in request.specs} | set(request.update)
    needed = {name for record in installed for name in _needs(record)}
    kept: list[str] = []
    for record in installed:
        asked = record.get("requested_specs") or [spec for spec in [record.get("requested_spec")] if spec]
        if record["name"] not in settled and (asked or record["name"] not in needed):
            kept += asked or [record["name"]]
    return [*kept, *request.specs, *request.update]


def others(defaults: Sequence[str], specs: Sequence[str]) -> list[str]:
    """Return the specs of conda's ``create_default_packages`` whose names were not asked for."""
    named = {spec_name(spec) for spec in specs}
    return [spec for spec in defaults if spec_name(spec) not in named]


def _with_dependents(names: set[str], installed: Sequence[Json]) -> set[str]:
    """Return the names and those of all packages that cannot be without them: they go, too."""
    found = set(names)
    while more := {record["name"] for record in installed if record["name"] not in found and _needs(record) & found}:
        found |= more
    return found


def _needs(record: Json) -> set[str]:
    return {spec_name(spec) for spec in record.get("depends", ())}


def spec_name(spec: str) -> str:
    """Return the name in a match spec: ``conda-forge::numpy>=1.2`` is about ``numpy``."""
    name = spec.rsplit("::", 1)[-1].strip()
    for index, character in enumerate(name):
        if character in " =<>!~[":
            return name[:index].lower()
    return name.lower()


def drop_broken(prefix: Path) -> None:
    """Delete records that a kill cut off: the library refuses to work beside them."""
    meta = prefix / "conda-meta"
    for path in meta.glob("*.json"):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            path.unlink()
    # and the half-written files that were to become records, the library's and our own
    for path in (*meta.glob("prefix_record_*"), *meta.glob(".*.envtool")):
        path.unlink()


def overwritten(prefix: Path, records: Sequence[Json]) -> list[Json]:
    """Return the records of Python distributions whose own description is gone: pip has put another in their place."""
    return [record for record in records if any(not (prefix / path).exists() for path in _descriptions(record))]


def _descriptions(record: Json) -> list[str]:
    ends = (".dist-info/METADATA", ".egg-info/PKG-INFO", ".egg-info")
    return [path for path in record.get("files", ()) if path.endswith(ends)]


def unowned(prefix: Path) -> list[str]:
    """Return the paths of all files in a prefix that no record has, compiled ones apart."""
    owned = {path for record in read_all(prefix) for path in record.get("files", ())}
    found = []
    for folder, folders, files in os.walk(prefix):
        folders[:] = [name for name in folders if name not in ("__pycache__", "conda-meta", OWN)]
        inside = Path(folder).relative_to(prefix)
        found += [path for name in files if (path := (inside / name).as_posix()) not in owned]
    return found


def drop(prefix: Path, record: Json) -> None:
    """Delete an installed package's record, and of its files those that are left."""
    for path in record.get("files", ()):
        (prefix / path).unlink(missing_ok=True)
    _place(prefix, record).unlink(missing_ok=True)


def identity(record: Json) -> tuple[str, str, str]:
    """Return what tells one build of a package from every other."""
    return record["name"], record["version"], record["build"]


def as_package(record: Json, requested: set[str]) -> Package:
    """Return a record as a package; ``requested`` are the names that were asked for."""
    return Package(
        name=record["name"],
        version=record["version"],
        manager="conda",
        build=record["build"],
        channel=_without_subdir(record),
        subdir=record.get("subdir", ""),
        url=redact(record.get("url") or ""),
        md5=record.get("md5") or "",
        sha256=record.get("sha256") or "",
        size=record.get("size"),
        depends=tuple(record.get("depends", ())),
        requested=record["name"] in requested,
    )


def _without_subdir(record: Json) -> str:
    channel = str(record.get("channel") or "").rstrip("/")
    return channel.removesuffix("/" + str(record.get("subdir")))


def tidy(path: Path) -> None:
    """Make a record readable for others (the library writes 0600), without logins, its channel in conda's spelling."""
    record = json.loads(path.read_bytes())
    for key in ("url", "channel"):
        if record.get(key):
            record[key] = redact(record[key]).rstrip("/")
    _write_file(path, record)


def write(prefix: Path, record: Json) -> None:
    """Write an installed package's record back as it was: who asked for it is not known to the library."""
    _write_file(_place(prefix, record), record)


def _place(prefix: Path, record: Json) -> Path:
    return prefix / "conda-meta" / f"{'-'.join(identity(record))}.json"


def _write_file(path: Path, record: Json) -> None:
    write_atomically(path, json.dumps(record, indent=2).encode() + b"\n")
    path.chmod(0o644)
