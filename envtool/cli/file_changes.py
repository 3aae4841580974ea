"""Results of changes to settings files: what was written, or with --dry-run would be, as a diff."""

from typing import TYPE_CHECKING, Any

from envtool.cli.output import Result, out
from envtool.i18n import tr
from envtool.paths import Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from envtool.journal import Entry
    from envtool.model import FileEdit, Plan
    from envtool.operations.steps.file_edits import AnyPurpose, Purpose


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


def undone(host: Host, purpose: "AnyPurpose", confirm: "Callable[[Entry, tuple[FileEdit, ...]], bool]") -> Result:
    """Undo the last change for a purpose where ``confirm`` says yes to it, and return the result."""
    from envtool.operations.steps import file_edits

    agreed = False

    def asked(entry: "Entry", edits: "tuple[FileEdit, ...]") -> bool:
        nonlocal agreed
        agreed = confirm(entry, edits)
        return agreed

    found = file_edits.undo(host, purpose, asked)
    if found is None:
        out.note(tr("Nothing to undo."))
        return Result({"undone": None, "files": []})
    entry, edits = found
    data: dict[str, Any] = {"undone": entry.title, "files": [str(path) for path in entry.paths]}
    if not agreed:
        return Result(data, file_edits.diff(edits))
    for edit in edits:
        if edit.after is None:
            out.note(tr("removed {path}", path=edit.path))
        else:
            out.note(tr("restored {path}", path=edit.path))
    return Result(data, tr("Undone: {title}", title=entry.title))
