"""Options that several commands share, and what they mean together."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.formatting import either
from envtool.engines import AUTO, ENGINES
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.redaction import redact

Json = Annotated[bool, typer.Option("--json", help="Print one JSON envelope.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
Offline = Annotated[bool, typer.Option("--offline", help="Use only what is in the caches.")]
Channel = Annotated[
    list[str],
    typer.Option("--channel", "-c", metavar="CHANNEL", help="Take conda packages from here first: a name or a URL."),
]
OverrideChannels = Annotated[bool, typer.Option("--override-channels", help="Use only the channels given with -c.")]
AcceptTos = Annotated[
    bool, typer.Option("--accept-tos", help="You have read and accept the terms of service of conda's channels.")
]
Force = Annotated[bool, typer.Option("--force", help="Let pip overwrite what conda installed.")]
OverrideFrozen = Annotated[bool, typer.Option("--override-frozen", help="Change it though its owner has frozen it.")]
Index = Annotated[
    str,
    typer.Option(
        "--index-url", "-i", metavar="URL", help="Take pip packages from this index instead of the configured one."
    ),
]
ExtraIndex = Annotated[
    list[str], typer.Option("--extra-index-url", metavar="URL", help="Look for pip packages here, too.")
]
FindLinks = Annotated[
    list[str], typer.Option("--find-links", metavar="PLACE", help="Look for wheels in this folder or page, too.")
]
Pip = Annotated[list[str], typer.Option("--pip", metavar="SPEC", help="A pip package; may be repeated.")]
File = Annotated[
    list[str],
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="environment.yml, requirements.txt, an explicit list, or `conda list -e` output; - reads stdin.",
    ),
]
Name = Annotated[
    str, typer.Option("--name", "-n", metavar="NAME", help="The environment, by name. Default: the active one.")
]
Prefix = Annotated[Path | None, typer.Option("--prefix", "-p", metavar="PATH", help="The environment, by its path.")]
Engine = Annotated[
    str,
    typer.Option(
        "--engine", metavar="ENGINE", help=f"{either((AUTO, *ENGINES))}.", autocompletion=lambda: [AUTO, *ENGINES]
    ),
]


def command_line() -> str:
    """Return what the user typed, for records that others may read: without logins."""
    return redact(shlex.join(["envtool", *sys.argv[1:]]))


def read_file(name: str) -> Reading:
    """Return the spec that a file holds, or stdin where the name is ``-``. Raises EnvtoolError."""
    from envtool import specs
    from envtool.files import input_text, read_input

    path = Path(name)
    text = input_text(sys.stdin.buffer.read(), tr("What came through the pipe")) if name == "-" else read_input(path)
    if not text.strip():
        raise EnvtoolError(
            tr("{file} is empty.", file=tr("What came through the pipe") if name == "-" else path),
            hint=tr("If it comes from another command, see whether that one failed."),
            code=ExitCode.BAD_INPUT,
        )
    if name == "-":
        return specs.read(text, base=Path.cwd())
    return specs.read(text, path.name, base=path.absolute().parent)


def together(words: Spec, files: list[Spec]) -> Spec:
    """Return one spec that asks for everything that the command line and the files ask for."""
    every = [words, *files]
    return Spec(
        name=next((spec.name for spec in every if spec.name), ""),
        channels=tuple(dict.fromkeys(channel for spec in every for channel in spec.channels)),
        conda=tuple(item for spec in every for item in spec.conda),
        pip=tuple(item for spec in every for item in spec.pip),
        variables={name: value for spec in every for name, value in spec.variables.items()},
        explicit=tuple(item for spec in every for item in spec.explicit),
    )
