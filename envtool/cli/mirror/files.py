"""The result of a switch of mirrors."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from envtool.cli.file_changes import written
from envtool.cli.output import Result, out
from envtool.errors import ExitCode
from envtool.i18n import tr
from envtool.paths import Host

if TYPE_CHECKING:
    from envtool.operations.mirror.switch import Switch


def confirmation(*, yes: bool, dry_run: bool) -> Callable[[tuple[str, ...]], bool]:
    """Return a function that says whether entries are to be replaced: by --yes, or by a question."""

    def confirm(entries: tuple[str, ...]) -> bool:
        return yes or (not dry_run and _asked(entries))

    return confirm


def _asked(entries: tuple[str, ...]) -> bool:
    if out.can_ask:
        for entry in entries:
            out.note(tr("obsolete: {entry}", entry=entry))
    return out.confirm(tr("Replace these, too?"), yes=False)


def switch_result(host: Host, switch: "Switch", *, dry_run: bool, code: ExitCode = ExitCode.OK) -> Result:
    """Carry out a switch, unless it is a dry run, and return the result.

    ``code`` is that of a switch that leaves everything as it is although something was asked for.
    """
    for note in switch.notes:
        out.note(note)
    for refusal in switch.refused:
        out.warn(tr("{client} was left as it is: {reason}", client=refusal.client, reason=refusal.message))
        if refusal.hint:
            out.note(refusal.hint)
    result = written(host, "mirror", switch.plan, dry_run=dry_run, undo="envtool mirror undo")
    data = {
        **result.data,
        "remarks": switch.notes,
        "stale": switch.stale,
        "offered": switch.offered,
        "refused": [{"client": refusal.client, "message": refusal.message} for refusal in switch.refused],
        "written": not dry_run and bool(switch.plan.edits),
    }
    refused = switch.refused[0].code if switch.refused else ExitCode.OK
    if switch.plan.edits or ExitCode.OK == code == refused:
        return result._replace(data=data, code=refused)
    return result._replace(data=data, text=tr("Nothing was changed."), code=refused or code)
