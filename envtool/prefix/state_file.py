"""``conda-meta/state`` and ``etc/conda/env_vars.d``: the variables that an environment sets while it is active.

Those of a person lie in the one (``conda env config vars``), those of packages in ``*.json`` files in the other. The
rules are those of ``conda/activate.py``. Others keep more in the state file; it stays.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from envtool.documents import parse_json
from envtool.environment import is_variable_name
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import read_file, write_atomically
from envtool.i18n import tr
from envtool.prefix.containment import inside
from envtool.redaction import is_secret

UNSET = "***unset***"  # conda's way to hide a variable that a package brought

_KEY = "env_vars"


def stored(prefix: Path) -> dict[str, str]:
    """Return a person's stored variables; none where the file is missing or cannot be understood."""
    return {name: value for name, value in _stored(prefix).items() if value != UNSET}


def brought(prefix: Path) -> dict[str, str]:
    """Return the variables that packages brought; of two files the later one wins."""
    files = sorted((prefix / "etc" / "conda" / "env_vars.d").glob("*"))
    return {
        name: value for file in files for name, value in _variables(prefix, f"etc/conda/env_vars.d/{file.name}").items()
    }


def in_force(prefix: Path) -> dict[str, str]:
    """Return what entering the environment sets: the variables that packages brought, and a person's over them."""
    every = brought(prefix) | _stored(prefix)
    return {
        name: value
        for name, value in every.items()
        # A process cannot be given what is no name, nor a NUL; conda fails on them.
        if value != UNSET and name != "PATH" and is_variable_name(name) and "\0" not in value
    }


def store(prefix: Path, wanted: Mapping[str, str]) -> None:
    """Store variables beside those that are stored, for this account alone where one of them is a secret.

    Raises EnvtoolError where the file makes no sense, and OSError.
    """
    content = _content(prefix)
    _write(prefix, {**content, _KEY: {**content.get(_KEY, {}), **wanted}})


def remove(prefix: Path, names: Collection[str]) -> None:
    """Remove stored variables, and hide those of that name that packages brought. Raises as :func:`store` does."""
    content, hidden = _content(prefix), brought(prefix).keys() & set(names)
    kept = {name: value for name, value in content.get(_KEY, {}).items() if name not in names}
    _write(prefix, {**content, _KEY: kept | dict.fromkeys(sorted(hidden), UNSET)})


def require_stored(prefix: Path) -> dict[str, Any]:
    """Return a person's variables as they stand in the file. Raises EnvtoolError where that makes no sense."""
    return dict(_content(prefix).get(_KEY, {}))


def _path(prefix: Path) -> Path:
    return inside(prefix, "conda-meta/state")


def _content(prefix: Path) -> dict[str, Any]:
    path = _path(prefix)
    try:
        content = parse_json(read_file(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get(_KEY, {}), dict):
        raise EnvtoolError(
            tr("{path} is not a valid state file.", path=path),
            hint=tr('It should hold JSON such as {"env_vars": {"NAME": "VALUE"}}. Correct it, or move it away.'),
            code=ExitCode.BAD_INPUT,
        )
    return content


def _write(prefix: Path, content: Mapping[str, Any]) -> None:
    secret = any(is_secret(name, str(value)) for name, value in content.get(_KEY, {}).items())
    write_atomically(_path(prefix), json.dumps(content).encode(), private=secret)


def _stored(prefix: Path) -> dict[str, str]:
    return _variables(prefix, "conda-meta/state", _KEY)


def _variables(prefix: Path, path: str, *keys: str) -> dict[str, str]:
    try:
        content: Any = parse_json(read_file(inside(prefix, path)))
        for key in keys:
            content = content[key]
        return {str(name): str(value) for name, value in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
