"""The programs of conda's family that tests drive: those in ENVTOOL_TEST_CONDA, else the conda on PATH."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

NONE = "no conda: put one on PATH or name it in ENVTOOL_TEST_CONDA (several, mamba and micromamba too, as PATH does)"
PROGRAMS = [
    str(Path(program).absolute())
    for program in (os.environ.get("ENVTOOL_TEST_CONDA") or shutil.which("conda") or "").split(os.pathsep)
    if program
]
CONDA = next((program for program in PROGRAMS if "mamba" not in Path(program).name), "")  # for what only conda can say


def _parameters(programs: list[str], name: str, reason: str) -> list[Any]:
    """Return a test parameter for each program, or one that is skipped where there is none."""
    found = [pytest.param(program, id=Path(program).name, marks=pytest.mark.conda) for program in programs]
    return found or [pytest.param("", id=name, marks=[pytest.mark.conda, pytest.mark.skip(reason=reason)])]


FAMILY = _parameters(PROGRAMS, "conda", NONE)
MAMBAS = _parameters(
    [program for program in PROGRAMS if "mamba" in Path(program).name],
    "mamba",
    "no mamba: name a mamba or micromamba in ENVTOOL_TEST_CONDA (several programs: as PATH does)",
)


def set_up(variables: dict[str, str], program: str, home: Path) -> None:
    """Set the variables of a shell that is set up for a program; all that it makes goes below ``.conda``."""
    variables["CONDA_ENVS_DIRS"] = str(home / ".conda" / "envs")
    variables["CONDA_PKGS_DIRS"] = str(home / ".conda" / "pkgs")
    if "mamba" in Path(program).name:
        variables["MAMBA_EXE"] = program
        variables["MAMBA_ROOT_PREFIX"] = str(home / "micromamba")
    else:
        variables["CONDA_EXE"] = program
