"""Solving: which packages satisfy a request, and which mirrors have them."""

import contextlib
from collections.abc import Sequence
from typing import Any

import rattler
from rattler import Channel, ChannelPriority, MatchSpec, RepoDataRecord, Subdir, VirtualPackage, VirtualPackageOverrides
from rattler.exceptions import GatewayError, SolverError

from envtool.engines.rattler_worker.errors import ChannelError, StalledError
from envtool.engines.rattler_worker.network import gateway, unless_stalled
from envtool.engines.rattler_worker.records import installed, to_json

Json = dict[str, Any]


async def solve(request: Json) -> Json:
    """Return the records that satisfy the specs, and the URL that each channel was read from.

    The request has ``channels``: [[name, [url, ...], mirrored], ...] in order of priority; ``specs``; ``installed``: a
    prefix whose packages are kept if possible, except those in ``update``, or null; ``pins``, specs that every
    installed package must satisfy; ``priority``: strict, flexible or disabled; ``subdir``.

    In the answer, ``mixed`` means that strict priority had no solution, and ``lacking`` that a mirror lacked a package.
    """
    urls = {urls[0]: urls[0] for _, urls, _ in request["channels"]}
    try:
        try:
            records, mixed = await _solve_with_priority(request, urls)
        except (GatewayError, StalledError):
            # Mirrors are tested only after a failure: reading an index twice doubles the time and the memory.
            for name, candidates, _ in request["channels"]:
                urls[candidates[0]] = await _first_readable(request, name, candidates[0], candidates)
            records, mixed = await _solve_with_priority(request, urls)
    except SolverError:
        other_urls = await _replace_mirrors(request, urls)
        if other_urls == urls:
            raise
        records, mixed = await _solve_with_priority(request, other_urls)
        return _answer(records, other_urls, mixed=mixed, lacking=True)
    return _answer(records, urls, mixed=mixed, lacking=False)


async def explicit(request: Json) -> Json:
    """Return the records of ``archives``, [[url, md5, sha256], ...], without solving. Hashes are hex or ``""``."""
    specs = [MatchSpec(url) for url, *_ in request["archives"]]
    platforms = [Subdir(request["subdir"]), Subdir("noarch")]
    found = await unless_stalled(request, gateway(request, {}).query([], platforms, specs, recursive=False))
    records = {record.url: to_json(record) for group in found for record in group}
    for url, md5, sha256 in request["archives"]:
        # Downloads are verified against the hashes in the request.
        records[url] |= {name: value for name, value in (("md5", md5), ("sha256", sha256)) if value}
        records[url]["channel"] = url.rsplit("/", 2)[0]
    return {"records": list(records.values()), "mirrors": {}}


def _answer(records: Sequence[RepoDataRecord], mirrors: dict[str, str], *, mixed: bool, lacking: bool) -> Json:
    return {"records": [to_json(record) for record in records], "mirrors": mirrors, "mixed": mixed, "lacking": lacking}


async def _solve_with_priority(request: Json, urls: dict[str, str]) -> tuple[list[RepoDataRecord], bool]:
    """Return a solution, and whether it mixes channels: flexible priority does so only if strict has no solution."""
    if request["priority"] == "flexible" and len(urls) > 1:
        try:
            return await _solve_once(ChannelPriority.Strict, request, urls), False
        except SolverError:
            return await _solve_once(ChannelPriority.Disabled, request, urls), True
    priority = ChannelPriority.Disabled if request["priority"] == "disabled" else ChannelPriority.Strict
    return await _solve_once(priority, request, urls), False


async def _solve_once(priority: ChannelPriority, request: Json, urls: dict[str, str]) -> list[RepoDataRecord]:
    updated = set(request["update"])
    solving = rattler.solve(
        sources=[Channel(url) for url in urls],
        specs=[MatchSpec(spec) for spec in request["specs"]],
        gateway=gateway(request, urls),
        platforms=[Subdir(request["subdir"]), Subdir("noarch")],
        locked_packages=[r for r in installed(request["installed"]) if r.name.normalized not in updated],
        constraints=[MatchSpec(pin) for pin in request["pins"]],
        virtual_packages=VirtualPackage.detect(VirtualPackageOverrides.from_env()),
        channel_priority=priority,
    )
    records: list[RepoDataRecord] = await unless_stalled(request, solving)
    return records


async def _replace_mirrors(request: Json, urls: dict[str, str]) -> dict[str, str]:
    """Return the URLs with each mirror replaced by upstream or another mirror: a mirror may be out of date."""
    replaced = dict(urls)
    for name, candidates, mirrored in request["channels"]:
        if mirrored and urls[candidates[0]] == candidates[0]:
            with contextlib.suppress(ChannelError):
                replaced[candidates[0]] = await _first_readable(request, name, candidates[0], candidates[1:])
    return replaced


async def _first_readable(request: Json, name: str, channel: str, candidates: Sequence[str]) -> str:
    """Return the first URL that a channel can be read from. Raises ChannelError if there is none."""
    causes: dict[str, str] = {}
    for url in candidates:
        for uncompressed in (False, True):
            reader = gateway(request, {channel: url}, uncompressed=uncompressed)
            try:
                await unless_stalled(request, reader.names([channel], [request["subdir"], "noarch"]))
            except (GatewayError, StalledError) as error:
                causes.setdefault(url, _root_cause(error))
                # A corrupt .zst is noticed only when it is decoded, and the library then does not try the plain file.
                if not _is_corrupt(error):
                    break
            else:
                if uncompressed:
                    request["uncompressed"] = True  # for all channels, from now on
                return url
    raise ChannelError(name, causes)


def _is_corrupt(error: BaseException) -> bool:
    """Return whether an index was received but is unreadable: truncated, corrupt, or a web page."""
    return any(sign in str(error) for sign in ("decode", "zstd", "parse", "end of file", "invalid", "unexpected"))


def _root_cause(error: BaseException) -> str:
    """Return the last line of the library's chain of causes, which is the most specific."""
    lines = [line.removeprefix("Caused by: ").strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
