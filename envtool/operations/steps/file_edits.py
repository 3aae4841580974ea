"""Edits of people's settings files: carried out whole or not at all, shown as a diff, and taken back.

The journal keeps them under a purpose, the command that made them, so that each command can take back its own.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from envtool import journal
from envtool.encoding import decode_with_form
from envtool.model import FileEdit, Plan
from envtool.operations.context import Context
from envtool.paths import Host
from envtool.redaction import redact

Purpose = Literal["mirror", "channel"]
AnyPurpose = Literal["", "mirror", "channel"]


def carry_out(host: Host, purpose: Purpose, plan: Plan) -> None:
    """Write the planned files, all or none, so that :func:`undo` can take them back."""
    if plan.edits:
        journal.apply(host, purpose, plan.title, plan.edits)


def settle(context: Context) -> None:
    """Revert what an interrupted command left half-written, and warn of it."""
    for reverted in journal.recover(context.host):
        context.reporter.warn(reverted)


def undo(
    host: Host,
    purpose: AnyPurpose,
    confirm: Callable[[journal.Entry, tuple[FileEdit, ...]], bool] = lambda *_: True,
) -> tuple[journal.Entry, tuple[FileEdit, ...]] | None:
    """Take the newest edits of a purpose (``""``: of any) back, byte for byte, where ``confirm`` says yes to them.

    Returns them, taken back or not; None where there are none. Raises EnvtoolError with a diff where a file was changed
    since.
    """
    entry = journal.last(host, purpose)
    if entry is None:
        return None
    edits = journal.preview(host, purpose)
    if confirm(entry, edits):
        journal.undo(host, purpose, expected=entry)
    return entry, edits


def diff(edits: Sequence[FileEdit]) -> str:
    """Return edits as a unified diff, without logins."""
    import difflib

    lines: list[str] = []
    for edit in edits:
        before, after = (_lines(data) for data in (edit.before, edit.after))
        old, new = (str(edit.path) if data is not None else "/dev/null" for data in (edit.before, edit.after))
        lines += difflib.unified_diff(before, after, old, new, lineterm="")
    return "\n".join(lines)


def _lines(data: bytes | None) -> list[str]:
    return redact(decode_with_form(data or b"", any_bytes=True)[0]).splitlines()
