"""pip's requirements files: requirement lines and options, with what people put in them by mistake."""

import re
from collections.abc import Iterable, Iterator

from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs import conda_list
from envtool.specs.requirement_line import taken

_COMMENT = re.compile(r"(^|\s+)#.*$")
# No index of pip's has a package of that name; people note with it which Python they had.
_PYTHON = re.compile(r"python(?P<rest>\s*(?:[=<>!~]=?|===)\s*[\w.*]+(?:\s*,\s*[=<>!~]=?\s*[\w.*]+)*)?", re.IGNORECASE)


def read(text: str, filename: str = "") -> Reading:
    """Return the spec that a requirements file holds, its lines as they were written. Raises EnvtoolError."""
    pip: list[str] = []
    conda: list[str] = []
    warnings: list[str] = []
    for number, line in _logical_lines(text):
        if conda_list.is_line(line):
            split = conda_list.read(line, filename).spec
            conda += split.conda
            pip += split.pip
        elif python := _PYTHON.fullmatch(line):
            conda.append(f"python{python['rest'] or ''}")
            warnings.append(tr("Line {line}: {text} is the interpreter itself; pip has none.", line=number, text=line))
        else:
            lines, said = taken(line, filename, number)
            pip += lines
            warnings += said
    if any(conda_list.is_line(line) for line in conda):
        count = sum(map(conda_list.is_line, conda))
        warnings.append(tr("{count} lines have conda's form name=version=build: they go to conda.", count=count))
    return Reading(Spec(conda=tuple(conda), pip=tuple(pip)), tuple(warnings))


def write(lines: Iterable[str]) -> str:
    """Return the requirements file with these lines."""
    return "".join(f"{line}\n" for line in lines)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number of the first line, text) of what is left when continued lines are joined and comments gone."""
    started, parts = 0, list[str]()
    for number, raw in enumerate([*text.splitlines(), ""], 1):
        started = started if parts else number
        continued = raw.endswith("\\") and not _COMMENT.match(raw)
        parts.append(raw[:-1] if continued else raw)
        if continued:
            continue
        line = _COMMENT.sub("", "".join(parts)).strip()
        parts.clear()
        if line:
            yield started, line
