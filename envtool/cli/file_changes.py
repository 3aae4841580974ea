"""Results of changes to settings files: what was written, or with --dry-run would be, as a diff."""

from typing import TYPE_CHECKING, Any

from envtool.cli.output import Result
from envtool.i18n import tr
from envtool.paths import Host

if TYPE_CHECKING:
    from envtool.model import Plan
    from envtool.operations.steps.file_edits import Purpose


def written(host: Host, purpose: "Purpose", plan: "Plan", *, dry_run: bool, undo: str = "") -> Result:
    """Write the planned files, unless it is a dry run, and return the result; ``undo`` is a command that it names."""
    from envtool.operations.steps import file_edits

    text = file_edits.diff(plan.edits)
    data: dict[str, Any] = {"title": plan.title, "files": [str(edit.path) for edit in plan.edits], "diff": text}
    if dry_run or not plan.edits:
        return Result(data, text or tr("Nothing to change."))
    file_edits.carry_out(host, purpose, plan)
    lines = [tr("wrote {path}", path=edit.path) for edit in plan.edits]
    return Result(data, "\n".join((*lines, tr("To undo this: {command}", command=undo)) if undo else lines))
