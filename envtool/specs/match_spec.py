"""Match specs, in which conda is asked for packages (``numpy >=1.21``, ``forge::bzip2=1.0.8=h9_7``), and lists of them.

``conda install --file`` reads such lists (CEP 23). People keep them, too, as requirements.txt.
"""

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import NamedTuple

from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs import conda_list
from envtool.specs.format import Format
from envtool.specs.problem import Place, problem

_SPEC = re.compile(
    r"(?:[^\s\[\]]+::)?[A-Za-z0-9_*][A-Za-z0-9_.*-]*(?:\s*[=<>!~\[].*|\s+[0-9*].*)?|\S+\.(?:conda|tar\.bz2)(?:#\S+)?"
)
# Only conda understands a channel in front, and pip knows no package called python.
_CONDAS = re.compile(r"[^\s:]+::\S.*|python\s*=\s*[^=\s].*")
_SINGLE = re.compile(r"[A-Za-z0-9_.-]+\s*=\s*[^=\s].*")
_PIPS = re.compile(r"^-|[;@]|://|\+cu\d|===")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_PARTS = re.compile(r"(?:(?P<channel>[^\[\]]*)::)?\s*(?P<name>[^\s=<>!~\[]*)\s*(?P<rest>.*)", re.DOTALL)
_ARCHIVE = re.compile(
    r"(?P<channel>\S*?)/?(?P<name>[^\s/\\]+)-(?P<version>[^\s/-]+)-(?P<build>[^\s/-]+)\.(?:conda|tar\.bz2)"
)
_CHANNEL_KEY = re.compile(
    r"""(?P<before>[\[,])\s*channel\s*=\s*(?:'(?P<a>[^']*)'|"(?P<b>[^"]*)"|(?P<c>[^\],\s]*))\s*(?P<after>[\],])"""
)
_VERSION_KEY = re.compile(r"""\[(?:.*,)?\s*version\s*=\s*(?:'([^']*)'|"([^"]*)"|([^\],\s]*))""")


class Parts(NamedTuple):
    """A match spec taken apart: ``name`` in lower case, ``rest`` all that stands behind it.

    ``channel`` is ``""`` if the spec names none, in front or in brackets; an archive's is the URL of its folder.
    """

    channel: str
    name: str
    rest: str = ""

    @property
    def version(self) -> str:
        """The constraint on the version in conda's form (``>=3.10,<3.13``), the build behind it; ``""`` for any."""
        key = _VERSION_KEY.search(self.rest)
        return next(filter(None, key.groups()), "") if key else self.rest.partition("[")[0].strip()

    def in_channel(self, url: str) -> str:
        """Return the spec with the URL of a channel, or with no channel for ``""``."""
        space = " " if self.rest and self.rest[0] not in "=<>!~[" else ""
        return f"{url}::{self.name}{space}{self.rest}" if url else f"{self.name}{space}{self.rest}"


def split(spec: str) -> Parts:
    """Return the parts of a match spec, in any of conda's forms, or of an archive's address.

    ``Conda-Forge::NumPy=1.26`` is ``numpy`` of ``Conda-Forge``; conda compares names without regard to case.
    """
    text = spec.partition("#")[0].strip()
    if archive := _ARCHIVE.fullmatch(text):
        return Parts(archive["channel"], archive["name"].lower(), f"={archive['version']}={archive['build']}")
    match = _PARTS.match(text)
    assert match is not None  # noqa: S101 - every part of the pattern may be empty
    channel, rest = (match["channel"] or "").strip(), match["rest"].strip()
    if key := _CHANNEL_KEY.search(rest):
        channel = channel or next(filter(None, key.group("a", "b", "c")), "")
        rest = rest[: key.start()] + _joint(key["before"], key["after"]) + rest[key.end() :]
    return Parts(channel, match["name"].lower(), rest)


def _joint(before: str, after: str) -> str:
    """Return what remains of the two characters around a key that is taken out of the brackets."""
    return {"[]": "", "[,": "[", ",]": "]", ",,": ","}[before + after]


def name(spec: str) -> str:
    """Return the name in a match spec: ``conda-forge::numpy[version='>=1.2']`` is about ``numpy``."""
    return split(spec).name


def channels(specs: Iterable[str]) -> tuple[str, ...]:
    """Return the channels that match specs name, each once; the folders of archives are no channels."""
    return tuple(dict.fromkeys(split(spec).channel for spec in specs if not is_archive(spec) and split(spec).channel))


def is_archive(spec: str) -> bool:
    """Return whether a match spec names an archive, by a path or URL."""
    return bool(_ARCHIVE.fullmatch(spec.partition("#")[0].strip())) or "[url=" in spec.replace(" ", "")


def is_spec(text: str) -> bool:
    """Return whether a text has the form of a match spec."""
    return _SPEC.fullmatch(text) is not None and (text.isascii() or _ARCHIVE.fullmatch(text) is not None)


def is_list(text: str, filename: str = "") -> bool:
    """Return whether a file is a list of match specs: all lines are, and pip would not understand one of them.

    In a file with conda in its name ``name=version`` counts as such a line.
    """
    lines = [line for _, line in _lines(text)]
    if not all(is_spec(line) and not _PIPS.search(line) for line in lines):
        return False
    only = _SINGLE if "conda" in PurePath(filename).name.lower() else _CONDAS
    return any(only.fullmatch(line) or _CONDAS.fullmatch(line) for line in lines)


def read(text: str, filename: str = "") -> Reading:
    """Return the spec that such a list holds; packages that conda lists as pip's go to pip. Raises EnvtoolError."""
    conda: list[str] = []
    pip: list[str] = []
    for number, line in _lines(text):
        if conda_list.is_line(line):
            listed = conda_list.read(line, filename).spec
            conda += listed.conda
            pip += listed.pip
        elif is_spec(line):
            conda.append(line)
        else:
            raise problem(Place(filename, number), not_a_spec(line))
    warning = tr("The lines are treated as conda packages, because of their form ({text}).", text=repr(conda[0]))
    return Reading(Spec(conda=tuple(conda), pip=tuple(pip)), (warning,))


def not_a_spec(text: str) -> str:
    """Return what is wrong with a text that should be a match spec."""
    return tr("{text} is not a conda package spec.", text=repr(text))


def _lines(text: str) -> list[tuple[int, str]]:
    stripped = ((number, _COMMENT.sub("", line).strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in stripped if line]


FORMAT = Format(name="match-spec", recognises=is_list, read=lambda text, filename, _: read(text, filename))
