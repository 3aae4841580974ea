"""The process in which py-rattler works: one JSON request a line on stdin, JSON events on stdout.

A process of its own, because the library (0.28) may crash when its interpreter ends, goes on writing in the background
after an error, and cannot be stopped from within. It never ends by itself in the usual way.

Requests: ``solve``, ``explicit`` and ``link``. Each is answered by any number of ``progress`` events and one ``done``
or ``error``.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from rattler import (
    Channel,
    ChannelPriority,
    Client,
    Config,
    Gateway,
    InstallerReporter,
    MatchSpec,
    PackageCache,
    PrefixRecord,
    RepoDataRecord,
    SourceConfig,
    Subdir,
    VirtualPackage,
    VirtualPackageOverrides,
    install,
    solve,
)
from rattler.exceptions import GatewayError, InstallerError, InvalidMatchSpecError, SolverError

from envtool.prefix.conda_meta import record_files

Json = dict[str, Any]

CONNECT_TRIES = 2


class _NoChannelError(Exception):
    """A channel that none of its addresses serves; ``causes`` maps each to the reason."""

    def __init__(self, name: str, causes: dict[str, str]) -> None:
        super().__init__(name)
        self.name, self.causes = name, causes


class _OfflineError(Exception):
    """Packages that are in no cache, where nothing may be fetched."""


class _StalledError(Exception):
    """Nothing was received, written or computed for too long."""


def emit(**event: object) -> None:
    """Send one event to the parent."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve requests until the parent closes our stdin."""
    actions: dict[str, Callable[[Json], Coroutine[Any, Any, Json]]] = {
        "solve": _solve,
        "explicit": _explicit,
        "link": _link,
    }
    for line in sys.stdin:
        request = json.loads(line)
        try:
            emit(event="done", result=asyncio.run(actions[request["action"]](request)))
        except BaseException as error:  # noqa: BLE001 - a Rust panic is a BaseException; the parent must hear of it
            emit(event="error", **_explain(error))
    sys.stdout.flush()
    os._exit(0)


def _explain(error: BaseException) -> Json:
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (_NoChannelError, "channel"),
        (_StalledError, "package"),
        (_OfflineError, "offline"),
        (GatewayError, "channel"),
        (InvalidMatchSpecError, "spec"),
        (SolverError, "unsatisfiable"),
        (InstallerError, "package"),
    )
    kind = next((kind for type_, kind in kinds if isinstance(error, type_)), "fault")
    if isinstance(error, _NoChannelError):
        return {"kind": kind, "message": "", "channel": error.name, "causes": error.causes}
    return {"kind": kind, "message": f"{error}" if kind != "fault" else f"{type(error).__name__}: {error}"}


# -- solving --------------------------------------------------------------------------------------------------------


async def _solve(request: Json) -> Json:
    """Return the records that satisfy the specs, and the address that each channel was read from.

    ``channels``: [[name, [url, ...], mirrored], ...] in priority order; ``specs``; ``installed``: a prefix whose
    packages are to be kept where possible, or null, but for the names in ``update``; ``pins`` must hold for whatever is
    installed; ``priority``: strict, flexible or disabled. ``mixed`` in the answer: strict priority had no solution.
    """
    chosen = {urls[0]: urls[0] for _, urls, _ in request["channels"]}
    try:
        try:
            records, mixed = await _solved(request, chosen)
        except (GatewayError, _StalledError):
            # Only now is it worth asking address by address: reading an index twice doubles time and memory.
            for name, urls, _ in request["channels"]:
                chosen[urls[0]] = await _first_that_answers(request, name, urls[0], urls)
            records, mixed = await _solved(request, chosen)
    except SolverError:
        fuller = await _past_the_mirrors(request, chosen)
        if fuller == chosen:
            raise
        records, mixed = await _solved(request, fuller)
        return _solution(records, fuller, mixed=mixed, lacking=True)
    return _solution(records, chosen, mixed=mixed, lacking=False)


def _solution(records: Sequence[RepoDataRecord], mirrors: dict[str, str], *, mixed: bool, lacking: bool) -> Json:
    return {"records": [_to_json(record) for record in records], "mirrors": mirrors, "mixed": mixed, "lacking": lacking}


async def _past_the_mirrors(request: Json, chosen: dict[str, str]) -> dict[str, str]:
    """Return where to look for what is not to be had: mirrors may be behind, so upstream or another copy takes over."""
    fuller = dict(chosen)
    for name, urls, mirrored in request["channels"]:
        if mirrored and chosen[urls[0]] == urls[0]:
            with contextlib.suppress(_NoChannelError):
                fuller[urls[0]] = await _first_that_answers(request, name, urls[0], urls[1:])
    return fuller


