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
    from envtool.operations.context import Context
    from envtool.operations.rename import RenameRequest, rename
    from envtool.operations.steps.location import name_or_path
    from envtool.operations.steps.target import named

    context = Context.here(out)
    name, prefix = name_or_path(destination)
    request = RenameRequest(named(context, source), name, prefix, command_line(), dry_run)
    renamed = rename(context, request)
    old, new = renamed.source.name or renamed.source.prefix, renamed.environment.prefix
    if dry_run:
        out.note(tr("Would rename {source} to {prefix}.", source=old, prefix=new))
    else:
        out.note(tr("Renamed {source} to {prefix}.", source=old, prefix=new))
    return Result(renamed.as_dict())
