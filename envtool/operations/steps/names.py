"""What an environment may be called, and where one of that name is put."""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

RESERVED = ("base", "root")  # conda's own words for an installation's root
_SEPARATORS = "/\\"
_FORBIDDEN = ":#\"'$`*?<>|"  # a separator of PATH, comments in conda's files, and what every shell trips over


def check(name: str) -> str:
    """Return ``name`` if an environment may be called so. Raises EnvtoolError that says why not."""
    if reason := _objection(name):
        raise EnvtoolError(
            tr("An environment cannot be called {name!r}: {reason}.", name=name, reason=reason),
            hint=tr("Use letters, digits, '-', '_' and '.', beginning with a letter or a digit."),
            code=ExitCode.USAGE,
        )
    return name


def _objection(name: str) -> str:
    if not name.strip():
        return tr("it is empty")
    if any(separator in name for separator in _SEPARATORS) or name in (".", ".."):
        return tr("it is a path, and a name is wanted")
    if name.startswith("-"):
        return tr("it looks like an option")
    if name.startswith("."):
        return tr("a leading dot would hide it")
    if any(character.isspace() for character in name):
        return tr("it has spaces in it")
    if any(character in _FORBIDDEN or unicodedata.category(character)[0] == "C" for character in name):
        return tr("it has characters in it that shells and conda's files cannot carry")
    if name.lower() in RESERVED:
        return tr("conda keeps that name for itself")
    if len(os.fsencode(name)) > 200:
        return tr("it is too long")
    return ""


def refuse_own(name: str, source: str) -> None:
    """Raise EnvtoolError where an environment is to get the name it has: to remove it first would be bad advice."""
    if name and name == source:
        raise EnvtoolError(
            tr("{name} is its name already.", name=name), hint=tr("Choose another name."), code=ExitCode.USAGE
        )


def first_writable(folders: Iterable[Path]) -> Path:
    """Return the first folder that can be written, or made. Raises EnvtoolError where none can."""
    tried = []
    for folder in folders:
        tried.append(folder)
        existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
        if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
            return folder
    raise EnvtoolError(
        tr("No folder for environments can be written: {folders}.", folders=", ".join(map(str, tried))),
        hint=tr("Name one with `envs_dirs` in .condarc, or with the variable CONDA_ENVS_DIRS."),
    )


def refuse_existing(prefix: Path, name: str) -> None:
    """Raise EnvtoolError where something lies at ``prefix`` already, even an empty folder."""
    if not (prefix.exists() or prefix.is_symlink()):
        return
    from envtool.prefix.layout import kind_of

    shown = name or str(prefix)
    if kind_of(prefix):
        raise EnvtoolError(
            tr("The environment {name} exists already, at {prefix}.", name=shown, prefix=prefix),
            hint=tr("Choose another name, or remove it first: envtool remove {name}", name=shown),
        )
    raise EnvtoolError(
        tr("{prefix} exists already and is no environment; nothing in it was touched.", prefix=prefix),
        hint=tr("Choose another name, or move that folder away."),
    )
