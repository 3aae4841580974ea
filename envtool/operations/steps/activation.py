"""Activation of an environment in a process: the variables that change, and the scripts that packages brought."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from envtool.environment import MARKERS, Environment
from envtool.prefix import state_file
from envtool.prefix.layout import bin_dir

_PREFIXES = re.compile(r"VIRTUAL_ENV|CONDA_PREFIX(_\d+)?")  # CONDA_PREFIX_1, ... are those below it in conda's stack


def activation(environment: Environment, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return what activating changes in a process's environment: PATH, the prefix variables, stored variables.

    None removes a variable. The programs of another active environment leave PATH and its stored variables are removed:
    nothing of it is left.
    """
    left = [Path(value) for name, value in environ.items() if value and _PREFIXES.fullmatch(name)]
    gone = {
        name
        for prefix in left
        for name, value in state_file.in_force(prefix).items()
        if environ.get(name) == value  # else it was set by somebody else since
    }
    theirs = {str(bin_dir(prefix)) for prefix in left}
    path = [part for part in environ.get("PATH", os.defpath).split(os.pathsep) if part not in theirs]
    return {
        **dict.fromkeys(gone),
        **state_file.in_force(environment.prefix),
        **markers(environment),
        "PATH": os.pathsep.join((*programs(environment), *path)),
    }


def programs(environment: Environment) -> list[str]:
    """Return the folders of an environment's programs, in PATH's order."""
    prefix = environment.prefix
    folders = [bin_dir(prefix)]
    if os.name == "nt":  # pragma: no cover - Windows
        folders += [prefix / part for part in ("Library/mingw-w64/bin", "Library/usr/bin", "Library/bin", "Scripts")]
    return [str(folder) for folder in folders]


def markers(environment: Environment) -> dict[str, str | None]:
    """Return the variables that tell programs which environment is active, as conda and venv set them."""
    prefix, name = str(environment.prefix), environment.title
    if environment.kind == "venv":
        mine: dict[str, str | None] = {"VIRTUAL_ENV": prefix, "VIRTUAL_ENV_PROMPT": name}
    else:
        # The level tells conda that there is an environment to deactivate before it activates another.
        mine = {"CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": name, "CONDA_SHLVL": "1"}
        mine["CONDA_PROMPT_MODIFIER"] = f"({name}) "
    return dict.fromkeys((*MARKERS, "PYTHONHOME")) | mine


def scripts(environment: Environment, suffix: str = ".sh") -> list[Path]:
    """Return the activation scripts that conda packages brought, in the order in which conda runs them."""
    if environment.kind != "conda":
        return []
    return sorted((environment.prefix / "etc" / "conda" / "activate.d").glob(f"*{suffix}"))
