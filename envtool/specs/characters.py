"""Characters that look like those of a format and are not: from Chinese input methods, word processors, web pages."""

import unicodedata

from envtool.i18n import tr
from envtool.specs.problem import FileError, Place, problem

_WIDE = range(0xFF01, 0xFF5F)  # the full-width forms of ASCII, in the same order
_OTHERS = {"\u3002": ".", "\u3001": ",", "\u2265": ">=", "\u2264": "<=", "\u2260": "!=", "\u2212": "-"}


def explained(error: FileError, text: str) -> FileError:
    """Return an error in a file as the error of the look-alike that is to blame; the error itself where none is.

    It is the first in the line of the error, else the first outside of comments in the file.
    """
    lines = text.splitlines()
    here = error.place.line
    for number in (here, *(n for n in range(1, len(lines) + 1) if n != here)):
        if 0 < number <= len(lines) and (column := _first(lines[number - 1])):
            return _problem(Place(error.place.file, number), column, lines[number - 1][column - 1])
    return error


def _first(line: str) -> int:
    """Return the column, from 1, of the first look-alike in a line before a comment; 0 where there is none."""
    for column, character in enumerate(line, 1):
        if character == "#":
            return 0
        if _meant(character) is not None:
            return column
    return 0


def _meant(character: str) -> str | None:
    """Return the ASCII that a character looks like (``""``: it is invisible), or None where it looks like none."""
    if character.isascii():
        return None
    if ord(character) in _WIDE:
        return chr(ord(character) - _WIDE.start + ord("!"))
    match unicodedata.category(character):
        case "Zs":
            return " "
        case "Cf":
            return ""
        case "Pd":
            return "-"
        case "Pi" | "Pf":
            return "'" if "SINGLE" in unicodedata.name(character) else '"'
    return _OTHERS.get(character)


def _problem(place: Place, column: int, character: str) -> FileError:
    meant, name = _meant(character), unicodedata.name(character, "").lower()
    shown = f"U+{ord(character):04X}"
    if not meant:
        what = tr("column {column} has an invisible character, {code} ({name}).", column=column, code=shown, name=name)
        return problem(place, what, tr("Delete it."))
    if meant == " ":
        what = tr("the space in column {column} is {code} ({name}), not a space.", column=column, code=shown, name=name)
        return problem(place, what, tr("Delete it, and type a space."))
    what = tr(
        "`{character}` in column {column} is {code} ({name}), not `{meant}`.",
        character=character,
        column=column,
        code=shown,
        name=name,
        meant=meant,
    )
    return problem(place, what, tr("Type `{meant}` instead, with the input method switched off.", meant=meant))
