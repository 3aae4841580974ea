"""What an environment's own books say of its files, and the books brought up to date where files were rewritten.

conda's records name the files that hold the prefix, and how (CEP 32); pip's RECORD files (PEP 376, 627) and conda's
records both hold hashes of what they installed. A hash that did not fit before, since somebody edited the file, is
left alone: an edited file stays known as one.
"""

import hashlib
import json
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HASH_IN_PREFIX = re.compile(rb'("sha256_in_prefix"\s*:\s*")([0-9a-f]{64})(?=")')


@dataclass(frozen=True)
class Placeholder:
    """A file in which conda's linker put the prefix; ``room`` is the length of what stood there, in bytes."""

    binary: bool
    room: int


@dataclass(frozen=True)
class Ledger:
    """What the books say: files with the prefix in them, files that packages own, and what is not to be carried.

    ``left_out`` are the records of packages that cannot be cloned, and their files; ``packages`` are their names.
    """

    placeholders: Mapping[str, Placeholder] = field(default_factory=dict)
    owned: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Digest:
    """A file's content, as books know it."""

    sha256: bytes
    size: int

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        return cls(hashlib.sha256(data).digest(), len(data))


Rewritten = dict[str, tuple[Digest, Digest]]  # path below the prefix -> before, after


def read(prefix: Path, *, without: str = "") -> Ledger:
    """Return what conda's records say; ``without`` names a package that stays behind with all that depend on it."""
    records = dict(_records(prefix))
    dropped = _dependents(without, records.values()) if without else set()
    placeholders: dict[str, Placeholder] = {}
    owned: set[str] = set()
    left_out: set[str] = set()
    for file, record in records.items():
        if record.get("name") in dropped:
            left_out |= {f"conda-meta/{file}", *record.get("files", ())}
            continue
        owned.update(record.get("files", ()))
        for entry in (record.get("paths_data") or {}).get("paths", ()):
            if placeholder := entry.get("prefix_placeholder"):
                binary = entry.get("file_mode") == "binary"
                placeholders[entry["_path"]] = Placeholder(binary, len(os.fsencode(placeholder)))
    return Ledger(placeholders, frozenset(owned), frozenset(left_out - owned), tuple(sorted(dropped)))


def owned_by_pip(prefix: Path, files: Iterable[str]) -> Iterator[str]:
    """Yield what the RECORD files among ``files`` list, as paths below the prefix."""
    for file in filter(_is_record, files):
        folder = _folder(file)
        for line in _read(prefix / file).split(b"\n"):
            if path := _split(line)[0]:
                yield _place(path, folder)


def amended(
    files: Iterable[str], read_now: Callable[[str], bytes], rewritten: Rewritten
) -> Iterator[tuple[str, bytes]]:
    """Yield the books that have to change, with their new content; ``read_now`` gives the present one."""
    if not rewritten:
        return
    records = []
    for file in files:
        if _is_record(file):
            data = read_now(file)
            new = _amended_wheel_record(data, _folder(file), rewritten)
            if new != data:
                before = rewritten[file][0] if file in rewritten else Digest.of(data)
                rewritten[file] = before, Digest.of(new)
                yield file, new
        elif is_conda_record(file):
            records.append(file)
    # Last: the RECORD files of conda's own packages are in conda's records.
    hashes = {before.sha256.hex().encode(): after.sha256.hex().encode() for before, after in rewritten.values()}
    for file in records:
        data = read_now(file)
        new = _HASH_IN_PREFIX.sub(lambda match: match[1] + hashes.get(match[2], match[2]), data)
        if new != data:
            yield file, new


def is_conda_record(file: str) -> bool:
    """Return whether a path below a prefix is one of conda's records."""
    return file.startswith("conda-meta/") and file.endswith(".json") and file.count("/") == 1


def _records(prefix: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in (prefix / "conda-meta").glob("*.json"):
        try:
            record = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue  # conda refuses it, and so it owns nothing; it is carried as it is
        if isinstance(record, dict):
            yield path.name, record


def _dependents(name: str, records: Iterable[Mapping[str, Any]]) -> set[str]:
    needs = {record["name"]: {spec.split()[0] for spec in record.get("depends", ()) if spec} for record in records}
    found = {name} & needs.keys()
    while more := {other for other, needed in needs.items() if other not in found and needed & found}:
        found |= more
    return found


def _is_record(file: str) -> bool:
    return file.endswith(".dist-info/RECORD")


def _folder(record: str) -> str:
    """Return the folder that a RECORD's paths start from, below the prefix."""
    return record.rsplit("/", 2)[0]


def _place(path: bytes, folder: str) -> str:
    joined = f"{folder}/{os.fsdecode(path)}"
    return os.path.normpath(joined) if b".." in path else joined


def _split(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the path, hash and size of a RECORD's line. By hand: what is not changed is to stay as it is."""
    rest, _, size = line.rpartition(b",")
    path, _, digest = rest.rpartition(b",")
    return (path[1:-1].replace(b'""', b'"') if path.startswith(b'"') else path), digest, size


def _amended_wheel_record(data: bytes, folder: str, rewritten: Rewritten) -> bytes:
    lines = data.split(b"\n")
    for index, line in enumerate(lines):
        path, digest, size = _split(line)
        change = rewritten.get(_place(path, folder)) if digest else None
        if change and digest == _wheel_hash(change[0]):
            kept = line[: len(line) - len(digest) - 1 - len(size)]
            ending = b"\r" if size.endswith(b"\r") else b""
            lines[index] = kept + b"%s,%d%s" % (_wheel_hash(change[1]), change[1].size, ending)
    return b"\n".join(lines)


def _wheel_hash(digest: Digest) -> bytes:
    return b"sha256=" + urlsafe_b64encode(digest.sha256).rstrip(b"=")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
