"""Location of a new environment, and whether it is free."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from envtool.environments.find import is_path
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Kind
from envtool.operations.context import Context
from envtool.operations.steps import names
from envtool.prefix.layout import kind_of
from envtool.prefix.marks import intent_of

Destination: TypeAlias = str | Path
"""Where a new environment is to go: a name (str) among the others, or a folder of its own (Path)."""


def destination(text: str) -> Destination:
    """Return what a user means by one word: a path where it looks like one, else a name."""
    return Path(text) if is_path(text) else text


def name_of(where: Destination) -> str:
    """Return the name that an environment gets; ``""`` where it goes by its path."""
    return "" if isinstance(where, Path) else where


def place(context: Context, where: Destination, kind: Kind, beside: Path | None = None) -> Path:
    """Return the prefix of a new environment. Raises EnvtoolError where the place cannot be had.

    A name goes into the folder ``beside``, or else into the one for environments of its kind.
    """
    refuse_taken(context, where)
    if isinstance(where, Path):
        return _absolute(where)
    prefix = (beside or _folder_for(context, kind)) / where
    _refuse_taken_prefix(prefix, where)
    return prefix


def refuse_taken(context: Context, where: Destination) -> None:
    """Raise EnvtoolError where no environment of any kind can get this name, or this path.

    What a create left that was killed counts as free: whoever gets the lock of that place clears it away first.
    """
    if isinstance(where, Path):
        prefix = _absolute(where)
        _refuse_unusable(prefix, context)
        _refuse_inside(prefix, context.root)
        _refuse_taken_prefix(prefix, "")
        return
    names.check(where)
    for folder in context.folders.every:  # one namespace over all engines: `dl` means one environment
        if kind_of(folder / where):
            _refuse_taken_prefix(folder / where, where)


def refuse_existing(prefix: Path, name: str) -> None:
    """Raise EnvtoolError where something lies at ``prefix``, even an empty folder."""
    if not (prefix.exists() or prefix.is_symlink()):
        return
    shown = name or str(prefix)
    if kind_of(prefix):
        raise EnvtoolError(
            tr("The environment {name} already exists at {prefix}.", name=shown, prefix=prefix),
            hint=tr("Choose another name, or remove it first: envtool remove {name}", name=shlex.quote(shown)),
        )
    raise EnvtoolError(
        tr("{prefix} already exists and is not an environment.", prefix=prefix),
        hint=tr("Choose another name, or move that folder away."),
    )


def refuse_same_name(where: Destination, name: str) -> None:
    """Raise EnvtoolError (USAGE) where a clone or a renamed environment would get the name of its source."""
    if where and where == name:
        raise EnvtoolError(
            tr("The environment is already called {name}.", name=name),
            hint=tr("Choose another name."),
            code=ExitCode.USAGE,
        )


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _refuse_unusable(prefix: Path, context: Context) -> None:
    """Raise EnvtoolError (USAGE) for a path that cannot stand in PATH, or not on one line of a list."""
    wrong = next((letter for letter in str(prefix) if not letter.isprintable() and letter.isascii()), "")
    if not wrong and ":" in str(prefix) and context.host.system != "Windows":
        wrong = ":"
    if wrong:
        raise EnvtoolError(
            tr(
                "The path of an environment cannot contain {letter}: {path}", letter=repr(wrong), path=repr(str(prefix))
            ),
            hint=tr("Choose another path: this one could not be put into PATH or a list of environments."),
            code=ExitCode.USAGE,
        )


def _refuse_taken_prefix(prefix: Path, name: str) -> None:
    if not intent_of(prefix).exists():
        refuse_existing(prefix, name)


def _refuse_inside(prefix: Path, root: Path | None) -> None:
    inside = next((parent for parent in prefix.parents if kind_of(parent)), None)
    if inside and inside != root:
        raise EnvtoolError(
            tr("{prefix} lies inside the environment {inside}.", prefix=prefix, inside=inside),
            hint=tr("Choose a folder outside of every environment."),
            code=ExitCode.USAGE,
        )


def _folder_for(context: Context, kind: Kind) -> Path:
    return context.folders.venvs if kind == "venv" else first_writable(context.folders.conda)


def first_writable(folders: Iterable[Path]) -> Path:
    """Return the first folder that can be written, or made. Raises EnvtoolError where none can."""
    tried = []
    for folder in folders:
        tried.append(folder)
        existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
        if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
            return folder
    raise EnvtoolError(
        tr("No folder for environments is writable: {folders}.", folders=", ".join(map(str, tried))),
        hint=tr("Name one with `envs_dirs` in .condarc, or with the variable CONDA_ENVS_DIRS."),
    )
