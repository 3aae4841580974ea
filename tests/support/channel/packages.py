"""Conda packages in the ``.conda`` format, written from folders of files.

A ``.conda`` file is a zip, stored, of ``metadata.json``, ``pkg-*.tar.zst`` (the files) and ``info-*.tar.zst`` (what is
known of them).
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import zstandard

# conda looks for this exact prefix in files and puts the environment's path in its place; 255 bytes leave room for it.
PLACEHOLDER = "/placehold" + "_placehold" * 24
SUBDIR = {"x86_64": "linux-64", "aarch64": "linux-aarch64", "arm64": "osx-arm64"}.get(os.uname().machine, "linux-64")


@dataclass
class Content:
    """The files of a package: path in the prefix -> bytes, or a link's target."""

    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    executable: set[str] = field(default_factory=set)
    text_prefix: set[str] = field(default_factory=set)  # files that hold PLACEHOLDER


def write_package(
    folder: Path,
    name: str,
    version: str,
    content: Content,
    *,
    build: str = "0",
    build_number: int = 0,
    depends: tuple[str, ...] = (),
    noarch: str = "",
    entry_points: tuple[str, ...] = (),
) -> Path:
    """Write one package into its subdir under a channel's folder and return its path."""
    subdir = "noarch" if noarch else SUBDIR
    index: dict[str, Any] = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": build_number,
        "depends": list(depends),
        "subdir": subdir,
        "license": "test",
        "timestamp": 1700000000000,
    }
    if noarch:
        index["noarch"] = noarch
    info = {
        "index.json": index,
        "paths.json": {"paths_version": 1, "paths": [_path_entry(content, path) for path in sorted(_all(content))]},
        "about.json": {},
    }
    if noarch == "python":
        info["link.json"] = {
            "noarch": {"type": "python", "entry_points": list(entry_points)},
            "package_metadata_version": 1,
        }
    info_files = {f"info/{file}": json.dumps(value).encode() for file, value in info.items()}
    info_files["info/files"] = "\n".join(sorted(_all(content))).encode()
    stem = f"{name}-{version}-{build}"
    target = folder / subdir / f"{stem}.conda"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        archive.writestr(f"pkg-{stem}.tar.zst", _tar(content))
        archive.writestr(f"info-{stem}.tar.zst", _tar(Content(info_files)))
    return target


def _all(content: Content) -> Iterator[str]:
    yield from content.files
    yield from content.links


