"""Archives that are named by URL: fetched, verified, and described by a record with their SHA-256.

The library's cache keeps packages by file name. It notices a package of another channel under the same name only if the
record has a SHA-256. Every archive that was fetched is therefore noted in ``origins/``: its hashes, under a digest of
its URL, which may contain a secret.
"""

import asyncio
import contextlib
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rattler import CacheIndex, Client, PackageCache, PackageRecord, RepoDataRecord
from rattler.exceptions import ExtractError
from rattler.package_streaming import download_to_writer

from envtool.documents import parse_json
from envtool.engines.rattler_worker.errors import ArchiveError, OfflineError
from envtool.engines.rattler_worker.records import to_json
from envtool.files import read_file

Json = dict[str, Any]

_CONCURRENT = 8  # downloads at once


class Archives:
    """The archives in the cache of one request, and their download. ``on_bytes`` receives the total of bytes so far."""

    def __init__(self, request: Json, http: Client, on_bytes: Callable[[int], None]) -> None:
        self._cache = Path(request["cache"])
        self._offline = request["offline"]
        self._http = http
        self._on_bytes = on_bytes
        self._received = 0
        self._free = asyncio.Semaphore(_CONCURRENT)

    async def record(self, url: str, md5: str, sha256: str) -> Json:
        """Return the record of an archive, fetched unless the cache has it. Hashes are hex, or "" if unknown.

        Raises ArchiveError if the archive cannot be read or does not have these hashes, and OfflineError.
        """
        async with self._free:
            record = await self._cached(url, md5, sha256) or await self._read(url, md5, sha256)
        hashes = {"md5": md5} if md5 else {}
        return to_json(record) | {"url": url, "channel": url.rsplit("/", 2)[0], "fn": file_name(url), **hashes}

    def downloaded(self, url: str) -> Path:
        """Return the path at which the archive of a URL is kept until it is unpacked."""
        return self._cache / "archives" / _digest(url) / file_name(url)

    def delete_downloaded(self, url: str) -> None:
        """Delete the archive of a URL, which is unpacked in the cache now."""
        path = self.downloaded(url)
        if path.parent.is_dir():
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    def note_unpacked(self, record: RepoDataRecord) -> None:
        """Note the hashes of an archive that is unpacked in the cache now."""
        hashes = {"md5": _hex(record.md5), "sha256": _hex(record.sha256)}
        if hashes["sha256"]:
            note = self._origin(record.url)
            note.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=note.parent, delete=False) as file:
                json.dump(hashes, file)
            Path(file.name).replace(note)

    def _origin(self, url: str) -> Path:
        return self._cache / "origins" / f"{_digest(url)}.json"

    async def _cached(self, url: str, md5: str, sha256: str) -> RepoDataRecord | None:
        """Return the record of an unpacked package of which the hash, or the URL it came from, is the one given."""
        noted = _noted(self._origin(url))
        if not sha256 and (not noted or (md5 and md5 != noted["md5"])):
            return None
        stem = self.downloaded(url).name.removesuffix(".conda").removesuffix(".tar.bz2")
        described = self._cache / "pkgs" / stem / "info" / "index.json"
        if url.startswith("file:") or not described.is_file():
            return None
        package = PackageRecord.from_index_json(
            described, sha256=sha256 or noted["sha256"], md5=md5 or noted.get("md5") or None
        )
        record = RepoDataRecord(package, self.downloaded(url).name, url, url.rsplit("/", 2)[0])
        index: CacheIndex = await PackageCache(self._cache / "pkgs").index()
        return record if index.contains_record(record) else None

    async def _read(self, url: str, md5: str, sha256: str) -> RepoDataRecord:
        local = url.startswith("file:")
        path = _path_of(url) if local else self.downloaded(url)
        if not local and not path.is_file():
            await self._download(url, path)
        try:
            record = await RepoDataRecord.from_package_archive(path)
        except (ExtractError, OSError) as error:
            if not local:
                path.unlink(missing_ok=True)
            raise ArchiveError(url, str(error).splitlines()[0]) from error
        if wrong := _wrong_hash(path, md5, sha256, _hex(record.sha256)):
            if not local:
                path.unlink()
            raise ArchiveError(url, wrong)
        return record

    async def _download(self, url: str, path: Path) -> None:
        if self._offline:
            raise OfflineError(path.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            try:
                await download_to_writer(self._http, url, _Counter(file.write, self._count))
            except (RuntimeError, OSError) as error:
                Path(file.name).unlink()
                raise ArchiveError(url, str(error).partition(" for url (")[0]) from error
        Path(file.name).replace(path)

    def _count(self, received: int) -> None:
        self._received += received
        self._on_bytes(self._received)


class _Counter:
    """A writer that reports the number of bytes written."""

    def __init__(self, write: Callable[[bytes], int], on_written: Callable[[int], None]) -> None:
        self._write, self._on_written = write, on_written

    def write(self, data: bytes) -> int:
        self._on_written(len(data))
        return self._write(data)


def _path_of(url: str) -> Path:
    from urllib.request import url2pathname  # slow to import, and rarely needed

    return Path(url2pathname(urlsplit(url).path))


def file_name(url: str) -> str:
    """Return the name of an archive's file."""
    return Path(unquote(urlsplit(url).path)).name


def _noted(path: Path) -> Json:
    try:
        noted = parse_json(read_file(path))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) and "sha256" in noted else {}


def _wrong_hash(path: Path, md5: str, sha256: str, found: str) -> str:
    """Return which of the listed hashes an archive does not have, or ""; ``found`` is its SHA-256."""
    if sha256 and sha256 != found:
        return f"its SHA-256 is {found}, not {sha256}"
    if md5:
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        computed = digest.hexdigest()
        if md5 != computed:
            return f"its MD5 is {computed}, not {md5}"
    return ""


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:32]


def _hex(digest: bytes | None) -> str:
    return digest.hex() if digest else ""
