"""pip's requirements files: requirement lines and options, with what people put in them by mistake."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from envtool.model import Reading, Spec
from envtool.specs import conda_list
from envtool.specs.problem import problem
from envtool.words import tr

_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTIONS = re.compile(
    r"(?:-[icrfe](?=\s|[^-\s]|$)|--(?:index-url|pypi-url|extra-index-url|no-index|constraint|requirement|editable|"
    r"find-links|no-binary|only-binary|prefer-binary|require-hashes|pre|trusted-host|use-feature|config-settings?)"
    r"(?=[\s=]|$))"
)
_PLACE = re.compile(
    r"[a-zA-Z][a-zA-Z0-9+.-]*://|file:|\.{0,2}/|~/|\.\.?(?:\[|$)|\$\{|[A-Za-z]:\\|[\w.-]+/|"
    r"\S+\.(?:whl|zip|tar\.gz|tar\.bz2)(?:\s|$)"
)
_LOCAL = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*@\s*file:(?P<path>[^\s;#]*)")
_SINGLE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?)\s*=\s*(?P<version>[^=\s;]+)(?P<rest>\s*;.*)?"
)
_SHELL = re.compile(r"[!%$]?\s*(?:python3? -m )?pip3? install\s+(?P<what>\S+)")
_OF_REQUIREMENT = re.compile(r"\s--(?:hash|config-settings?|global-option|install-option)(?=[=\s])")


def read(text: str, filename: str = "", *, base: Path | None = None) -> Reading:
    """Return the spec that a requirements file holds, its lines as they were written. Raises EnvtoolError."""
    pip: list[str] = []
    conda: list[str] = []
    remarks: list[str] = []
    for number, line in _logical_lines(text):
        if conda_list.is_line(line):
            split = conda_list.read(line, filename).spec
            conda += split.conda
            pip += split.pip
            continue
        requirement, remark = checked(line, filename, number)
        pip.append(requirement)
        remarks += [remark] if remark else []
    if conda:
        remarks.append(tr("{count} lines have conda's form name=version=build: they go to conda.", count=len(conda)))
    return Reading(Spec(conda=tuple(conda), pip=tuple(pip), base=base), tuple(remarks))


def write(lines: Iterable[str]) -> str:
    """Return the requirements file with these lines."""
    return "".join(f"{line}\n" for line in lines)


def checked(line: str, filename: str, number: int) -> tuple[str, str]:
    """Return one logical line as pip can read it, and a remark where it had to be changed. Raises EnvtoolError."""
    if local := _LOCAL.match(line):
        return _without_folder(local, line, number)
    if _OPTIONS.match(line) or _PLACE.match(line):
        return line, ""
    if single := _SINGLE.fullmatch(line):
        mended = f"{single['name']}=={single['version']}{single['rest'] or ''}"
        return mended, tr("Line {line}: pip spells {text} with two signs of equality.", line=number, text=repr(line))
    if (shell := _SHELL.fullmatch(line)) and not shell["what"].startswith("-"):
        requirement, _ = checked(shell["what"], filename, number)
        return requirement, tr(
            "Line {line} is a command; its requirement {text} is taken.", line=number, text=requirement
        )
    _require_valid(line, filename, number)
    return line, ""


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


def _without_folder(local: re.Match[str], line: str, number: int) -> tuple[str, str]:
    """Return ``name`` or ``name==version`` in place of a folder or file that only the machine of its author has."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    name, file = local["name"], unquote(local["path"]).rpartition("/")[2]
    requirement = name
    for parse in (parse_wheel_filename, parse_sdist_filename):
        try:
            requirement = f"{name}=={parse(file)[1]}"
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
    remark = tr(
        "Line {line}: the place that {text} points at is on another machine; {requirement} is asked for instead.",
        line=number,
        text=repr(line),
        requirement=requirement,
    )
    return requirement, remark


def _require_valid(line: str, filename: str, number: int) -> None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(_OF_REQUIREMENT.split(line, maxsplit=1)[0].strip())
    except InvalidRequirement as error:
        what, hint = _explained(line, str(error).splitlines()[0])
        raise problem(filename, number, what, hint) from None


def _explained(line: str, reason: str) -> tuple[str, str]:
    if re.fullmatch(r"Package\s+Version(\s.*)?", line):
        return (
            tr("This is the table that `pip list` prints for people."),
            tr("Make the file with: envtool export --format requirements -o requirements.txt"),
        )
    if line.startswith("-"):
        return tr("pip has no option {text} in requirements files.", text=repr(line)), ""
    if "::" in line:
        return (
            tr("{text} names a conda channel; pip knows none.", text=repr(line)),
            tr("In an environment.yml it belongs into the list above `pip:`."),
        )
    return tr(
        "{text} is not a requirement that pip understands: {reason}.", text=repr(line), reason=reason.rstrip(".")
    ), ""
