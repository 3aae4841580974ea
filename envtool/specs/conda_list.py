"""Output of ``conda list --export``: ``name=version=build`` lines, with pip's packages (``=pypi_0``) among them.

People keep such files as requirements.txt, and neither conda nor pip can use them as they are.
"""

import re

from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs.format import Exportable, Format
from envtool.specs.problem import Place, problem

# With `==`: mended by hand because pip refused the line, or copied from one of conda's messages.
_LINE = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)={1,2}(?P<version>[\w.+!*-]+)=(?P<build>[\w.+*]+)")
_PIP = "pypi_0"
_DEVELOP = "dev_0"


def is_line(text: str) -> bool:
    """Return whether a line has the form ``name=version=build``, or ``name==version=build``."""
    return _LINE.fullmatch(text) is not None


def read(text: str, filename: str = "") -> Reading:
    """Return the spec that such a file holds, each package in the half it came from. Raises EnvtoolError."""
    conda, pip, warnings = [], [], []
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise problem(
                Place(filename, number),
                tr("{text} does not have the form name=version=build.", text=repr(line)),
                tr("Keep pip requirements and the output of `conda list --export` in separate files."),
            )
        if match["build"] not in (_PIP, _DEVELOP):
            conda.append(f"{match['name']}={match['version']}={match['build']}")
            continue
        pip.append(f"{match['name']}=={match['version']}")
        if match["build"] == _DEVELOP:
            warnings.append(from_folder(number, match["name"], match["version"]))
    if pip:
        warnings.append(from_pip(len(pip)))
    return Reading(Spec(conda=tuple(conda), pip=tuple(pip)), tuple(warnings))


def write(environment: Exportable) -> str:
    """Return the packages of both halves in this form, those of pip with the build that conda gives them."""
    lines = (f"{p.name}={p.version}={p.build if p.manager == 'conda' else _PIP}\n" for p in environment.packages)
    heading = f"# To create such an environment: envtool create NAME -f FILE\n# platform: {environment.subdir}\n"
    return heading + "".join(lines)


def from_folder(line: int, name: str, version: str) -> str:
    """Return the warning on a package that was installed in editable mode: the file does not say from where."""
    return tr(
        "Line {line}: {name} was installed from a folder; version {version} from the index replaces it.",
        line=line,
        name=name,
        version=version,
    )


def from_pip(count: int) -> str:
    """Return the warning on packages that are listed among conda's and were installed by pip."""
    return tr("{count} lines are packages that pip had installed: they are treated as pip packages.", count=count)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")), "")


FORMAT = Format(
    name="conda-list",
    recognises=lambda text, _: is_line(_first_line(text)) and "==" not in _first_line(text),
    read=lambda text, filename, _: read(text, filename),
    write=write,
)
