"""The form of what conda looks for (``numpy >=1.21``, ``conda-forge::bzip2=1.0.8=h9_7``), and lists of such lines.

Such lists are what ``conda install --file`` reads (CEP 23). They go about as requirements.txt like everything else.
"""

import re
from pathlib import PurePath

from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs import conda_list
from envtool.specs.problem import problem

_SPEC = re.compile(
    r"(?:[^\s\[\]]+::)?[A-Za-z0-9_*][A-Za-z0-9_.*-]*(?:\s*[=<>!~\[].*|\s+[0-9*].*)?|\S+\.(?:conda|tar\.bz2)(?:#\S+)?"
)
# Only conda understands a channel in front, and pip knows no package called python.
_CONDAS = re.compile(r"[^\s:]+::\S.*|python\s*=\s*[^=\s].*")
_SINGLE = re.compile(r"[A-Za-z0-9_.-]+\s*=\s*[^=\s].*")
_PIPS = re.compile(r"^-|[;@]|://|\+cu\d|===")
_COMMENT = re.compile(r"(^|\s+)#.*$")


def is_spec(text: str) -> bool:
    """Return whether a text has the form of something that conda could look for."""
    return _SPEC.fullmatch(text) is not None


def is_list(text: str, filename: str = "") -> bool:
    """Return whether a file is a list of lines for conda: all have its form, and one means nothing to pip.

    In a file with conda in its name a ``name=version`` is enough for that.
    """
    lines = [line for _, line in _lines(text)]
    if not all(is_spec(line) and not _PIPS.search(line) for line in lines):
        return False
    only = _SINGLE if "conda" in PurePath(filename).name.lower() else _CONDAS
    return any(only.fullmatch(line) or _CONDAS.fullmatch(line) for line in lines)


def read(text: str, filename: str = "") -> Reading:
    """Return the spec that such a list holds; what conda had listed as pip's goes to pip. Raises EnvtoolError."""
    conda: list[str] = []
    pip: list[str] = []
    for number, line in _lines(text):
        if conda_list.is_line(line):
            split = conda_list.read(line, filename).spec
            conda += split.conda
            pip += split.pip
        elif is_spec(line):
            conda.append(line)
        else:
            raise problem(filename, number, tr("{text} is not a package that conda could look for.", text=repr(line)))
    warning = tr("The lines have the form that conda reads ({text}): they go to conda.", text=repr(conda[0]))
    return Reading(Spec(conda=tuple(conda), pip=tuple(pip)), (warning,))


def _lines(text: str) -> list[tuple[int, str]]:
    stripped = ((number, _COMMENT.sub("", line).strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in stripped if line]
