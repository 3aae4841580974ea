"""pip's requirements files: requirements and options, and what people put into them by mistake."""

import re
from collections.abc import Iterable, Iterator

from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs import conda_list
from envtool.specs.format import Exportable, Format
from envtool.specs.problem import Place
from envtool.specs.requirement_line import corrected

_COMMENT = re.compile(r"(^|\s+)#.*$")
# No index has a package of that name; with this line people record which Python they had.
_PYTHON = re.compile(r"python(?P<rest>\s*(?:[=<>!~]=?|===)\s*[\w.*]+(?:\s*,\s*[=<>!~]=?\s*[\w.*]+)*)?", re.IGNORECASE)


def read(text: str, filename: str = "") -> Reading:
    """Return the spec that a requirements file holds, its lines as they are written. Raises EnvtoolError."""
    pip: list[str] = []
    conda: list[str] = []
    warnings: list[str] = []
    for number, line in _logical_lines(text):
        if conda_list.is_line(line):
            listed = conda_list.read(line, filename).spec
            conda += listed.conda
            pip += listed.pip
        elif python := _PYTHON.fullmatch(line):
            conda.append(f"python{python['rest'] or ''}")
            warnings.append(
                tr(
                    "Line {line}: {text} is the interpreter: it is treated as a conda package.",
                    line=number,
                    text=line,
                )
            )
        else:
            usable = corrected(line, Place(filename, number))
            pip += usable.lines
            warnings += usable.warnings
    if any(conda_list.is_line(line) for line in conda):
        count = sum(map(conda_list.is_line, conda))
        warnings.append(
            tr("{count} lines have the form name=version=build: they are treated as conda packages.", count=count)
        )
    return Reading(Spec(conda=tuple(conda), pip=tuple(pip)), tuple(warnings))


def write(lines: Iterable[str]) -> str:
    """Return the requirements file with these lines."""
    return "".join(f"{line}\n" for line in lines)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number of its first line, text) of each line, with continued lines joined and comments removed."""
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


def _write_environment(environment: Exportable) -> str:
    python = [f"# Python {environment.python}"] if environment.python else []
    return write([*python, *environment.requirements])


FORMAT = Format(
    name="requirements",
    recognises=lambda _, __: False,  # anything could be one: it is what reads the rest
    read=lambda text, filename, _: read(text, filename),
    write=_write_environment,
    files=("*requirements*.txt",),
)
