"""``conda-meta/*.json``: one record per conda package (CEP 32), read and written.

A record is a file that conda takes for one: a JSON object under the name ``<name>-<version>-<build>.json``. conda
ignores a file whose name says otherwise, and refuses the whole environment for one that it cannot parse.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envtool.documents import parse_json
from envtool.errors import EnvtoolError
from envtool.files import read_file, write_atomically
from envtool.i18n import tr
from envtool.model import Package
from envtool.prefix.containment import inside
from envtool.redaction import split_login

Json = dict[str, Any]

_FOLDER = "conda-meta"
_PRIVATE = "requires_login"  # our own key: conda and mamba ignore it
_PATHS = re.compile(rb'"paths_data":\s*\{[^\[\]]*\[[^\]]*\][^}]*\}')
_IN_PREFIX = re.compile(rb'("sha256_in_prefix"\s*:\s*")([0-9a-f]{64})(?=")')


@dataclass(frozen=True)
class Record:
    """A package, and the part of its record that tells its files from pip's."""

    package: Package
    files: tuple[str, ...] = ()
    site_packages: str = ""  # only python's record has it, from 3.13 on


class _MisnamedError(ValueError):
    """A record in a file that is named after another package."""


# -- which files there are ---------------------------------------------------------------------------------------------


def record_files(prefix: Path) -> list[Path]:
    """Return the files that conda takes for records, sorted by name, without opening them."""
    return [prefix / _FOLDER / name for name in _file_names(prefix)]


def is_record(path: str) -> bool:
    """Return whether a path below a prefix is that of a record."""
    folder, _, name = path.rpartition("/")
    return folder == _FOLDER and _is_file_name(name)


