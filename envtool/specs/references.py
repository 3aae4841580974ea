"""Files and projects that lines for pip refer to, found as pip finds them.

Other files are looked for beside the file that names them, projects from where pip is called: the current folder, but
for an environment.yml its own, in which conda calls pip.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urljoin

from envtool.errors import EnvtoolError, ExitCode
from envtool.files import read_input
from envtool.i18n import tr
from envtool.model import Reading
from envtool.specs import requirements

_NESTED = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(?P<path>\S.*)")
_CONSTRAINTS = re.compile(r"(?:-c\s*|--constraint(?:\s+|=))(?P<path>/.*)")
_OPTION = re.compile(
    r"(?P<head>-[rcef]\s*|--(?:requirement|constraint|editable|find-links)(?:\s+|=))(?P<value>(?!-)\S.*)"
)
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/~$\\]")  # has a scheme, or is absolute
_LOCAL = re.compile(
    r"(?P<path>\.{1,2}(?=[/\[\s;]|$)[^\[;#]*|[\w.-]+/[^\[;#@]*|[^\s/;@\[]+\.(?:whl|zip|tar\.gz|tar\.bz2))(?P<rest>.*)"
)
_NAMED = re.compile(r"(?P<head>[^@;]+@\s*)(?:file:(?!/)|(?=\.{1,2}/))(?P<path>[^;#]*?)(?P<rest>\s*(?:[;#].*)?)")


def followed(reading: Reading, file: Path, start: Path, above: Sequence[Path] = ()) -> Reading:
    """Return what was read from ``file``, with the requirements files that it names, and with all paths absolute.

    ``start`` is where pip is called, ``above`` are the files on the way to this one. Raises EnvtoolError where a file
    is missing, has an error, or includes itself.
    """
    spec = reading.spec
    conda, pip, warnings, places = list(spec.conda), list[str](), list(reading.warnings), dict[str, str]()
    for line in spec.pip:
        nested = _NESTED.fullmatch(line)
        if nested is None or (_ELSEWHERE.match(nested["path"]) and not nested["path"].startswith("/")):
            pip.append(anchored(line, file.parent, start))
            places.setdefault(pip[-1], spec.places.get(line, ""))
            if constraints := _CONSTRAINTS.fullmatch(pip[-1]):
                _included(Path(constraints["path"]), spec.places.get(line, ""))
            continue
        path = Path(_absolute(nested["path"], file.parent))
        if path in (*above, file):
            raise EnvtoolError(tr("{file} includes itself: -r {path}.", file=file, path=path), code=ExitCode.BAD_INPUT)
        inner = requirements.read(_included(path, spec.places.get(line, "")), path.name)
        inner = replace(inner, warnings=tuple(f"{path.name}: {warning}" for warning in inner.warnings))
        inner = followed(inner, path, start, (*above, file))
        conda += inner.spec.conda
        pip += inner.spec.pip
        places = {**inner.spec.places, **places}
        warnings += inner.warnings
    return Reading(replace(spec, conda=tuple(conda), pip=tuple(pip), places=places), tuple(warnings))


def _included(path: Path, place: str) -> str:
    """Return the text of a file that the line at ``place`` includes. Raises EnvtoolError that names both."""
    try:
        return read_input(path)
    except EnvtoolError as error:
        if not place:
            raise
        raise EnvtoolError(
            tr("{place}: {what}", place=place, what=error.message),
            hint=tr("Paths in a requirements file are relative to its folder."),
            code=error.code,
        ) from None


def beside(reading: Reading, url: str) -> Reading:
    """Return what was read from a file at ``url`` with the URLs of the files that it names relative to it."""
    lines: dict[str, str] = {}
    for line in reading.spec.pip:
        option = _OPTION.fullmatch(line)
        if option and option["head"].startswith(("-r", "-c", "--r", "--c")) and not _ELSEWHERE.match(option["value"]):
            lines[f"{option['head']}{urljoin(url, option['value'])}"] = line
        else:
            lines[line] = line
    places = {new: reading.spec.places.get(old, "") for new, old in lines.items()}
    return replace(reading, spec=replace(reading.spec, pip=tuple(lines), places=places))


def anchored(line: str, folder: Path, start: Path) -> str:
    """Return a line of a requirements file in ``folder`` with its relative paths made absolute."""
    if option := _OPTION.fullmatch(line):
        head, value = option["head"], option["value"]
        if _ELSEWHERE.match(value):
            return line
        if not head.startswith(("-e", "--e")):
            return f"{head}{_absolute(value, folder)}"
        path, rest = _parted(value)
        return f"{head}{_project(path, folder, start)}{rest}"
    if named := _NAMED.fullmatch(line):
        return f"{named['head']}file://{quote(_project(named['path'], folder, start))}{named['rest']}"
    if (local := _LOCAL.fullmatch(line)) and not _ELSEWHERE.match(line):
        path = local["path"].rstrip()
        return f"{_project(path, folder, start)}{local['path'][len(path) :]}{local['rest']}"
    return line


def _parted(value: str) -> tuple[str, str]:
    """Return a path, and the extras or fragment behind it."""
    end = re.search(r"[\[#]", value)
    return (value[: end.start()], value[end.start() :]) if end else (value, "")


def _project(path: str, folder: Path, start: Path) -> str:
    """Return where a project or an archive is: where pip looks, else beside the file, where it was meant to be."""
    usual, beside = _absolute(path, start), _absolute(path, folder)
    return beside if Path(beside).exists() and not Path(usual).exists() else usual


def _absolute(path: str, folder: Path) -> str:
    return os.path.normpath(folder / path)
