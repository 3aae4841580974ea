"""``envtool mirror undo``: undo the last switch."""

from envtool.cli.file_changes import undone
from envtool.cli.options import ACCEPTS_YES, DryRun
from envtool.cli.output import Result, out
from envtool.operations.context import Context

ACCEPTS = ACCEPTS_YES


def command(dry_run: DryRun = False) -> Result:
    """The files get their former contents, byte for byte; files that the switch created are removed."""
    from envtool.operations.steps import file_edits

    context = Context.here(out)
    file_edits.settle(context)
    return undone(context.host, "mirror", lambda *_: not dry_run)
