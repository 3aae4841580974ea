"""pip's requirements files: requirements and options, and what people put into them by mistake."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs import conda_list
from envtool.specs.format import Exportable, Format
from envtool.specs.problem import Place

_COMMENT = re.compile(r"(^|\s+)#.*$")
# No index has a package of that name; with this line people record which Python they had.
_PYTHON = re.compile(r"python(?P<rest>\s*(?:[=<>!~]=?|===)\s*[\w.*]+(?:\s*,\s*[=<>!~]=?\s*[\w.*]+)*)?", re.IGNORECASE)


def read(text: str, filename: str = "") -> Reading:
    """Return the spec that a requirements file holds, its lines as they are written. Raises EnvtoolError."""
    reader = _Reader(filename)
    for number, line, comment in _logical_lines(text):
        reader.take(line, comment, number)
    return reader.reading()


@dataclass
class _Reader:
    """Reads one file, line by line."""

    filename: str
    conda: list[str] = field(default_factory=list)
    pip: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    listed: Counter[str] = field(default_factory=Counter)  # lines of `conda list --export` for each half

    def take(self, line: str, comment: str, number: int) -> None:
        """Read one logical line, with the comment behind it."""
        from envtool.specs import selectors
        from envtool.specs.requirement_line import corrected

        condition = selectors.condition(comment)
        if condition and selectors.holds(condition) is False:
            self.warnings.append(selectors.dropped(number, condition, line))
        elif conda_list.is_line(line):
            self._listed(line, Place(self.filename, number))
        elif python := _PYTHON.fullmatch(line):
            self.conda.append(f"python{python['rest'] or ''}")
            self.warnings.append(
                tr("Line {line}: {text} is the interpreter: it is treated as a conda package.", line=number, text=line)
            )
        else:
            place = Place(self.filename, number)
            usable = corrected(line, place)
            self._add(usable.lines, place)
            self.warnings += usable.warnings

    def reading(self) -> Reading:
        """Return what was read."""
        warnings = list(self.warnings)
        if count := self.listed["conda"]:
            form = tr(
                "{count} lines have the form name=version=build: they are treated as conda packages.", count=count
            )
            warnings.append(form)
        if count := self.listed["pip"]:
            warnings.append(conda_list.from_pip(count))
        return Reading(Spec(conda=tuple(self.conda), pip=tuple(self.pip), places=self.places), tuple(warnings))

    def _listed(self, line: str, place: Place) -> None:
        spec = conda_list.read(line, self.filename).spec
        self.conda += spec.conda
        self._add(spec.pip, place)
        self.listed.update({"conda": len(spec.conda), "pip": len(spec.pip)})

    def _add(self, lines: Iterable[str], place: Place) -> None:
        for line in lines:
            self.pip.append(line)
            self.places.setdefault(line, place.full)


def write(lines: Iterable[str]) -> str:
    """Return the requirements file with these lines."""
    return "".join(f"{line}\n" for line in lines)


def _logical_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (number of its first line, text, comment) of each line, with continued lines joined."""
    started, parts = 0, list[str]()
    for number, raw in enumerate([*text.splitlines(), ""], 1):
        started = started if parts else number
        continued = raw.endswith("\\") and not _COMMENT.match(raw)
        parts.append(raw[:-1] if continued else raw)
        if continued:
            continue
        whole = "".join(parts)
        line = _COMMENT.sub("", whole)
        parts.clear()
        if line.strip():
            yield started, line.strip(), whole[len(line) :]


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
