"""The conda half: one JSON record per package in ``conda-meta`` (CEP 32), read as they are and left as they are."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.clients.conda import split_login
from envtool.i18n import tr
from envtool.model import Package

_PATHS = re.compile(rb'"paths_data":\s*\{[^\[\]]*\[[^\]]*\][^}]*\}')


@dataclass(frozen=True)
class Record:
    """A package and what of its record is needed to tell its files from pip's."""

    package: Package
    files: tuple[str, ...] = ()
    site_packages: str = ""  # only python's record says it, from 3.13 on


def names(prefix: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (name, version, build) of every conda package, from the file names alone: nothing is opened."""
    for file in _files(prefix):
        parts = file[: -len(".json")].rsplit("-", 2)
        if len(parts) == 3:
            yield parts[0], parts[1], parts[2]


def read_all(prefix: Path) -> tuple[list[Record], list[str]]:
    """Return every record of a prefix by name, and a warning for each one that conda would stumble over."""
    records, warnings = [], []
    for file in _files(prefix):
        path = prefix / "conda-meta" / file
        try:
            record = _record(_load(path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            warnings.append(tr("{path} cannot be understood; conda refuses the whole environment for it.", path=path))
            continue
        package = record.package
        if file != f"{package.name}-{package.version}-{package.build}.json":
            warnings.append(tr("{path} speaks of another package than its name says; conda ignores it.", path=path))
            continue
        records.append(record)
    return records, warnings


def _files(prefix: Path) -> list[str]:
    try:
        with os.scandir(prefix / "conda-meta") as entries:
            # macOS leaves ._ files beside the real ones on foreign disks.
            return sorted(e.name for e in entries if e.name.endswith(".json") and not e.name.startswith("._"))
    except OSError:
        return []


def _load(data: bytes) -> Any:
    # Most of a record are the hashes of its files, which nobody here asks for: not to parse them halves the time of a
    # listing. A bracket in a file's name makes the cut wrong, which never leaves valid JSON.
    try:
        return json.loads(_PATHS.sub(b'"paths_data":{}', data, count=1))
    except ValueError:
        return json.loads(data)


def _record(content: dict[str, Any]) -> Record:
    subdir, url = str(content.get("subdir") or ""), _public(content.get("url"))
    package = Package(
        name=content["name"],
        version=content["version"],
        manager="conda",
        build=content["build"],
        channel=_channel(_public(content.get("channel")), url, subdir),
        subdir=subdir,
        url=url,
        md5=content.get("md5") or "",
        sha256=content.get("sha256") or "",
        size=content.get("size"),
        depends=tuple(content.get("depends") or ()),
        requested=_requested(content),
    )
    return Record(package, tuple(content.get("files") or ()), content.get("python_site_packages_path") or "")


def _channel(channel: str, url: str, subdir: str) -> str:
    """Return a channel without its subdir: conda writes it with, the specification says without."""
    if channel in ("", "<unknown>"):
        channel = url.rpartition("/")[0]
    channel = channel.rstrip("/")
    return channel.removesuffix(f"/{subdir}") if subdir else channel


def _requested(content: dict[str, Any]) -> bool:
    # The singular is the old form; conda has been seen to write the word None into it.
    return bool(content.get("requested_specs")) or content.get("requested_spec") not in (None, "", "None")


def _public(url: object) -> str:
    """Return an address without login and token: mamba has been seen to record them."""
    return split_login(url)[0] if isinstance(url, str) else ""
