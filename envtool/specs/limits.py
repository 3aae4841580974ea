"""Limits on the lines of a file of specs, which keep every format's patterns fast."""

import re

from envtool.i18n import tr
from envtool.specs.problem import Place, problem

LINE = 8192  # characters of a line, without the hashes in it; pipenv writes all hashes of a package into one line

LINES = 100_000  # lines of a file that are not empty

_BLANKS = re.compile(r"[^\S\r\n]{50,}")
_LONG = re.compile(rf"[^\r\n]{{{LINE + 1},}}")
_HASH = re.compile(r"--hash=\w+:[0-9a-fA-F]{1,128}\b")


def without_blanks(text: str) -> str:
    """Return a text with long runs of blanks cut to one: they mean nothing in any format."""
    return _BLANKS.sub(" ", text)


def require_lines(text: str, filename: str) -> None:
    """Raise EnvtoolError (BAD_INPUT) for more lines, or a longer one, than any person or tool writes."""
    if text.count("\n") > LINES and sum(map(bool, map(str.strip, text.splitlines()))) > LINES:
        raise problem(Place(filename, LINES), tr("The file has more than {limit} lines.", limit=LINES))
    for line in _LONG.finditer(text):
        length = len(_HASH.sub("", line[0]))
        if length > LINE:
            number = len(text[: line.start()].splitlines()) + 1
            what = tr("The line has {length} characters; at most {limit} are read.", length=length, limit=LINE)
            raise problem(Place(filename, number), what, tr("Check whether the file is what you meant."))
