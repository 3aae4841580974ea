"""The layout of an environment on disk: its kind, its programs, its Python, its site-packages."""

import os
import re
from pathlib import Path

from envtool.model import Kind

_VERSIONED = re.compile(r"python3\.(\d+)t?$")


def kind_of(prefix: Path) -> Kind | None:
    """Return what kind of environment lies at a prefix, or None where none does.

    conda's own rule: ``conda-meta/history`` is what makes a folder an environment.
    """
    if (prefix / "conda-meta" / "history").is_file():
        return "conda"
    if (prefix / "pyvenv.cfg").is_file():
        return "venv"
    return None


def bin_dir(prefix: Path) -> Path:
    """Return the folder of an environment's programs."""
    if os.name == "nt":  # pragma: no cover - Windows
        return prefix if kind_of(prefix) == "conda" else prefix / "Scripts"
    return prefix / "bin"


def python_of(prefix: Path) -> Path | None:
    """Return an environment's own Python, or None where it has none."""
    name = "python.exe" if os.name == "nt" else "python"
    python = bin_dir(prefix) / name
    return python if python.exists() else None


def site_packages(prefix: Path) -> Path | None:
    """Return the folder an environment's Python packages lie in, or None where it has no Python.

    ``lib/python3.X[t]/site-packages``, or ``Lib/site-packages`` in the Windows layout, on any system.
    """
    windows = prefix / "Lib" / "site-packages"
    lib = prefix / "lib"
    found = [(int(match[1]), d) for d in lib.glob("python3.*") if (match := _VERSIONED.search(d.name))]
    for folder in (*(d / "site-packages" for _, d in sorted(found, reverse=True)), windows):
        if folder.is_dir():
            return folder
    return None
