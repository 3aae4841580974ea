"""Options that several mirror commands take."""

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli import completion
from envtool.cli.formatting import either

Target = Annotated[
    list[str],
    typer.Option(
        "--target",
        "-t",
        metavar="CLIENT",
        help=f"Only this client: {either(completion.clients())}.",
        autocompletion=completion.clients,
    ),
]
Scope = Annotated[
    str, typer.Option("--scope", metavar="SCOPE", help="Settings to change: user, env (with -n or -p), site or system.")
]
ScopeName = Annotated[
    str, typer.Option("--name", "-n", metavar="NAME", help="Change the settings of this environment, by its name.")
]
ScopePrefix = Annotated[
    Path | None,
    typer.Option("--prefix", "-p", metavar="PATH", help="Change the settings of this environment, by its path."),
]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Also take the place of indexes and channels of your own, which are in no list."),
]
