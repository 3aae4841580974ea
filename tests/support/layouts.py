"""Environments laid out on disk as conda, pip and uv leave them, on Linux, macOS and Windows."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.condas import CONDA

CORPUS = Path(os.environ.get("ENVTOOL_TEST_CORPUS", "."))


def write(path: Path, text: str = "", encoding: str = "utf-8") -> Path:
    """Write a text, line ends unchanged, and the folders above it; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def conda_env(prefix: Path, *records: dict[str, Any]) -> Path:
    """Make a conda environment with these records; missing fields get plausible values."""
    write(prefix / "conda-meta" / "history")
    for given in records:
        record = {"version": "1.0", "build": "0", "subdir": "linux-64", "files": [], "depends": [], **given}
        name = f"{record['name']}-{record['version']}-{record['build']}"
        write(prefix / "conda-meta" / f"{name}.json", json.dumps({"fn": f"{name}.conda", "build_number": 0, **record}))
        for file in record["files"]:
            write(prefix / file)
        if record["name"] == "python":
            python(prefix)
    return prefix


def python(prefix: Path) -> Path:
    """Give an environment a Python that can be started, and does nothing."""
    path = write(prefix / "bin" / "python", "#!/bin/sh\n")
    path.chmod(0o755)
    return path


def venv(prefix: Path, version: str = "3.11.7") -> Path:
    """Make an empty venv: pyvenv.cfg and folders."""
    write(prefix / "pyvenv.cfg", f"home = /usr/bin\nversion = {version}\n")
    python(prefix)
    (prefix / "lib" / f"python{'.'.join(version.split('.')[:2])}" / "site-packages").mkdir(parents=True)
    return prefix


def dist(site_packages: Path, name: str, version: str, *headers: str, **files: str) -> Path:
    """Install a distribution's metadata; ``files`` are written beside METADATA."""
    folder = site_packages / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *headers])
    write(folder / "METADATA", f"{metadata}\n\nName: not-this-one\nA long description.\n")
    write(folder / "RECORD")
    for file, text in files.items():
        write(folder / (file if file != "direct_url" else "direct_url.json"), text)
    return folder


def ask_conda(environ: Mapping[str, str], *arguments: str) -> str:
    """Return the output of a real conda. Give it copies only: it deletes records while it lists."""
    done = subprocess.run([CONDA, *arguments], env=dict(environ), capture_output=True, text=True, check=True)
    return done.stdout