def names(prefix: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (name, version, build) of every conda package, from the file names alone: nothing is opened."""
    for file in _file_names(prefix):
        parts = split_stem(file[: -len(".json")])
        if len(parts) == 3:
            yield parts[0], parts[1], parts[2]


def split_stem(stem: str) -> tuple[str, ...]:
    """Return (name, version, build) of ``name-version-build``, the stem of a record's or an archive's file name."""
    return tuple(stem.rsplit("-", 2))


def version_of(prefix: Path, name: str) -> str:
    """Return the version of a conda package, from the file names alone; ``""`` where it is not installed."""
    start = f"{name}-"
    try:
        files = [file for file in os.listdir(prefix / _FOLDER) if file.startswith(start) and _is_file_name(file)]  # noqa: PTH208
    except OSError:
        return ""
    found = (split_stem(file[: -len(".json")]) for file in sorted(files))
    return next((parts[1] for parts in found if parts[0] == name), "")


def _file_names(prefix: Path) -> list[str]:
    try:
        with os.scandir(prefix / _FOLDER) as entries:
            return sorted(entry.name for entry in entries if _is_file_name(entry.name))
    except OSError:
        return []


def _is_file_name(name: str) -> bool:
    # macOS leaves ._ files beside the real ones on foreign disks.
    return name.endswith(".json") and not name.startswith("._")


# -- reading: what is needed to list packages, fast -------------------------------------------------------------------


def read_packages(prefix: Path) -> tuple[list[Record], list[str]]:
    """Return the packages of a prefix by name, and a warning for each file that is not the record it should be."""
    found, warnings = [], []
    for path in record_files(prefix):
        try:
            content = _checked(_parsed(read_file(path)), path)
            site_packages = content.get("python_site_packages_path") or ""
            found.append(Record(package_of(content), tuple(content.get("files") or ()), site_packages))
        except _MisnamedError:
            warnings.append(
                tr("{path} is the record of another package than its name says; conda ignores it.", path=path)
            )
        except (OSError, ValueError, TypeError, AttributeError):
            warnings.append(_unreadable(path))
    return found, warnings


def package_of(record: Json) -> Package:
    """Return the package that a record, or an entry of a channel's index, describes."""
    subdir, url = str(record.get("subdir") or ""), _without_login(record.get("url"))
    return Package(
        name=record["name"],
        version=record["version"],
        manager="conda",
        build=record["build"],
        channel=_channel(_without_login(record.get("channel")), url, subdir),
        subdir=subdir,
        url=url,
        md5=record.get("md5") or "",
        sha256=record.get("sha256") or "",
        size=record.get("size"),
        depends=tuple(record.get("depends") or ()),
        requested=bool(requested_specs(record)),
        private=bool(record.get(_PRIVATE)) or _has_login(record.get("url")) or _has_login(record.get("channel")),
    )


def requested_specs(record: Json) -> list[str]:
    """Return the specs by which a person asked for a package; none where it only came along."""
    if specs := record.get("requested_specs"):
        return [*specs]
    # The old form; conda has been seen to write the word None into it.
    spec = record.get("requested_spec")
    return [] if spec in (None, "", "None") else [spec]


def packages_of(records: Iterable[Json], requested: set[str]) -> tuple[Package, ...]:
    """Return the packages of records, where a solver knows which names are ``requested``."""
    return tuple(replace(package_of(record), requested=record["name"] in requested) for record in records)


def _parsed(data: bytes) -> Any:
    # Most of a record are the hashes of its files, which nobody here asks for: not to parse them halves the time of a
    # listing. A bracket in a file's name makes the cut wrong, which never leaves valid JSON.
    try:
        return parse_json(_PATHS.sub(b'"paths_data":{}', data, count=1))
    except ValueError:
        return parse_json(data)


def _checked(content: Any, path: Path) -> Json:
    """Return the content of a record's file. Raises ValueError where it is none."""
    if not isinstance(content, dict) or not all(isinstance(part, str) for part in _parts(content)):
        raise ValueError(path)
    if path.name != _file_name(content):
        raise _MisnamedError(path)
    if not _has_usual_types(content):
        raise ValueError(path)
    return content


def _has_usual_types(content: Json) -> bool:
    texts = [content.get(key) or "" for key in ("url", "channel", "subdir")]
    lists = [content.get(key) or [] for key in ("files", "depends")]
    return {*map(type, texts)} == {str} and all(
        isinstance(part, list) and {*map(type, part)} <= {str} for part in lists
    )


def _parts(record: Json) -> tuple[Any, Any, Any]:
    return record.get("name"), record.get("version"), record.get("build")


def _unreadable(path: Path) -> str:
    return tr("{path} cannot be read as a package record; conda refuses the whole environment for it.", path=path)


def _channel(channel: str, url: str, subdir: str) -> str:
    """Return a channel without its subdir: conda writes it with, the specification says without."""
    if channel in ("", "<unknown>"):
        channel = url.rpartition("/")[0]
    channel = channel.rstrip("/")
    return channel.removesuffix(f"/{subdir}") if subdir else channel


def _has_login(url: object) -> bool:
    return isinstance(url, str) and ("/t/" in url or "@" in url) and split_login(url)[0] != url


def _without_login(url: object) -> str:
    """Return an address without login and token: mamba has been seen to record them."""
    return split_login(url)[0] if isinstance(url, str) else ""


# -- reading: whole records -------------------------------------------------------------------------------------------


def records(prefix: Path) -> list[Json]:
    """Return the whole records of a prefix, sorted by file name; what is no record is left out."""
    found = []
    for path in record_files(prefix):
        try:
            found.append(_checked(parse_json(read_file(path)), path))
        except (OSError, ValueError):
            continue
    return found


def require_records(prefix: Path) -> list[Json]:
    """Return what :func:`records` does. Raises EnvtoolError where a file cannot be read: a package would be missed."""
    found = []
    for path in record_files(prefix):
        try:
            found.append(_checked(parse_json(read_file(path)), path))
        except _MisnamedError:
            continue
        except (OSError, ValueError):
            raise EnvtoolError(
                _unreadable(path),
                hint=tr("Delete the file and install its package again, or create the environment again."),
            ) from None
    return found


def identity(record: Json) -> tuple[str, str, str]:
    """Return (name, version, build): what tells one build of a package from every other."""
    return record["name"], record["version"], record["build"]


def record_path(record: Json) -> str:
    """Return the path of a record's file below the prefix."""
    return f"{_FOLDER}/{_file_name(record)}"


def _file_name(record: Json) -> str:
    return f"{'-'.join(identity(record))}.json"


# -- which files packages own -----------------------------------------------------------------------------------------


def owned_files(installed: Iterable[Json]) -> set[str]:
    """Return the paths below the prefix of all files that records list."""
    return {path for record in installed for path in record.get("files") or ()}


# -- writing ----------------------------------------------------------------------------------------------------------


def write(prefix: Path, record: Json) -> None:
    """Write a record as it is given. Raises OSError."""
    path = inside(prefix, record_path(record))
    write_atomically(path, json.dumps(record, indent=2).encode() + b"\n")
    path.chmod(0o644)


def tidy(prefix: Path, package: Package) -> None:
    """Make the record that py-rattler wrote (mode 0600) readable for others, without logins. Raises OSError."""
    path = inside(prefix, f"{_FOLDER}/{package.name}-{package.version}-{package.build}.json")
    old = read_file(path)
    wanted: dict[str, object] = {"url": package.url, "channel": package.channel}
    wanted |= {_PRIVATE: True} if package.private else {}
    new = _spliced(old, wanted)
    if new is None:
        write(prefix, parse_json(old) | wanted)
    elif new != old:
        path.write_bytes(new)
    path.chmod(0o644)


def _spliced(record: bytes, wanted: Mapping[str, object]) -> bytes | None:
    """Return a record with other values, or None if it is not laid out as py-rattler does.

    Most of a record are the hashes of its files: to parse and write all of it takes long.
    """
    for key, value in wanted.items():
        line = re.compile(rb'^  "%s": "(?:[^"\\]|\\.)*"' % key.encode(), re.MULTILINE)
        new = b'  "%s": %s' % (key.encode(), json.dumps(value).encode())
        if found := line.search(record):
            record = record[: found.start()] + new + record[found.end() :]
        elif key == _PRIVATE and record.startswith(b"{\n"):
            record = b"{\n%s,\n%s" % (new, record[2:])
        else:
            return None
    return record


def with_new_digests(data: bytes, hashes: Mapping[bytes, bytes]) -> bytes:
    """Return a record's content with the hashes of files that were rewritten (SHA-256 in hex: before -> after)."""
    return _IN_PREFIX.sub(lambda match: match[1] + hashes.get(match[2], match[2]), data)


def delete_broken(prefix: Path, but: Set[str]) -> None:
    """Delete the files that cannot be parsed, but for those with a stem in ``but``. Raises OSError.

    A kill leaves them of packages that were to come, and no engine works beside them.
    """
    for path in record_files(prefix):
        try:
            parse_json(read_file(path))
        except ValueError:
            if path.stem not in but:
                path.unlink()
