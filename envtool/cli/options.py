"""Options and arguments that several commands take."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli import completion
from envtool.cli.formatting import either

Environment = Annotated[
    str, typer.Argument(metavar="[NAME]", help="Name or path of the environment.", show_default=False)
]
EnvironmentOrActive = Annotated[
    str, typer.Argument(metavar="[NAME]", help="Name or path of the environment. Default: the active one.")
]
NewEnvironment = Annotated[
    str, typer.Argument(metavar="[NAME]", help="Name of the new environment.", show_default=False)
]
Destination = Annotated[
    str, typer.Argument(metavar="NEW", help="New name, or new path (with a / in it).", show_default=False)
]
Name = Annotated[
    str, typer.Option("--name", "-n", metavar="NAME", help="Name of the environment. Default: the active one.")
]
Prefix = Annotated[Path | None, typer.Option("--prefix", "-p", metavar="PATH", help="Path of the environment.")]
ByName = Annotated[str, typer.Option("--name", "-n", metavar="NAME", help="Name of the environment.")]

Python = Annotated[str, typer.Option("--python", metavar="VERSION", help="Version of Python, such as 3.12.")]
Engine = Annotated[
    str,
    typer.Option(
        "--engine", metavar="ENGINE", help=f"{either(completion.engines())}.", autocompletion=completion.engines
    ),
]
Pip = Annotated[list[str], typer.Option("--pip", metavar="SPEC", help="pip package. May be repeated.")]
FILE_HELP = (
    "Packages listed in a file: environment.yml, requirements.txt, an explicit list, or the output of"
    " `conda list -e`; - reads stdin."
)
File = Annotated[list[str], typer.Option("--file", "-f", metavar="FILE", help=FILE_HELP)]

Channel = Annotated[
    list[str],
    typer.Option(
        "--channel", "-c", metavar="CHANNEL", help="Conda channel to search first: a name or a URL. May be repeated."
    ),
]
OverrideChannels = Annotated[bool, typer.Option("--override-channels", help="Search only the channels given with -c.")]
Index = Annotated[
    str,
    typer.Option(
        "--index-url",
        "-i",
        metavar="NAME|URL",
        help="Source to use this once: a mirror's name, a conda channel's address, or an index of pip packages.",
    ),
]
ExtraIndex = Annotated[
    list[str], typer.Option("--extra-index-url", metavar="URL", help="Additional index of pip packages.")
]
FindLinks = Annotated[
    list[str], typer.Option("--find-links", metavar="PLACE", help="Additional folder or page with wheels.")
]
AcceptTos = Annotated[bool, typer.Option("--accept-tos", help="Accept the terms of service of conda's channels.")]
NoLinkScripts = Annotated[
    bool,
    typer.Option("--no-link-scripts", help="Do not run the scripts that conda packages bring (post-link, pre-unlink)."),
]

Force = Annotated[bool, typer.Option("--force", help="Let pip overwrite files that conda installed.")]
OverrideFrozen = Annotated[bool, typer.Option("--override-frozen", help="Do it even if the environment is frozen.")]
Offline = Annotated[bool, typer.Option("--offline", help="Use only what is in the caches.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done without doing it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]

ACCEPTS_YES = {("--yes", "-y"): "Accepted: this command never asks."}
"""``ACCEPTS`` of a command that changes something without a question, so that scripts can pass --yes to every one."""


def command_line() -> str:
    """Return the command line of this process without the logins in it, for records that others may read."""
    import shlex

    from envtool.redaction import redact

    return redact(shlex.join(["envtool", *sys.argv[1:]]))
