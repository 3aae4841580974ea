"""What entering an environment means for a process: which variables change, and which scripts packages brought."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from envtool.model import Environment
from envtool.prefix import state_file
from envtool.prefix.layout import bin_dir

_PREFIXES = re.compile(r"VIRTUAL_ENV|CONDA_PREFIX(_\d+)?")  # CONDA_PREFIX_1, ... are those below a stacked one


def activation(environment: Environment, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return what activating changes in a process's environment: PATH, the prefix variables, stored variables.

    None removes a variable. Another active environment's programs leave PATH and its stored variables go, so that
    nothing of it shines through.
    """
    left = [Path(value) for name, value in environ.items() if value and _PREFIXES.fullmatch(name)]
    gone = {
        name
        for prefix in left
        for name, value in state_file.in_force(prefix).items()
        if environ.get(name) == value  # else somebody has set it since
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
    """Return the variables by which programs see that an environment is active, as conda and venv set them."""
    prefix, name = str(environment.prefix), title(environment)
    if environment.kind == "venv":
        mine: dict[str, str | None] = {"VIRTUAL_ENV": prefix, "VIRTUAL_ENV_PROMPT": name}
    else:
        # The level tells conda that there is something to leave when it is asked to activate another.
        mine = {"CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": name, "CONDA_SHLVL": "1"}
        mine["CONDA_PROMPT_MODIFIER"] = f"({name}) "
    return dict.fromkeys((*_MARKERS, "PYTHONHOME")) | mine


_MARKERS = (
    "VIRTUAL_ENV",
    "VIRTUAL_ENV_PROMPT",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "CONDA_SHLVL",
    "CONDA_PROMPT_MODIFIER",
)


def title(environment: Environment) -> str:
    """Return what an environment is called where it must be called something."""
    return environment.name or str(environment.prefix)


def scripts(environment: Environment, suffix: str = ".sh") -> list[Path]:
    """Return the activation scripts that conda packages brought, in the order in which conda runs them."""
    if environment.kind != "conda":
        return []
    return sorted((environment.prefix / "etc" / "conda" / "activate.d").glob(f"*{suffix}"))
