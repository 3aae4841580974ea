"""The tables that ``conda list``, ``mamba list`` and ``pip list`` print for people, and that people keep as files."""

import re
from collections import Counter
from collections.abc import Iterator

from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs.problem import problem

_PIP_HEAD = re.compile(r"Package\s+Version(\s.*)?")
_CONDA_HEAD = re.compile(r"#? ?Name\s{2,}Version\s{2,}Build(\s.*)?")
_RULE = re.compile(r"[-─━\s]+")
_PIP_ROW = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s+(?P<version>\d\S*)(?P<place>\s+\S.*)?")
_CONDA_ROW = re.compile(
    r"(?P<name>[A-Za-z0-9_][\w.-]*)\s+(?P<version>\S+)\s+(?P<build>[\w.<>+]+)(?:\s+(?P<channel>\S+))?"
)
# Without its head a table is known by its columns alone.
_BARE_ROW = re.compile(r"[A-Za-z0-9_][\w.-]* {2,}\d\S* {2,}(?:\w*_?\d+|<pip>|\w+_\w+)(?: {2,}\S+)?")
_OF_PIP = ("pypi_0", "<pip>", "<develop>", "dev_0")


def is_table(text: str) -> bool:
    """Return whether a text is such a table: by its head, or by the columns of its first line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any(_PIP_HEAD.fullmatch(line) or _CONDA_HEAD.fullmatch(line) for line in lines[:6]):
        return True
    rows = [line for line in lines if not line.startswith("#")]
    return bool(rows) and _BARE_ROW.fullmatch(rows[0]) is not None


def read(text: str, filename: str = "") -> Reading:
    """Return the spec of everything that a table lists, each package on its side. Raises EnvtoolError with the line."""
    rows = list(_rows(text))
    head = next((line for _, line in rows if _PIP_HEAD.fullmatch(line)), None)
    reading = _pips(rows, filename) if head is not None else _condas(rows, filename)
    if not (reading.spec.conda or reading.spec.pip):
        raise problem(filename, rows[-1][0], tr("The table has no rows."), tr("Make the file again."))
    return reading


def _pips(rows: list[tuple[int, str]], filename: str) -> Reading:
    pip, warnings = [], [tr("This is the table of `pip list`: every version in it is asked for.")]
    begun = False
    for number, line in rows:
        if _PIP_HEAD.fullmatch(line) or _RULE.fullmatch(line):
            begun = True
            continue
        row = _PIP_ROW.fullmatch(line)
        if row is None:
            if not begun and " " in line:  # the command itself, or a warning of pip's
                warnings.append(tr("Line {line} is not part of the table and is ignored.", line=number))
                continue
            raise _wrong(filename, number, line)
        pip.append(f"{row['name']}=={row['version']}")
        if row["place"] and re.search(r"[\\/]", row["place"]):
            warnings.append(_folder(number, row))
    return Reading(Spec(pip=tuple(pip)), tuple(warnings))


def _condas(rows: list[tuple[int, str]], filename: str) -> Reading:
    conda: list[str] = []
    pip: list[str] = []
    channels: Counter[str] = Counter()
    warnings = [tr("This is the table of `conda list`: every version and build in it is asked for.")]
    for number, line in rows:
        if line.startswith("#") or _CONDA_HEAD.fullmatch(line) or _RULE.fullmatch(line):
            continue
        row = _CONDA_ROW.fullmatch(line)
        if row is None:
            if not conda and not pip and " " in line:  # the command itself, or a heading
                warnings.append(tr("Line {line} is not part of the table and is ignored.", line=number))
                continue
            raise _wrong(filename, number, line)
        if row["channel"] == "pypi" or row["build"] in _OF_PIP:
            pip.append(f"{row['name']}=={row['version']}")
            if row["build"] in ("<develop>", "dev_0"):
                warnings.append(_folder(number, row))
        else:
            conda.append(f"{row['name']}={row['version']}={row['build']}")
            channels[row["channel"] or "defaults"] += 1
    if pip:
        warnings.append(tr("{count} lines are packages that pip had installed: they go to pip.", count=len(pip)))
    named = tuple(name for name, _ in channels.most_common())
    return Reading(Spec(channels=named, conda=tuple(conda), pip=tuple(pip)), tuple(warnings))


def _rows(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line:
            yield number, line


def _folder(number: int, row: re.Match[str]) -> str:
    return tr(
        "Line {line}: {name} was in use from a folder of its own; version {version} is asked for instead.",
        line=number,
        name=row["name"],
        version=row["version"],
    )


def _wrong(filename: str, number: int, line: str) -> EnvtoolError:
    return problem(filename, number, tr("{text} is not a row of the table above it.", text=repr(line)))
