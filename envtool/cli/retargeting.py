"""An interrupted command line, to be repeated on one environment and on no other."""

import os
from collections.abc import Sequence
from pathlib import Path

from envtool.environment import Environment

_REPEATED = ("bootstrap", "clone", "create", "install", "uninstall", "update")


def retargeted(argv: Sequence[str], environment: Environment, folder: Path) -> tuple[str, ...] | None:
    """Return a command line with an environment as the one that it creates or changes, None where that is another one.

    ``folder`` is where it was typed. One that left the environment to a file or to the shell gets it by name.
    """
    from envtool.cli.parser import named_environment

    if not argv or argv[0] not in _REPEATED:
        return None
    verb, *rest = argv
    given = named_environment(verb, rest)
    if verb == "clone":  # what comes last is the clone, -n and -p name its source
        return tuple(argv) if given.words and _is_this(given.words[-1], environment, folder) else None
    if given.prefix:
        return tuple(argv) if _is_at(given.prefix, environment, folder) else None
    if given.name:
        return tuple(argv) if _is_this(given.name, environment, folder) else None
    if not environment.name:
        return (verb, "-p", str(environment.prefix), *rest)
    return (verb, *(("-n",) if given.takes_name else ()), environment.name, *rest)


def _is_this(name: str, environment: Environment, folder: Path) -> bool:
    return name == environment.name or _is_at(name, environment, folder)


def _is_at(path: str | Path, environment: Environment, folder: Path) -> bool:
    """Return whether a path leads to an environment, from the folder in which it was typed."""
    full = folder / Path(path).expanduser()
    return os.path.realpath(full) == os.path.realpath(environment.prefix)
