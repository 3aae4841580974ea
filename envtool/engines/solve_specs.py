"""Specs to solve for: those requested now, and those that keep the installed packages."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from envtool.engines.protocol import SolveRequest
from envtool.model import Archive
from envtool.prefix import conda_meta
from envtool.specs import match_spec

Json = dict[str, Any]


def specs_to_solve(request: SolveRequest, installed: Sequence[Json]) -> list[str]:
    """Return the new specs, and specs that keep the ``installed`` records, except those to remove.

    The solver returns only what its specs need. So everything that was requested earlier is requested again, and also
    what nothing else needs, since not every tool writes down what was requested.
    """
    gone = with_dependents(map(match_spec.name, request.remove), installed)
    settled = gone | {match_spec.name(spec) for spec in (*request.specs, *request.update)}
    needed = {name for record in installed for name in _needs(record)}
    kept: list[str] = []
    for record in installed:
        asked = conda_meta.requested_specs(record)
        if record["name"] not in settled and (asked or record["name"] not in needed):
            # An archive is installed already, and its file may be gone. Kept packages need no channel.
            specs = [match_spec.split(spec).in_channel("") for spec in asked if not match_spec.is_archive(spec)]
            kept += specs or [record["name"]]
    return [*kept, *request.specs, *request.update]


def archive(spec: str) -> Archive:
    """Return the archive that a spec names by its path or URL, with a hash behind ``#``."""
    path, _, digest = spec.partition("#")
    digest = digest.removeprefix("sha256:").lower()
    url = path if "://" in path else Path(path).as_uri()
    return Archive(url, digest if len(digest) == 32 else "", digest if len(digest) == 64 else "")


def with_archives(request: SolveRequest) -> SolveRequest:
    """Return a request for archives instead of one whose specs all name archives, which conda does not solve."""
    if request.specs and not request.update and all(map(match_spec.is_archive, request.specs)):
        return SolveRequest(archives=tuple(map(archive, request.specs)))
    return request


def remaining(names: Iterable[str], installed: Sequence[Json]) -> list[Json]:
    """Return the records that stay when packages are removed.

    Packages that depend on a removed one are removed, too, and so are those that nothing else needs.
    """
    gone = with_dependents(names, installed)
    needed = {name for record in installed for name in _needs(record)}
    stays = {
        record["name"]
        for record in installed
        if record["name"] not in gone and (conda_meta.requested_specs(record) or record["name"] not in needed)
    }
    needs = {record["name"]: _needs(record) & {other["name"] for other in installed} for record in installed}
    while more := {name for kept in stays for name in needs[kept]} - stays:
        stays |= more
    return [record for record in installed if record["name"] in stays]


def not_named(defaults: Sequence[str], specs: Sequence[str]) -> list[str]:
    """Return the specs of conda's ``create_default_packages`` whose names are not among those of ``specs``."""
    named = {match_spec.name(spec) for spec in specs}
    return [spec for spec in defaults if match_spec.name(spec) not in named]


def with_dependents(names: Iterable[str], installed: Sequence[Json]) -> set[str]:
    """Return the names, and the names of all installed packages that depend on them, directly or indirectly."""
    needs = {record["name"]: _needs(record) for record in installed}
    found = set(names)
    while more := {name for name, needed in needs.items() if name not in found and needed & found}:
        found |= more
    return found


def _needs(record: Json) -> set[str]:
    return {match_spec.name(spec) for spec in record.get("depends") or ()}
