"""How a fault in a file is told: which file, which line, what is wrong with it."""

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.redaction import redact


def problem(filename: str, line: int, what: str, hint: str = "") -> EnvtoolError:
    """Return the error to raise for line ``line`` (from 1) of a file; ``filename`` is ``""`` for standard input."""
    place = filename or tr("standard input")
    return EnvtoolError(
        tr("{place}, line {line}: {what}", place=place, line=line, what=redact(what)),
        hint=hint,
        code=ExitCode.BAD_INPUT,
    )
