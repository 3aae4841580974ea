"""Fetching packages and linking them into a prefix."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rattler import Client, InstallerReporter, MatchSpec, PackageCache, RepoDataRecord, install

from envtool.engines.rattler_worker.archives import Archives
from envtool.engines.rattler_worker.errors import OfflineError, SizeError
from envtool.engines.rattler_worker.events import emit
from envtool.engines.rattler_worker.guard import Guard
from envtool.engines.rattler_worker.network import client, unless_stalled
from envtool.engines.rattler_worker.records import from_json, installed

Json = dict[str, Any]


async def link(request: Json) -> Json:
    """Change a prefix to contain exactly ``records``, after fetching those that are not in the cache.

    ``final`` is the path that is written into files in place of ``prefix``. With ``fetch_only`` the prefix is not
    changed. With ``offline`` packages come from the cache or from file: URLs only. ``scratch`` is a folder on the file
    system of the prefix.
    """
    http = client(request, request["mirrors"])
    archives = Archives(request, http, lambda done: emit(event="progress", unit="bytes", done=done))
    present = installed(request["prefix"])
    records = [from_json(fields) for fields in await _with_hashes(request, present, archives)]
    cache = PackageCache(Path(request["cache"], "pkgs"))
    index = await cache.index()
    hashes = {record.sha256 for record in present}
    missing = [record for record in records if record.sha256 not in hashes and not index.contains_record(record)]
    urls = [record.url for record in missing]
    for record in missing:
        if (path := archives.downloaded(record.url)).is_file():
            record.url = path.as_uri()
    if request["offline"]:
        _require_local(missing)
    # Linking into a new prefix may fail half-way, because it is then thrown away. An existing prefix is changed only
    # after all packages are in the cache.
    new = [record for record in records if record.sha256 not in hashes]
    guard = Guard(new, Path(request["cache"], "pkgs"), Path(request["final"]))
    guard.require_all()
    if missing and (present or request["fetch_only"]):
        await _fetch(request, records, missing, cache, http, guard)
    if not request["fetch_only"]:
        progress = _progress(records, guard)
        linking = install(
            records,
            Path(request["prefix"]),
            package_cache=cache,
            client=http,
            reporter=progress,
            alternative_target_prefix=request["final"],
            # In 0.28 the inner objects are required here, contrary to the annotation.
            requested_specs=[MatchSpec(spec)._match_spec for spec in request["specs"]],  # noqa: SLF001
        )
        await unless_stalled(request, linking, [record.file_name for record in missing])
        _require_sizes(missing, progress, Path(request["cache"], "pkgs"))
    for record, url in zip(missing, urls, strict=True):
        record.url = url
        archives.note_unpacked(record)
    for record in records:
        archives.delete_downloaded(record.url)
    return {"fetched": len(missing)}


async def _with_hashes(request: Json, present: Sequence[RepoDataRecord], archives: Archives) -> list[Json]:
    """Return the records of a request, with the SHA-256 of new packages that an index lists without one."""
    kept = {(record.name.normalized, str(record.version), record.build) for record in present}

    async def complete(fields: Json) -> Json:
        if fields.get("sha256") or (fields["name"], fields["version"], fields["build"]) in kept:
            return fields
        found = await archives.record(fields["url"], fields.get("md5") or "", "")
        if found.get("size") and fields.get("size") not in (None, found["size"]):
            archives.delete_downloaded(fields["url"])
            raise _wrong_size(fields["url"], found["size"], fields["size"])
        return fields | {key: found[key] for key in ("md5", "sha256", "size") if found.get(key)}

    return list(await unless_stalled(request, asyncio.gather(*map(complete, request["records"]))))


def _require_local(missing: list[RepoDataRecord]) -> None:
    """Raise OfflineError if a package that is not in the cache has to come from a server."""
    remote = sorted(record.file_name for record in missing if not record.url.startswith("file:"))
    if remote:
        raise OfflineError(", ".join(remote))


async def _fetch(
    request: Json,
    records: list[RepoDataRecord],
    missing: list[RepoDataRecord],
    cache: PackageCache,
    http: Client,
    guard: Guard,
) -> None:
    """Fetch the missing packages into the cache, by linking them into a temporary folder."""
    # noarch packages cannot be linked without a Python in the same prefix.
    python = [record for record in records if record.name.normalized == "python" and record not in missing]
    # After an error the library continues to write there. What remains is removed with the scratch folder.
    with tempfile.TemporaryDirectory(dir=request["scratch"], ignore_cleanup_errors=True) as folder:
        progress = _progress(missing, guard)
        fetching = install([*missing, *python], folder, package_cache=cache, client=http, reporter=progress)
        await unless_stalled(request, fetching, [record.file_name for record in missing])
    _require_sizes(missing, progress, Path(request["cache"], "pkgs"))


def _require_sizes(fetched: list[RepoDataRecord], progress: "_Progress", cache: Path) -> None:
    """Raise SizeError for a package of another size than its record says, and remove it from the cache.

    The library compares hashes only, and a record may have none.
    """
    for record in fetched:
        size = progress.received(record.name.normalized)
        if size is None or record.size is None or size == record.size:
            continue
        stem = f"{record.name.normalized}-{record.version}-{record.build}"
        shutil.rmtree(cache / stem, ignore_errors=True)
        raise _wrong_size(record.url, size, record.size)


def _wrong_size(url: str, received: int, expected: int) -> SizeError:
    return SizeError(f"{url}: {received} bytes were received, and the index says {expected}")


class _Progress(InstallerReporter):
    """Emits the library's progress in total: bytes while downloading, packages while linking."""

    def __init__(self, records: list[RepoDataRecord], guard: Guard) -> None:
        self.guard = guard
        self.total = len(records)
        self.linked = 0
        self.bytes: dict[int, int] = {}
        self.totals: dict[int, int] = {}
        self.downloads = 0
        self._packages: list[str] = []  # by cache entry, from 1
        self._downloaded: dict[int, int] = {}  # download -> cache entry

    def received(self, name: str) -> int | None:
        """Return the bytes of a package that was downloaded, None for one that was in the cache already."""
        entries = {number for number, package in enumerate(self._packages, 1) if package == name}
        downloads = [number for number, entry in self._downloaded.items() if entry in entries]
        return self.bytes.get(downloads[-1]) if downloads else None

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:  # noqa: ARG002
        self._packages.append(package_name)
        return len(self._packages)

    def on_download_start(self, cache_entry: int) -> int:
        self.downloads += 1
        self._downloaded[self.downloads] = cache_entry
        return self.downloads

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:
        self.bytes[download_idx] = progress
        self.totals[download_idx] = total or progress
        emit(event="progress", unit="bytes", done=sum(self.bytes.values()), total=sum(self.totals.values()))

    def on_link_start(self, operation: int, package_name: str) -> int:
        self.guard.stop_before(package_name)
        emit(event="progress", unit="packages", done=self.linked, total=self.total, label=package_name)
        return operation

    def on_link_complete(self, index: int) -> None:  # noqa: ARG002
        self.linked += 1


def _progress(records: list[RepoDataRecord], guard: Guard) -> _Progress:
    return _Progress(records, guard)  # type: ignore[abstract]  # the library's methods have no bodies, and need none
