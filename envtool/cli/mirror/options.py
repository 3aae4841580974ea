"""Options that several mirror commands take."""

from typing import Annotated

import typer

Target = Annotated[
    list[str], typer.Option("--target", "-t", metavar="CLIENT", help="Only this client: conda, pip, ... or all.")
]
Scope = Annotated[
    str, typer.Option("--scope", metavar="SCOPE", help="Settings to change: user, env (with -n or -p), site or system.")
]
