"""Requested packages: the words of the command line and the files that it names, as one spec."""

import sys
from collections.abc import Sequence
from pathlib import Path

from envtool import specs
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import input_text, read_input
from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.reporter import Reporter


def requested(words: Spec, files: Sequence[str], reporter: Reporter) -> Spec:
    """Return one spec that asks for all that ``words`` and the files ask for; a file called ``-`` is stdin.

    The name is the first that any of them gives. Reports what readers warn of. Raises EnvtoolError.
    """
    readings = [_read(file) for file in files]
    for reading in readings:
        for warning in reading.warnings:
            reporter.warn(warning)
    every = [words, *(reading.spec for reading in readings)]
    return Spec(
        name=next((spec.name for spec in every if spec.name), ""),
        channels=tuple(dict.fromkeys(channel for spec in every for channel in spec.channels)),
        conda=tuple(item for spec in every for item in spec.conda),
        pip=tuple(item for spec in every for item in spec.pip),
        variables={name: value for spec in every for name, value in spec.variables.items()},
        explicit=tuple(item for spec in every for item in spec.explicit),
    )


def _read(name: str) -> Reading:
    stdin, path = name == "-", Path(name)
    shown = tr("stdin") if stdin else name
    text = input_text(sys.stdin.buffer.read(), shown) if stdin else read_input(path)
    if not text.strip():
        raise EnvtoolError(
            tr("{file} is empty.", file=shown),
            hint=tr("If another command wrote it, check whether that command failed."),
            code=ExitCode.BAD_INPUT,
        )
    if stdin:
        return specs.read(text, base=Path.cwd())
    return specs.read(text, path.name, base=path.absolute().parent)
