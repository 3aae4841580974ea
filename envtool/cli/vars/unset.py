"""``envtool vars unset``: remove variables from an environment."""

from typing import Annotated

import typer

from envtool.cli.options import ACCEPTS_YES, Name, OverrideFrozen, Prefix
from envtool.cli.output import Result, out
from envtool.cli.vars.stored import stored

ACCEPTS = ACCEPTS_YES


def command(
    variables: Annotated[list[str], typer.Argument(metavar="NAME...", help="Variables to remove.")],
    name: Name = "",
    prefix: Prefix = None,
    override_frozen: OverrideFrozen = False,
) -> Result:
    """A variable that a package sets is hidden."""
    from envtool.operations import vars as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.target import target

    context = Context.here(out)
    environment = target(context, name, prefix)
    operation.unset_variables(context, environment, variables, "vars unset", override_frozen=override_frozen)
    return stored(environment)
