"""Solving: which packages satisfy a request, and which mirrors have them."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import rattler
from rattler import (
    Channel,
    ChannelPriority,
    Gateway,
    MatchSpec,
    RepoDataRecord,
    Subdir,
    VirtualPackage,
    VirtualPackageOverrides,
)
from rattler.exceptions import GatewayError, SolverError

from envtool.engines.rattler_worker import unavailable
from envtool.engines.rattler_worker.archives import Archives
from envtool.engines.rattler_worker.errors import ChannelError, StalledError, UnavailableError
from envtool.engines.rattler_worker.events import emit
from envtool.engines.rattler_worker.network import client, gateway, unless_stalled
from envtool.engines.rattler_worker.records import from_json, installed, to_json

Json = dict[str, Any]


async def solve(request: Json) -> Json:
    """Return the records that satisfy the specs, and the URL that each channel was read from.

    The request has:

    - ``channels``: [[name, [url, ...], mirrored], ...] in order of priority
    - ``specs``: each a list of alternatives, of which the first is taken whose channel has a matching package
    - ``archives``: [[url, md5, sha256], ...] to install, too
    - ``local_first``: whether to try without the channels first
    - ``installed``: null, or a prefix whose packages are kept if possible, except those in ``update``
    - ``pins``: specs that every installed package must satisfy
    - ``priority``: strict, flexible or disabled
    - ``subdir``: the platform

    In the answer, ``mixed`` means that strict priority had no solution, and ``lacking`` that a mirror lacked a package.
    """
    urls = {urls[0]: urls[0] for _, urls, _ in request["channels"]}
    request = request | await _with_archives(request)
    if request["local_first"]:
        with contextlib.suppress(SolverError):
            return _answer(await _solve_once(ChannelPriority.Strict, request, {}), urls, mixed=False, lacking=False)
    try:
        try:
            records, mixed = await _solve_with_priority(request, urls)
        except (GatewayError, StalledError):
            # Mirrors are tested only after a failure: reading an index twice doubles the time and the memory.
            for name, candidates, _ in request["channels"]:
                urls[candidates[0]] = await _first_readable(request, name, candidates[0], candidates)
            records, mixed = await _solve_with_priority(request, urls)
    except SolverError as error:
        other_urls = await _replace_mirrors(request, urls)
        try:
            if other_urls == urls:
                raise error
            records, mixed = await _solve_with_priority(request, other_urls)
        except SolverError as failure:
            raise UnavailableError(str(failure), await unavailable.find(request, other_urls)) from None
        return _answer(records, other_urls, mixed=mixed, lacking=True)
    return _answer(records, urls, mixed=mixed, lacking=False)


async def explicit(request: Json) -> Json:
    """Return the records of ``archives``, [[url, md5, sha256], ...], without solving. Hashes are hex or ``""``."""
    return {"records": await _read_archives(request), "mirrors": {}}


async def _read_archives(request: Json) -> list[Json]:
    archives = Archives(request, client(request, {}), lambda done: emit(event="progress", unit="bytes", done=done))
    reading = asyncio.gather(*(archives.record(*archive) for archive in request["archives"]))
    return [*await unless_stalled(request, reading)]


async def _with_archives(request: Json) -> Json:
    """Return the part of a request that makes the solver choose the archives: their records, and specs of them."""
    records = await _read_archives(request)
    exact = [f'{record["name"]}[sha256="{record["sha256"]}"]' for record in records]
    # The library looks up what is needed only for specs, not for records that it is given.
    needed = [need for record in records for need in record["depends"]]
    return {"chosen": records, "specs": [*request["specs"], *([spec] for spec in (*exact, *needed))]}


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
    index = gateway(request, urls)
    chosen = [from_json(fields) for fields in request["chosen"]]
    free = {*request["update"], *(record.name.normalized for record in chosen)}
    kept = [record for record in installed(request["installed"]) if record.name.normalized not in free]
    solving = rattler.solve(
        sources=[Channel(url) for url in urls],
        specs=[await _first_available(request, index, spec) for spec in request["specs"]],
        gateway=index,
        platforms=[Subdir(request["subdir"]), Subdir("noarch")],
        locked_packages=[*kept, *chosen],
        constraints=[MatchSpec(pin) for pin in request["pins"]],
        virtual_packages=VirtualPackage.detect(VirtualPackageOverrides.from_env()),
        channel_priority=priority,
    )
    records: list[RepoDataRecord] = await unless_stalled(request, solving)
    return records


async def _first_available(request: Json, index: Gateway, alternatives: Sequence[str]) -> MatchSpec:
    """Return the first spec whose channel has a matching package: ``defaults`` stands for several channels."""
    specs = [MatchSpec(text) for text in alternatives]
    for spec in specs if len(specs) > 1 else ():
        assert spec.channel is not None  # noqa: S101 - alternatives differ in their channels only
        name = alternatives[0].rpartition("::")[2]
        platforms = [Subdir(request["subdir"]), Subdir("noarch")]
        found = await unless_stalled(
            request, index.query([Channel(spec.channel.base_url)], platforms, [MatchSpec(name)], recursive=False)
        )
        if any(spec.matches(record) for records in found for record in records):
            return spec
    return specs[0]


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
