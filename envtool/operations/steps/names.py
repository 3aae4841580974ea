"""Names that an environment may have."""

import os
import unicodedata

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

RESERVED = ("base", "root")  # conda's own names for the root of an installation
_SEPARATORS = "/\\"
_FORBIDDEN = ":#\"'$`*?<>|"  # separates PATH, begins comments in conda's files, or means something to shells
_LONGEST = 200  # bytes: file systems allow 255, and lock and scratch names are longer than the environment's


def check(name: str) -> str:
    """Return ``name`` if an environment may be called so. Raises EnvtoolError (USAGE) that says why not."""
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
        return tr("it is a path, not a name")
    if name.startswith("-"):
        return tr("it looks like an option")
    if name.startswith("."):
        return tr("the leading dot would hide it")
    if any(character.isspace() for character in name):
        return tr("it contains spaces")
    if any(character in _FORBIDDEN or unicodedata.category(character)[0] == "C" for character in name):
        return tr("it contains characters that shells and conda's files cannot hold")
    if name.lower() in RESERVED:
        return tr("conda reserves that name")
    if len(os.fsencode(name)) > _LONGEST:
        return tr("it is too long")
    return ""