async def _solved(request: Json, chosen: dict[str, str]) -> tuple[list[RepoDataRecord], bool]:
    """Return a solution, and whether it mixes channels: flexible priority is strict as long as that has a solution."""
    if request["priority"] == "flexible" and len(chosen) > 1:
        try:
            return await _solved_by(ChannelPriority.Strict, request, chosen), False
        except SolverError:
            return await _solved_by(ChannelPriority.Disabled, request, chosen), True
    priority = ChannelPriority.Disabled if request["priority"] == "disabled" else ChannelPriority.Strict
    return await _solved_by(priority, request, chosen), False


async def _solved_by(priority: ChannelPriority, request: Json, chosen: dict[str, str]) -> list[RepoDataRecord]:
    updated = set(request["update"])
    solving = solve(
        sources=[Channel(url) for url in chosen],
        specs=[MatchSpec(spec) for spec in request["specs"]],
        gateway=_gateway(request, chosen),
        platforms=[Subdir(request["subdir"]), Subdir("noarch")],
        locked_packages=[r for r in _installed(request["installed"]) if r.name.normalized not in updated],
        constraints=[MatchSpec(pin) for pin in request["pins"]],
        virtual_packages=VirtualPackage.detect(VirtualPackageOverrides.from_env()),
        channel_priority=priority,
    )
    records: list[RepoDataRecord] = await _unless_stalled(request, solving)
    return records


async def _explicit(request: Json) -> Json:
    """Return the records of archives, without solving: [[url, md5, sha256], ...], a hash being hex or ``""``."""
    specs = [MatchSpec(url) for url, *_ in request["archives"]]
    platforms = [Subdir(request["subdir"]), Subdir("noarch")]
    found = await _unless_stalled(request, _gateway(request, {}).query([], platforms, specs, recursive=False))
    records = {record.url: _to_json(record) for group in found for record in group}
    for url, md5, sha256 in request["archives"]:
        # What the list says of an archive is what it is checked against when it is fetched.
        records[url] |= {name: value for name, value in (("md5", md5), ("sha256", sha256)) if value}
        records[url]["channel"] = url.rsplit("/", 2)[0]
    return {"records": list(records.values()), "mirrors": {}}


async def _first_that_answers(request: Json, name: str, channel: str, urls: Sequence[str]) -> str:
    """Return the first address at which a channel can be read: those down, blocked or broken are passed over."""
    causes: dict[str, str] = {}
    for url in urls:
        for plain in (False, True):
            gateway = _gateway(request, {channel: url}, plain=plain)
            try:
                await _unless_stalled(request, gateway.names([channel], [request["subdir"], "noarch"]))
            except (GatewayError, _StalledError) as error:
                causes.setdefault(url, _root_cause(error))
                # A broken .zst shows only when it is decoded, and then the library does not try the plain file.
                if not _is_broken(error):
                    break
            else:
                if plain:
                    request["plain"] = True
                return url
    raise _NoChannelError(name, causes)


def _is_broken(error: BaseException) -> bool:
    """Return whether an index was had, and made no sense: a cut or corrupt file, or a web page in its place."""
    return any(sign in str(error) for sign in ("decode", "zstd", "parse", "end of file", "invalid", "unexpected"))


