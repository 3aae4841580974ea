"""``envtool shell``: a shell inside an environment."""

from typing import Annotated

import typer

from envtool.cli.parser import app
from envtool.cli.output import out


@app.command()
def shell(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="The environment: its name or its path. Default: the active one.")
    ] = "",
) -> None:
    """Open a shell inside an environment; `exit` leaves it, and its exit code is ours."""
    from envtool.operations import shell as operation
    from envtool.operations.steps.target import target
    from envtool.paths import Host

    host = Host.here()
    operation.shell(host, target(host, name, None), out)
