"""``envtool mirror remove``: remove a mirror of the user's own from the list."""

from typing import Annotated

import typer

from envtool.cli import completion
from envtool.cli.file_changes import written
from envtool.cli.options import ACCEPTS_YES, DryRun
from envtool.cli.output import Result, out
from envtool.operations.context import Context

ACCEPTS = ACCEPTS_YES


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A mirror of your own.", autocompletion=completion.own_mirrors)
    ],
    dry_run: DryRun = False,
) -> Result:
    """Settings that use it are left alone."""
    from envtool.operations.mirror import own

    context = Context.here(out)
    return written(context.host, "mirror", own.plan_remove(context, name).plan, dry_run=dry_run)
