"""``envtool vars show``, or ``envtool vars``."""

from typing import Annotated

import typer

from envtool.cli.options import EnvironmentOrActive, Name, Prefix
from envtool.cli.output import Result, out
from envtool.cli.which import chosen
from envtool.i18n import tr


def command(
    name: EnvironmentOrActive = "",
    option: Name = "",
    prefix: Prefix = None,
    reveal: Annotated[bool, typer.Option("--show", help="Show the values of secret variables, too.")] = False,
) -> Result:
    """`envtool vars NAME` does the same."""
    from envtool.operations.context import Context
    from envtool.operations.steps.target import target
    from envtool.operations.steps.variables import shown_variables

    environment = target(Context.here(out), chosen(name, option, prefix))
    shown = shown_variables(environment, reveal=reveal)
    if not shown:
        out.note(tr("{name} sets no variables.", name=environment.title))
    lines = "".join(f"{variable}={value}\n" for variable, value in shown.items())
    return Result({"name": environment.name, "path": str(environment.prefix), "variables": shown}, lines)
