"""Results of changes to files: what was written, or with --dry-run would be, as a diff."""

from typing import TYPE_CHECKING

from envtool.cli.output import Result, out
from envtool.i18n import tr
from envtool.paths import Host

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envtool.model import FileEdit
    from envtool.operations.mirror.switch import Switch


def switch_result(host: Host, switch: "Switch", *, dry_run: bool) -> Result:
    """Carry out a switch, unless it is a dry run, and return the result."""
    from envtool.operations.mirror import switch as operation

    for note in switch.notes:
        out.note(note)
    edits = switch.plan.edits
    text = operation.diff(edits)
    data = {
        "title": switch.plan.title,
        "files": [str(edit.path) for edit in edits],
        "remarks": switch.notes,
        "stale": switch.stale,
        "diff": text,
        "written": not dry_run,
    }
    if dry_run:
        return Result(data, text or tr("Nothing to change."))
    operation.carry_out(host, switch)
    undo = (tr("To undo this: envtool mirror undo"),) if edits else ()
    return Result(data, "\n".join((*_written(edits), *undo)) or tr("Nothing to change."))


def own_mirrors_result(host: Host, change: "Switch", *, dry_run: bool) -> Result:
    """Write the list of the user's own mirrors, unless it is a dry run, and return the result."""
    from envtool.operations.mirror import switch as operation

    edits = change.plan.edits
    text = operation.diff(edits)
    data = {"title": change.plan.title, "files": [str(edit.path) for edit in edits], "diff": text}
    if dry_run:
        return Result(data, text)
    operation.carry_out(host, change)
    return Result(data, "\n".join(_written(edits)) or tr("Nothing to change."))


def _written(edits: "Sequence[FileEdit]") -> list[str]:
    return [tr("wrote {path}", path=edit.path) for edit in edits]
