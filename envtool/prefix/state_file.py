"""The variables that an environment sets while it is active, kept where conda keeps them.

A person's lie in ``conda-meta/state`` (``conda env config vars``), a package's in ``etc/conda/env_vars.d/*.json``. The
rules are those of ``conda/activate.py``.
"""

import json
import re
from pathlib import Path
from typing import Any

UNSET = "***unset***"  # conda's way to hide a variable that a package brought
RESERVED = "PATH"  # conda ignores it, with a warning: activation itself sets it

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def state_file(prefix: Path) -> Path:
    """Return where a person's variables are stored."""
    return prefix / "conda-meta" / "state"


def stored(prefix: Path) -> dict[str, str]:
    """Return a person's stored variables; none where the file is missing or cannot be understood."""
    return {name: value for name, value in _variables(state_file(prefix), "env_vars").items() if value != UNSET}


def brought(prefix: Path) -> dict[str, str]:
    """Return the variables that packages brought, the later file winning."""
    files = sorted((prefix / "etc" / "conda" / "env_vars.d").glob("*"))
    return {name: value for file in files for name, value in _variables(file).items()}


def in_force(prefix: Path) -> dict[str, str]:
    """Return what entering the environment sets: what packages brought, and a person's over it."""
    every = brought(prefix) | _variables(state_file(prefix), "env_vars")
    return {
        name: value
        for name, value in every.items()
        # A process cannot be given what is no name, nor a NUL; conda fails on them.
        if value != UNSET and name != RESERVED and is_name(name) and "\0" not in value
    }


def is_name(text: str) -> bool:
    """Return whether every shell can carry a variable of that name."""
    return bool(_NAME.fullmatch(text))


def _variables(path: Path, *keys: str) -> dict[str, str]:
    try:
        content: Any = json.loads(path.read_bytes())
        for key in keys:
            content = content[key]
        return {str(name): str(value) for name, value in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
