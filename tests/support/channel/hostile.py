"""Conda packages that no honest tool writes: with paths, links and lists that lead out of an environment."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard


def write_package(
    channel: Path,
    name: str,
    files: Mapping[str, bytes] = {},
    links: Mapping[str, str] = {},
    *,
    listed: Sequence[str] | None = None,
    noarch: str = "generic",
    entry_points: Sequence[str] = (),
) -> None:
    """Write a noarch package ``name`` 1.0 into a channel; ``listed`` are the paths that its list names."""
    index = {"name": name, "version": "1.0", "build": "0", "build_number": 0, "depends": [], "subdir": "noarch"}
    paths = [_entry(path, files, links) for path in (listed if listed is not None else (*files, *links))]
    info = {
        "info/index.json": index | {"noarch": noarch, "timestamp": 1700000000000},
        "info/paths.json": {"paths_version": 1, "paths": paths},
        "info/about.json": {},
    }
    if noarch == "python":
        link = {"noarch": {"type": "python", "entry_points": list(entry_points)}, "package_metadata_version": 1}
        info["info/link.json"] = link
    target = channel / "noarch" / f"{name}-1.0-0.conda"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
        archive.writestr(f"pkg-{name}-1.0-0.tar.zst", _tar(files, links))
        texts = {path: json.dumps(content).encode() for path, content in info.items()}
        archive.writestr(f"info-{name}-1.0-0.tar.zst", _tar(texts, {}))


def _entry(path: str, files: Mapping[str, bytes], links: Mapping[str, str]) -> dict[str, Any]:
    data = files.get(path, b"")
    kind = "softlink" if path in links else "hardlink"
    return {"_path": path, "path_type": kind, "sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}


def _tar(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, target in links.items():
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    return zstandard.ZstdCompressor().compress(buffer.getvalue())
