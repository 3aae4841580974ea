"""``envtool mirror undo``: undo the last switch."""

from typing import Any

from envtool.cli.options import ACCEPTS_YES, DryRun
from envtool.cli.output import Result, out
from envtool.i18n import tr
from envtool.operations.context import Context

ACCEPTS = ACCEPTS_YES


def command(dry_run: DryRun = False) -> Result:
    """The files get their former contents, byte for byte; files that the switch created are removed."""
    from envtool.operations.steps import file_edits

    context = Context.here(out)
    file_edits.settle(context)
    undone = file_edits.undo(context.host, "mirror", dry_run=dry_run)
    if undone is None:
        out.note(tr("Nothing to undo."))
        return Result({"undone": None, "files": []})
    entry, edits = undone
    data: dict[str, Any] = {"undone": entry.title, "files": [str(path) for path in entry.paths]}
    if dry_run:
        return Result(data, file_edits.diff(edits))
    for edit in edits:
        if edit.after is None:
            out.note(tr("removed {path}", path=edit.path))
        else:
            out.note(tr("restored {path}", path=edit.path))
    return Result(data, tr("Undone: {title}", title=entry.title))
