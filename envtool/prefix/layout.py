"""The layout of an environment on disk: its kind, and where its programs, its Python and its site-packages lie."""

import os
import re
import stat
from pathlib import Path

from envtool.environment import Kind
from envtool.i18n import tr

# The first bytes of programs: of Linux, of macOS (one or several processors), of Windows.
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ")
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
    return python if os.path.exists(python) else None  # noqa: PTH110 - as above


def should_have_python(prefix: Path, kind: Kind) -> bool:
    """Return whether an environment is meant to have a Python of its own: every venv, and where conda has a record."""
    if kind == "venv":
        return True
    try:
        records = os.listdir(f"{prefix}/conda-meta")  # noqa: PTH208 - `run` asks this at every start
    except OSError:
        return False
    return any(name.endswith(".json") and name.rsplit("-", 2)[0] == "python" for name in records)


def python_fault(prefix: Path) -> str:
    """Return why an environment's Python cannot start, a sentence without a full stop; ``""`` where it looks sound.

    Nothing is started: a Python that lacks a library is found by whoever starts it.
    """
    python = bin_dir(prefix) / ("python.exe" if os.name == "nt" else "python")
    try:
        if not stat.S_ISREG(python.stat().st_mode):
            return tr("{python} is no program", python=python)
        with python.open("rb") as file:
            start = file.read(256)
    except FileNotFoundError:
        if python.is_symlink():
            return tr(
                "{python} leads to {target}, which does not exist", python=python, target=os.path.realpath(python)
            )
        return tr("{python} does not exist", python=python)
    except OSError as error:
        return tr("{python}: {reason}", python=python, reason=error.strerror)
    if not os.access(python, os.X_OK):
        return tr("{python} may not be executed", python=python)
    if start.startswith(b"#!"):
        interpreter = os.fsdecode(start[2:].split(b"\n")[0].split()[0] if start[2:].split() else b"")
        missing = not os.path.exists(interpreter)  # noqa: PTH110
        return (
            tr("{python} is run by {target}, which does not exist", python=python, target=interpreter)
            if missing
            else ""
        )
    return "" if start.startswith(_PROGRAMS) else tr("{python} is no program", python=python)


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
