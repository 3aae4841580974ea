"""The conda, mamba or micromamba in use, and whether its command line is conda's or mamba's."""

import os
import re
import shutil
from pathlib import Path

from envtool.paths import Host

FAMILY = ("conda", "mamba", "micromamba")
_NO_DEFAULT_CHANNEL = (25, 9)  # since this version


def find_program(host: Host) -> Path | None:
    """Return the program that the shell has set up, else the first of the family on PATH, else None."""
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        if (value := host.environ.get(variable)) and Path(value).is_file():
            return Path(value)
    for name in FAMILY:
        if found := shutil.which(name, path=host.environ.get("PATH", "")):
            return Path(found)
    return None


def is_mamba(program: Path | None) -> bool:
    """Return whether a program is mamba 2 or micromamba; mamba 1 is a Python script that behaves like conda."""
    if not program or not any("mamba" in Path(path).name for path in (program, os.path.realpath(program))):
        return False
    try:
        with program.open("rb") as file:
            return file.read(2) != b"#!"
    except OSError:
        return True  # it can be run only, or not at all


def implicit_channels(root: Path | None) -> tuple[str, ...]:
    """Return the channels of an installation in which none is configured: none since conda 25.9, `defaults` before."""
    version = _version(root) if root else None
    return ("defaults",) if version and version < _NO_DEFAULT_CHANNEL else ()


def _version(root: Path) -> tuple[int, int] | None:
    """Return major and minor version of the conda in a root prefix, by its record, or None where there is none."""
    for record in (root / "conda-meta").glob("conda-[0-9]*.json"):
        if found := re.match(r"conda-(\d+)\.(\d+)", record.name):
            return int(found[1]), int(found[2])
    return None
