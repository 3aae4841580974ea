"""Requested packages: the words of the command line and the files that it names, as one spec."""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from envtool import specs
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import input_text, read_input, read_stream
from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.operations.steps import archives, pypi_names, remote_files
from envtool.redaction import redact
from envtool.reporter import Reporter
from envtool.specs import limits, references
from envtool.specs.problem import Place
from envtool.specs.requirement_line import Corrected, corrected

_COMMAND_LINE = Place("--pip", 0)


def requested(words: Spec, files: Sequence[str], reporter: Reporter, *, conda_half: bool = True) -> Spec:
    """Return one spec that asks for all that ``words`` and the files ask for; a file called ``-`` is stdin.

    The name is the first that any of them gives. Without a conda half the names among the words are pip's. Reports what
    readers warn of. Raises EnvtoolError.
    """
    words = words if conda_half else _for_pip(words, reporter)
    _refuse_pips(words.conda)
    readings = [remote_files.spliced(reading) for reading in (_words(words), *map(_read, files))]
    for reading in readings:
        for warning in reading.warnings:
            reporter.warn(warning)
    every = [reading.spec for reading in readings]
    _refuse_beside_explicit(every)
    return Spec(
        name=next((spec.name for spec in every if spec.name), ""),
        channels=tuple(dict.fromkeys(channel for spec in every for channel in spec.channels)),
        conda=tuple(item for spec in every for item in spec.conda),
        pip=tuple(item for spec in every for item in spec.pip),
        variables={name: value for spec in every for name, value in spec.variables.items()},
        explicit=tuple(item for spec in every for item in spec.explicit),
        prefix=next((spec.prefix for spec in every if spec.prefix), ""),
        places={line: place for spec in reversed(every) for line, place in spec.places.items()},
    )


def require_name(spec: Spec, files: Sequence[str]) -> None:
    """Raise EnvtoolError (USAGE) where neither the command line nor a file names the environment to create."""
    if spec.name:
        return
    shown = " ".join(f"-f {shlex.quote(file)}" for file in files)
    if not files:
        raise EnvtoolError(
            tr("The new environment has no name."),
            hint=tr("Name it: envtool create NAME"),
            code=ExitCode.USAGE,
        )
    raise EnvtoolError(
        tr("No name was given, and {files} has none.", files=", ".join(files)),
        hint=tr("Name the environment: envtool create {name} {files}", name=_suggested(spec, files), files=shown),
        code=ExitCode.USAGE,
    )


def _for_pip(words: Spec, reporter: Reporter) -> Spec:
    """Return words with the conda packages that pip can install, too, among those for pip."""
    lines = {word: line for word in words.conda if (line := pypi_names.in_a_venv(word))}
    if lines:
        reporter.note(tr("A venv has no conda packages: {names} from the pip index.", names=", ".join(lines.values())))
    kept = tuple(word for word in words.conda if word not in lines)
    return replace(words, conda=kept, pip=(*lines.values(), *words.pip))


def _suggested(spec: Spec, files: Sequence[str]) -> str:
    """Return a name for an environment: that of the path which a file records, else of the first file's folder."""
    recorded = re.split(r"[\\/]", spec.prefix.rstrip("\\/"))[-1]
    folder = Path.cwd() if files[0] == "-" or "://" in files[0] else Path(files[0]).absolute().parent
    return next((name for name in (recorded, folder.name) if re.fullmatch(r"[A-Za-z0-9][\w.-]*", name)), "NAME")


def _words(words: Spec) -> Reading:
    """Return what the command line asks for, its ``--pip`` values read as lines of a requirements file."""
    pip: dict[str, str] = {}
    warnings: list[str] = []
    words = replace(words, conda=tuple(map(_bounded, words.conda)), pip=tuple(map(_bounded, words.pip)))
    for word in words.pip:
        usable = corrected(word.strip(), _COMMAND_LINE) if word.strip() else Corrected([], [])
        pip |= dict.fromkeys(usable.lines, _COMMAND_LINE.full)
        warnings += usable.warnings
    here = Path.cwd()
    reading = Reading(replace(_located(words, here), pip=tuple(pip), places=pip), tuple(warnings))
    return references.followed(reading, here / "--pip", here)


def _refuse_pips(words: Sequence[str]) -> None:
    """Raise EnvtoolError (BAD_INPUT) for a wheel, a source archive or a repository among the words for conda."""
    for word in words:
        if re.fullmatch(r"(?:git|hg|svn|bzr)\+\S+|\S+\.(?:whl|zip|tar\.gz)(?:#\S*)?", word):
            raise EnvtoolError(
                tr("{word} is not a conda package: pip installs it.", word=redact(word)),
                hint=tr("Ask for it with --pip {word}", word=shlex.quote(redact(word))),
                code=ExitCode.BAD_INPUT,
            )


def _bounded(word: str) -> str:
    """Return a word of the command line, within the limits of a line of a file. Raises EnvtoolError (BAD_INPUT)."""
    word = limits.without_blanks(word)
    limits.require_lines(word, tr("the command line"))
    return word


def _refuse_beside_explicit(every: Sequence[Spec]) -> None:
    """Raise EnvtoolError (USAGE) where conda packages are asked for beside an explicit list, which is never solved."""
    others = [item for spec in every for item in spec.conda]
    if others and any(spec.explicit for spec in every):
        raise EnvtoolError(
            tr(
                "An explicit list is installed as it is, without solving: {packages} cannot be added.",
                packages=", ".join(others),
            ),
            hint=tr("Create the environment from the list first, then install the others."),
            code=ExitCode.USAGE,
        )


def _read(name: str) -> Reading:
    if remote_files.is_url(name):
        return remote_files.read(name)
    stdin, path = name == "-", Path(name)
    shown = tr("stdin") if stdin else name
    text = input_text(read_stream(sys.stdin.buffer, shown), shown) if stdin else read_input(path)
    remote_files.require_content(text, shown)
    folder = Path.cwd() if stdin else path.absolute().parent
    reading = specs.read(text, "" if stdin else path.name, base=folder)
    return replace(reading, spec=_located(reading.spec, folder))


def _located(spec: Spec, folder: Path) -> Spec:
    """Return a spec with the paths of archives among its conda packages, which start from a folder, made absolute."""
    return replace(spec, conda=tuple(archives.absolute(item, folder) for item in spec.conda))
