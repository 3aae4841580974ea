"""The specs of a request that nothing in its channels matches, found all at once after a solve that failed."""

from typing import Any

from rattler import Channel, MatchSpec, RepoDataRecord, Subdir, VersionWithSource
from rattler.exceptions import GatewayError

from envtool.engines.rattler_worker.errors import StalledError
from envtool.engines.rattler_worker.network import gateway, unless_stalled

Json = dict[str, Any]

_SHOWN = 8  # versions


async def find(request: Json, urls: dict[str, str]) -> dict[str, list[str]]:
    """Return the specs without a match, each with the versions, or the builds of its version, that there are.

    Specs of packages that a person asked for earlier count as well. Nothing is returned where a channel fails.
    """
    specs = {text: MatchSpec(text) for alternatives in request["specs"] for text in alternatives}
    platforms = [Subdir(request["subdir"]), Subdir("noarch")]
    # With whole specs the library returns only what matches them.
    names = sorted({spec.name.normalized for spec in specs.values()})
    query = gateway(request, urls).query([Channel(url) for url in urls], platforms, names, recursive=False)
    try:
        found = [record for records in await unless_stalled(request, query) for record in records]
    except (GatewayError, StalledError):
        return {}
    chosen = {record["name"] for record in request["chosen"]}
    missing: dict[str, list[str]] = {}
    for text, spec in specs.items():
        name = spec.name.normalized
        there = [record for record in found if record.name.normalized == name]
        if name not in chosen and not any(spec.matches(record) for record in there):
            missing[text] = _nearest(spec, there)
    return missing


def _nearest(spec: MatchSpec, there: list[RepoDataRecord]) -> list[str]:
    """Return the builds (``1.0=h1_0``) of the version that a spec asks for, else the versions that there are."""
    name = spec.name.normalized
    version = MatchSpec(f"{name} {spec.version}") if spec.version else MatchSpec(name)
    if spec.build and (builds := [record for record in there if version.matches(record)]):
        return sorted({f"{record.version}={record.build}" for record in builds})[:_SHOWN]
    versions = sorted({str(record.version) for record in there}, key=VersionWithSource, reverse=True)
    if name == "python":  # there are dozens, and its releases are what matters
        versions = [*dict.fromkeys(".".join(version.split(".")[:2]) for version in versions)]
    return versions[:_SHOWN]
