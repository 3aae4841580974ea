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
    if objection := _objection(name):
        raise EnvtoolError(
            objection,
            hint=tr("Use letters, digits, '-', '_' and '.', beginning with a letter or a digit."),
            code=ExitCode.USAGE,
        )
    return name


def _objection(name: str) -> str:
    """Return why an environment may not be called so, or ``""``."""
    if not name.strip():
        return tr("The name of an environment cannot be empty.")
    if any(separator in name for separator in _SEPARATORS) or name in (".", ".."):
        return tr("{name!r} is a path, not the name of an environment.", name=name)
    if name.startswith("-"):
        return tr("{name!r} looks like an option, not like the name of an environment.", name=name)
    if name.startswith("."):
        return tr("The name {name!r} begins with a dot, which would hide the environment.", name=name)
    if any(character.isspace() for character in name):
        return tr("The name {name!r} contains spaces.", name=name)
    if any(character in _FORBIDDEN or unicodedata.category(character)[0] == "C" for character in name):
        return tr("The name {name!r} contains characters that shells or conda's files cannot hold.", name=name)
    if name.lower() in RESERVED:
        return tr("conda reserves the name {name!r}.", name=name)
    if len(os.fsencode(name)) > _LONGEST:
        return tr("The name {name!r} is too long.", name=name)
    return ""
