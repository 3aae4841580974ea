"""``envtool vars set``: store variables in an environment."""

from typing import Annotated

import typer

from envtool.cli.options import ACCEPTS_YES, Name, OverrideFrozen, Prefix
from envtool.cli.output import Result, out
from envtool.cli.vars.stored import stored

ACCEPTS = ACCEPTS_YES


def command(
    assignments: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="Variables to store.")],
    name: Name = "",
    prefix: Prefix = None,
    override_frozen: OverrideFrozen = False,
) -> Result:
    """They are kept where conda keeps them: `envtool run`, `envtool shell` and `conda activate` set them."""
    from envtool.operations import vars as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.target import target

    context = Context.here(out)
    environment = target(context, name, prefix)
    operation.set_variables(
        context, environment, operation.parse(assignments), "vars set", override_frozen=override_frozen
    )
    return stored(environment)
