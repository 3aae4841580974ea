"""The layout of an environment on disk: its kind, and where its programs, its Python and its site-packages lie."""

import os
import re
from pathlib import Path

from envtool.environment import Kind

_VERSIONED = re.compile(r"python3\.(\d+)t?$")


def kind_of(prefix: Path) -> Kind | None:
    """Return the kind of the environment at a prefix, or None where there is none, or none that we may look at.

    conda's own rule: ``conda-meta/history`` makes a folder an environment.
    """
    # Not Path.is_file: up to Python 3.13 it raises where a folder on the way is closed to us. Strings, which are faster
    # than paths: a list asks this of a thousand folders.
    if os.path.isfile(f"{prefix}/conda-meta/history"):  # noqa: PTH113
        return "conda"
    if os.path.isfile(f"{prefix}/pyvenv.cfg"):  # noqa: PTH113
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


def site_packages_dir(prefix: Path) -> Path | None:
    """Return the folder of an environment's Python packages, or None where it has no Python.

    ``lib/python3.X[t]/site-packages``, or ``Lib/site-packages`` in the Windows layout, on any system.
    """
    windows = prefix / "Lib" / "site-packages"
    lib = prefix / "lib"
    found = [(int(match[1]), d) for d in lib.glob("python3.*") if (match := _VERSIONED.search(d.name))]
    for folder in (*(d / "site-packages" for _, d in sorted(found, reverse=True)), windows):
        if folder.is_dir():
            return folder
    return None
