"""Errors in a file: the file, the line, and what is wrong with it."""

from typing import NamedTuple

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.redaction import redact


class Place(NamedTuple):
    """A line of a file, from 1; ``file`` is ``""`` for standard input."""

    file: str
    line: int


def problem(place: Place, what: str, hint: str = "") -> EnvtoolError:
    """Return the error to raise for a line."""
    return EnvtoolError(
        tr("{file}, line {line}: {what}", file=place.file or tr("standard input"), line=place.line, what=redact(what)),
        hint=hint,
        code=ExitCode.BAD_INPUT,
    )