def _root_cause(error: BaseException) -> str:
    """Return the last, most telling line of the library's chain of causes."""
    lines = [line.removeprefix("Caused by: ").strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _gateway(request: Json, mirrors: dict[str, str], *, plain: bool = False) -> Gateway:
    plain = plain or request.get("plain", False)
    offline = "force-cache-only" if request["offline"] else "cache-or-fetch"
    config = SourceConfig(zstd_enabled=not plain, bz2_enabled=False, sharded_enabled=not plain, cache_action=offline)  # type: ignore[arg-type]
    moved = {old: new for old, new in mirrors.items() if old != new}
    # The library files an index under the channel's own address, wherever it was read: each copy gets its own folder.
    folder = f"repodata-{hashlib.sha256(repr(moved).encode()).hexdigest()[:16]}" if moved else "repodata"
    cache = Path(request["cache"], folder)
    return Gateway(cache_dir=cache, default_config=config, client=_client(request, mirrors))


def _client(request: Json, mirrors: dict[str, str]) -> Client:
    """Return a client that reads ``mirrors`` (canonical address -> the one to ask): records keep the canonical one."""
    lines = [f"tls-no-verify = {'true' if request['insecure'] else 'false'}", 'tls-root-certs = "system"']
    lines += ["[proxy-config]", *(f"{key} = {json.dumps(value)}" for key, value in request["proxies"].items())]
    moved = {old: new for old, new in mirrors.items() if old != new}
    lines += ["[mirrors]", *(f"{json.dumps(old)} = [{json.dumps(new)}]" for old, new in moved.items())]
    config = Config.from_toml("\n".join(lines), shared=True)
    return Client.from_config(config, max_retries=CONNECT_TRIES, user_agent=request["user_agent"])


# -- linking --------------------------------------------------------------------------------------------------------


async def _link(request: Json) -> Json:
    """Bring a prefix to hold exactly ``records``, patched for ``final``; first fetch all that is not in the cache.

    ``fetch_only`` stops before the first write to the prefix; ``offline`` takes from the cache or a disk alone.
    ``scratch`` is a folder on its file system.
    """
    records = [_from_json(record) for record in request["records"]]
    cache = PackageCache(Path(request["cache"], "pkgs"))
    client = _client(request, request["mirrors"])
    prefix = Path(request["prefix"])
    there = {record.sha256 for record in _installed(str(prefix))}
    index = await cache.index()
    missing = [record for record in records if record.sha256 not in there and not index.contains_record(record)]
    if request["offline"] and (far := [record.file_name for record in missing if not record.url.startswith("file:")]):
        raise _OfflineError(", ".join(sorted(far)))
    # A new prefix may fail half-way, its owner throws it away; an existing one is touched only from a full cache.
    if missing and (there or request["fetch_only"]):
        # noarch packages cannot be linked, not even into a scratch folder, without a Python beside them
        python = [record for record in records if record.name.normalized == "python" and record not in missing]
        # After an error the library goes on writing: what is left of the folder goes with the one around it.
        with tempfile.TemporaryDirectory(dir=request["scratch"], ignore_cleanup_errors=True) as scratch:
            fetching = install(
                [*missing, *python], scratch, package_cache=cache, client=client, reporter=_progress(missing)
            )
            await _unless_stalled(request, fetching, [record.file_name for record in missing])
    if not request["fetch_only"]:
        linking = install(
            records,
            prefix,
            package_cache=cache,
            client=client,
            reporter=_progress(records),
            alternative_target_prefix=request["final"],
            # 0.28 wants the inner objects here, against its own annotation
            requested_specs=[MatchSpec(spec)._match_spec for spec in request["specs"]],  # noqa: SLF001
        )
        await _unless_stalled(request, linking, [record.file_name for record in missing])
    return {"fetched": len(missing)}


async def _unless_stalled(request: Json, work: Coroutine[Any, Any, Any], files: Sequence[str] = ()) -> Any:
    """Return what ``work`` returns; raise where the process shows no sign of life for ``request["stall"]`` seconds.

    The library has only a limit for a whole request, which kills honest downloads over slow links. Signs of life are
    processor time (which receiving costs, too) and the size of the cache.
    """
    task = asyncio.ensure_future(work)
    last, since = None, time.monotonic()
    while not task.done():
        await asyncio.wait([task], timeout=1.0)
        signs = round(time.process_time(), 1), _size(Path(request["cache"]))
        if signs != last:
            last, since = signs, time.monotonic()
        elif time.monotonic() - since > request["stall"]:
            task.cancel()
            message = f"nothing was received for {request['stall']:.0f} seconds"
            raise _StalledError(f"{message}; still to come: {', '.join(files)}" if files else message)
    return task.result()


def _size(cache: Path) -> int:
    """Return the bytes of all indexes that were received, the unfinished ones too."""
    try:
        return sum(path.stat().st_size for path in cache.glob("repodata*/*"))
    except OSError:
        return 0


class _Progress(InstallerReporter):
    """Adds up what the library reports and sends it on: bytes while downloading, packages while linking."""

    def __init__(self, records: list[RepoDataRecord]) -> None:
        self.total = len(records)
        self.linked = 0
        self.bytes: dict[int, int] = {}
        self.totals: dict[int, int] = {}
        self.downloads = 0

    def on_download_start(self, cache_entry: int) -> int:  # noqa: ARG002
        self.downloads += 1
        return self.downloads

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:
        self.bytes[download_idx] = progress
        self.totals[download_idx] = total or progress
        emit(event="progress", unit="bytes", done=sum(self.bytes.values()), total=sum(self.totals.values()))

    def on_link_start(self, operation: int, package_name: str) -> int:
        emit(event="progress", unit="packages", done=self.linked, total=self.total, label=package_name)
        return operation

    def on_link_complete(self, index: int) -> None:  # noqa: ARG002
        self.linked += 1


def _progress(records: list[RepoDataRecord]) -> InstallerReporter:
    return _Progress(records)  # type: ignore[abstract]  # the library's methods have no bodies, and need none


# -- records as JSON --------------------------------------------------------------------------------------------------


def _installed(prefix: str | None) -> list[RepoDataRecord]:
    if prefix is None:
        return []
    return [PrefixRecord.from_path(path) for path in record_files(Path(prefix))]


def _to_json(record: RepoDataRecord) -> Json:
    fields: Json = json.loads(record.to_json())
    return fields | {"url": record.url, "channel": record.channel, "fn": record.file_name}


def _from_json(fields: Json) -> RepoDataRecord:
    """Return the record that :func:`_to_json` wrote.

    The library reads whole records only as those of installed packages, from files; the fields beyond stay empty.
    """
    whole = {**fields, "files": [], "paths_data": {"paths_version": 1, "paths": []}}
    for key in ("link", "requested_spec", "requested_specs", "extracted_package_dir", "package_tarball_full_path"):
        whole.pop(key, None)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(whole, file)
        file.flush()
        return PrefixRecord.from_path(Path(file.name))
