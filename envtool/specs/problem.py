"""Errors in a file: the file, the line, and what is wrong with it."""

from typing import NamedTuple

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.redaction import redact

_LONGEST = 600  # characters of a message


class Place(NamedTuple):
    """A line of a file, from 1; ``file`` is ``""`` for standard input, ``line`` is 0 for an option's value."""

    file: str
    line: int

    @property
    def full(self) -> str:
        """The place with its file, or the option."""
        if not self.line:
            return self.file
        return tr("{file}, line {line}", file=self.file or tr("standard input"), line=self.line)

    @property
    def short(self) -> str:
        """The place as a sentence about one file begins with it."""
        return tr("Line {line}", line=self.line) if self.line else self.file


class FileError(EnvtoolError):
    """An error in a line of a file, at ``place``."""

    def __init__(self, place: Place, what: str, hint: str = "") -> None:
        message = tr("{place}: {what}", place=place.full, what=_shortened(redact(what)))
        super().__init__(message, hint=hint, code=ExitCode.BAD_INPUT)
        self.place = place


def _shortened(what: str) -> str:
    """Return a sentence without the middle of what it quotes, where that is too long to be read."""
    return what if len(what) <= _LONGEST else f"{what[: _LONGEST // 2]} ... {what[-_LONGEST // 2 :]}"


def problem(place: Place, what: str, hint: str = "") -> FileError:
    """Return the error to raise for a line."""
    return FileError(place, what, hint)
