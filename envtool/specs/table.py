"""Tables that ``conda list``, ``mamba list`` and ``pip list`` print, and that people keep as files."""

import re
from collections import Counter
from collections.abc import Iterator

from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs.conda_list import from_folder, from_pip
from envtool.specs.format import Format
from envtool.specs.problem import Place, problem

_PIP_HEAD = re.compile(r"Package\s+Version(\s.*)?")
_CONDA_HEAD = re.compile(r"#? ?Name\s{2,}Version\s{2,}Build(\s.*)?")
_RULE = re.compile(r"[-─━\s]+")
_PIP_ROW = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s+(?P<version>\d\S*)(?P<place>\s+\S.*)?")
_CONDA_ROW = re.compile(
    r"(?P<name>[A-Za-z0-9_][\w.-]*)\s+(?P<version>\S+)\s+(?P<build>[\w.<>+]+)(?:\s+(?P<channel>\S+))?"
)
# Without a header a table is recognised by its columns alone.
_BARE_ROW = re.compile(r"[A-Za-z0-9_][\w.-]* {2,}\d\S* {2,}(?:\w*_?\d+|<pip>|\w+_\w+)(?: {2,}\S+)?")
_OF_PIP = ("pypi_0", "<pip>", "<develop>", "dev_0")


def is_table(text: str) -> bool:
    """Return whether a text is such a table, by its header or by the columns of its first line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any(_PIP_HEAD.fullmatch(line) or _CONDA_HEAD.fullmatch(line) for line in lines[:6]):
        return True
    rows = [line for line in lines if not line.startswith("#")]
    return bool(rows) and _BARE_ROW.fullmatch(rows[0]) is not None


def read(text: str, filename: str = "") -> Reading:
    """Return the spec of everything that a table lists, each package in its half. Raises EnvtoolError with the line."""
    rows = list(_rows(text))
    head = next((line for _, line in rows if _PIP_HEAD.fullmatch(line)), None)
    reading = _pips(rows, filename) if head is not None else _condas(rows, filename)
    if not (reading.spec.conda or reading.spec.pip):
        raise problem(Place(filename, rows[-1][0]), tr("The table has no rows."), tr("Create the file again."))
    return reading


def _pips(rows: list[tuple[int, str]], filename: str) -> Reading:
    pip, warnings = [], [tr("This is the output of `pip list`: exactly these versions are requested.")]
    begun = False
    for number, line in rows:
        if _PIP_HEAD.fullmatch(line) or _RULE.fullmatch(line):
            begun = True
            continue
        row = _PIP_ROW.fullmatch(line)
        if row is None:
            if not begun and " " in line:  # the command, or a warning from pip
                warnings.append(tr("Line {line} is not part of the table and is ignored.", line=number))
                continue
            raise _wrong(Place(filename, number), line)
        pip.append(f"{row['name']}=={row['version']}")
        if row["place"] and re.search(r"[\\/]", row["place"]):
            warnings.append(from_folder(number, row["name"], row["version"]))
    return Reading(Spec(pip=tuple(pip)), tuple(warnings))


def _condas(rows: list[tuple[int, str]], filename: str) -> Reading:
    conda: list[str] = []
    pip: list[str] = []
    channels: Counter[str] = Counter()
    warnings = [tr("This is the output of `conda list`: exactly these versions and builds are requested.")]
    for number, line in rows:
        if line.startswith("#") or _CONDA_HEAD.fullmatch(line) or _RULE.fullmatch(line):
            continue
        row = _CONDA_ROW.fullmatch(line)
        if row is None:
            if not conda and not pip and " " in line:  # the command, or a heading
                warnings.append(tr("Line {line} is not part of the table and is ignored.", line=number))
                continue
            raise _wrong(Place(filename, number), line)
        if row["channel"] == "pypi" or row["build"] in _OF_PIP:
            pip.append(f"{row['name']}=={row['version']}")
            if row["build"] in ("<develop>", "dev_0"):
                warnings.append(from_folder(number, row["name"], row["version"]))
        else:
            conda.append(f"{row['name']}={row['version']}={row['build']}")
            channels[row["channel"] or "defaults"] += 1
    if pip:
        warnings.append(from_pip(len(pip)))
    named = tuple(name for name, _ in channels.most_common())
    return Reading(Spec(channels=named, conda=tuple(conda), pip=tuple(pip)), tuple(warnings))


def _rows(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line:
            yield number, line


def _wrong(place: Place, line: str) -> EnvtoolError:
    return problem(place, tr("{text} is not a row of the table above it.", text=repr(line)))


FORMAT = Format(
    name="table",
    recognises=lambda text, _: is_table(text),
    read=lambda text, filename, _: read(text, filename),
)
