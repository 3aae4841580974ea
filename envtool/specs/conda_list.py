"""What ``conda list --export`` prints: ``name=version=build`` lines, those of pip's packages (``=pypi_0``) among them.

Such files are everywhere under the name requirements.txt, and neither conda nor pip can use them as they are.
"""

import re

from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs.problem import problem

_LINE = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)=(?P<version>[\w.+!*-]+)=(?P<build>[\w.+*]+)")
_PIP = "pypi_0"
_DEVELOP = "dev_0"


def is_line(text: str) -> bool:
    """Return whether a line has the form ``name=version=build``."""
    return _LINE.fullmatch(text) is not None


def read(text: str, filename: str = "") -> Reading:
    """Return the spec that such a file holds, each package on the side it came from. Raises EnvtoolError."""
    conda, pip, warnings = [], [], []
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise problem(
                filename,
                number,
                tr("{text} is not of the form name=version=build, as the lines before it are.", text=repr(line)),
                tr("Keep pip requirements and the output of conda list --export in files of their own."),
            )
        if match["build"] not in (_PIP, _DEVELOP):
            conda.append(line)
            continue
        pip.append(f"{match['name']}=={match['version']}")
        if match["build"] == _DEVELOP:
            warnings.append(
                tr(
                    "Line {line}: {name} was in use from a folder of its own; version {version} is asked for instead.",
                    line=number,
                    name=match["name"],
                    version=match["version"],
                )
            )
    if pip:
        warnings.append(tr("{count} lines are packages that pip had installed: they go to pip.", count=len(pip)))
    return Reading(Spec(conda=tuple(conda), pip=tuple(pip)), tuple(warnings))