def _path_entry(content: Content, path: str) -> dict[str, Any]:
    if path in content.links:
        return {"_path": path, "path_type": "softlink", "sha256": hashlib.sha256(b"").hexdigest(), "size_in_bytes": 0}
    data = content.files[path]
    entry = {
        "_path": path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    if path in content.text_prefix:
        entry |= {"file_mode": "text", "prefix_placeholder": PLACEHOLDER}
    return entry


def _tar(content: Content) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in sorted(content.files.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mode, member.mtime = (
                len(data),
                0o755 if path in content.executable else 0o644,
                1700000000,
            )
            tar.addfile(member, io.BytesIO(data))
        for path, link in sorted(content.links.items()):
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, link
            tar.addfile(member)
    return zstandard.ZstdCompressor(level=1).compress(buffer.getvalue())


# -- from this machine's Python -------------------------------------------------------------------------------------


def why_python_cannot_be_packed() -> str:
    """Return why the running interpreter cannot become a conda package, or ``""``."""
    if sys.platform != "linux":
        return "the local channel packs a Linux Python; this is " + sys.platform
    if any(scheme.startswith(("deb_", "posix_local")) for scheme in sysconfig.get_scheme_names()):
        return (
            "Debian's own python3 installs packages into local/lib/.../dist-packages, which no conda Python does: "
            "run the tests with a Python from python.org's sources, pyenv, uv or conda"
        )
    return ""


def pack_python(folder: Path) -> Path:
    """Write this interpreter as the package ``python``: its binary, library and standard library, relocatable."""
    base = Path(sys.base_prefix)
    short = f"{sys.version_info.major}.{sys.version_info.minor}"
    content = Content()
    for path in _python_files(base, short):
        relative = path.relative_to(base).as_posix()
        if path.is_symlink():
            content.links[relative] = str(path.readlink())
        else:
            _add_relocatable(content, relative, path.read_bytes(), base)
            if os.access(path, os.X_OK):
                content.executable.add(relative)
    content.links |= {"bin/python3": f"python{short}", "bin/python": f"python{short}"}
    # conda's own Python has the folder, empty: pip and the linker both look for it.
    content.files[f"lib/python{short}/site-packages/README.txt"] = b"Packages go here.\n"
    version = ".".join(map(str, sys.version_info[:3]))
    return write_package(folder, "python", version, content, build=f"local_0_cp{short.replace('.', '')}")


def _python_files(base: Path, short: str) -> Iterator[Path]:
    lib = base / "lib" / f"python{short}"
    left_out = {"site-packages", "test", "tests", "__pycache__", "idlelib", "turtledemo", "ensurepip"}
    yield (base / "bin" / f"python{short}").resolve()
    yield from (path for path in (base / "lib").glob("libpython3*.so*"))
    for root, folders, files in os.walk(lib):
        folders[:] = [folder for folder in folders if folder not in left_out and not folder.startswith("config-")]
        yield from (Path(root, file) for file in files if not file.endswith((".a", ".pyc")))


def _add_relocatable(content: Content, relative: str, data: bytes, base: Path) -> None:
    old = os.fsencode(base)
    if data.startswith(b"\x7fELF"):
        # A run path that names this machine's folder becomes one relative to the file; it is shorter, so it fits.
        found, new = os.fsencode(base / "lib"), b"$ORIGIN/../lib"
        data = (
            re.sub(re.escape(found) + rb"(?=[:\0])", lambda match: new.ljust(len(match[0]), b"\0"), data)
            if len(found) >= len(new)
            else data
        )
    elif old in data and _is_text(data):
        data = data.replace(old, PLACEHOLDER.encode())
        content.text_prefix.add(relative)
    content.files[relative] = data


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


# -- from wheels ----------------------------------------------------------------------------------------------------


def download_wheels(folder: Path, requirements: tuple[str, ...]) -> list[Path]:
    """Fetch wheels with this machine's pip, from wherever its settings point."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(folder)]
    subprocess.run([*command, *requirements], check=True, capture_output=True)
    return sorted(folder.glob("*.whl"))


def pack_wheel(folder: Path, wheel: Path) -> Path:
    """Write a wheel as a conda package: ``noarch: python`` where it is pure, else for this Python."""
    name, version, *_, abi, _platform = wheel.stem.split("-")
    pure = abi == "none"
    short = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = "site-packages" if pure else f"lib/python{short}/site-packages"
    content = Content()
    entry_points: tuple[str, ...] = ()
    depends: tuple[str, ...] = ("python",) if pure else (f"python {short}.*",)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.endswith("/") or ("/data/" in member and ".data/" in member):
                continue
            data = archive.read(member)
            content.files[f"{site}/{member}"] = data
            if member.endswith(".dist-info/entry_points.txt"):
                entry_points = _console_scripts(data.decode())
            if member.endswith(".dist-info/METADATA"):
                depends += _requirements(data.decode())
    dist_info = next(path for path in content.files if path.endswith(".dist-info/METADATA")).rsplit("/", 1)[0]
    content.files[f"{dist_info}/INSTALLER"] = b"conda\n"
    build = "pyh_0" if pure else f"py{short.replace('.', '')}_0"
    return write_package(
        folder,
        re.sub(r"[-_.]+", "-", name).lower(),
        version,
        content,
        build=build,
        depends=depends,
        noarch="python" if pure else "",
        entry_points=entry_points,
    )


def _console_scripts(text: str) -> tuple[str, ...]:
    section, scripts = "", []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line
        elif line and section == "[console_scripts]":
            scripts.append(line)
    return tuple(scripts)


def _requirements(metadata: str) -> tuple[str, ...]:
    """Return the unconditional requirements of a wheel as match specs."""
    lines = HeaderParser().parsestr(metadata).get_all("Requires-Dist", [])
    specs = []
    for line in lines:
        if ";" in line:
            continue
        match = re.match(r"([A-Za-z0-9._-]+)\s*\(?([^)]*)\)?", line)
        assert match is not None
        specs.append(f"{match[1].lower()} {match[2].replace(' ', '')}".strip())
    return tuple(specs)


def tiny(
    folder: Path, name: str, version: str, *, depends: tuple[str, ...] = (), files: Mapping[str, str] | None = None
) -> Path:
    """Write a package of a few text files. ``{prefix}`` in a text is replaced by the prefix when it is installed."""
    content = Content()
    for path, text in (files or {f"share/{name}/version": version}).items():
        content.files[path] = text.replace("{prefix}", PLACEHOLDER).encode()
        if "{prefix}" in text:
            content.text_prefix.add(path)
        if path.startswith("bin/"):
            content.executable.add(path)
    return write_package(folder, name, version, content, depends=depends)


def index(folder: Path) -> None:
    """Write a channel's repodata (json, zst and shards) with the engine's own indexer."""
    script = (
        "import asyncio, os, sys\n"
        "from rattler.index import index_fs\n"
        "asyncio.run(index_fs(sys.argv[1], write_zst=True, write_shards=True, force=True))\n"
        "sys.stdout.flush(); os._exit(0)\n"  # see engines/rattler_worker/__init__.py for why
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, capture_output=True)


def fingerprint(*modules: Path) -> str:
    """Return what a built channel depends on, as a folder name: this recipe and this interpreter."""
    digest = hashlib.sha256(sys.version.encode() + sys.base_prefix.encode())
    for module in modules:
        digest.update(module.read_bytes())
    return digest.hexdigest()[:16]


def build_once(cache: Path, key: str, make: Callable[[Path], None]) -> Path:
    """Return ``cache/key``, made by ``make`` unless an earlier run left it whole."""
    final = cache / key
    if not final.is_dir():
        stage = cache / f"{key}.{os.getpid()}"
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(parents=True)
        make(stage)
        try:
            stage.rename(final)
        except OSError:  # another run of the tests was faster
            if not final.is_dir():
                raise
            shutil.rmtree(stage)
    return final
