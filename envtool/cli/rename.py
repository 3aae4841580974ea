"""``envtool rename``: give an environment another name or another place."""

from typing import Annotated

import typer

from envtool.cli.options import Destination, DryRun, command_line
from envtool.cli.output import Result, out
from envtool.i18n import tr


def command(
    source: Annotated[str, typer.Argument(metavar="OLD", help="Name or path of the environment.")],
    destination: Destination,
    dry_run: DryRun = False,
) -> Result:
    from envtool.operations import rename as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.location import destination as where
    from envtool.operations.steps.target import named

    context = Context.here(out)
    request = operation.RenameRequest(named(context, source), where(destination), command_line())
    if dry_run:
        planned = operation.plan(context, request)
        new = planned.environment.prefix
        out.note(tr("Would rename {source} to {prefix}.", source=request.source.title, prefix=new))
        return Result(planned.as_dict())
    renamed = operation.rename(context, request)
    new = renamed.plan.environment.prefix
    out.note(tr("Renamed {source} to {prefix}.", source=request.source.title, prefix=new))
    return Result(renamed.as_dict())
