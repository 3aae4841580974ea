"""``envtool rename``: give an environment another name or another place."""

from typing import Annotated

import typer

from envtool.cli.options import ACCEPTS_YES, ByName, Destination, DryRun, OverrideFrozen, Prefix, command_line
from envtool.cli.output import Result, out
from envtool.cli.which import source_and_destination
from envtool.i18n import tr

ACCEPTS = ACCEPTS_YES


def command(
    source: Annotated[str, typer.Argument(metavar="OLD", help="Name or path of the environment.")],
    destination: Destination = "",
    option: ByName = "",
    prefix: Prefix = None,
    override_frozen: OverrideFrozen = False,
    dry_run: DryRun = False,
) -> Result:
    """`envtool rename -n OLD NEW` does the same."""
    from envtool.operations import rename as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.location import destination as where
    from envtool.operations.steps.target import named

    context = Context.here(out)
    old, new = source_and_destination(source, destination, option, prefix)
    request = operation.RenameRequest(named(context, old), where(new), command_line(), override_frozen=override_frozen)
    if dry_run:
        planned = operation.plan(context, request)
        there = planned.environment.prefix
        out.note(tr("Would rename {source} to {prefix}.", source=request.source.title, prefix=there))
        return Result(planned.as_dict())
    renamed = operation.rename(context, request)
    there = renamed.plan.environment.prefix
    out.note(tr("Renamed {source} to {prefix}.", source=request.source.title, prefix=there))
    return Result(renamed.as_dict())
