"""``envtool run``: one command inside an environment."""

from typing import Annotated

import typer

from envtool.cli.parser import app
from envtool.cli.options import Name, Prefix


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="The command and its arguments, after --.")
    ],
    name: Name = "",
    prefix: Prefix = None,
) -> None:
    """Run a command inside an environment; its exit code is ours.

    [bold]envtool run -n dl -- python train.py --epochs 3[/bold]
    """
    from envtool.operations import run as operation
    from envtool.operations.steps.target import target
    from envtool.paths import Host

    operation.run(target(Host.here(), name, prefix), command)
