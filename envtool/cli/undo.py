"""``envtool undo``: undo the last change of settings files."""

from typing import TYPE_CHECKING

from envtool.cli.file_changes import undone
from envtool.cli.formatting import moment
from envtool.cli.options import DryRun, Yes
from envtool.cli.output import Result, out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context

if TYPE_CHECKING:
    from envtool.journal import Entry
    from envtool.model import FileEdit


def command(dry_run: DryRun = False, yes: Yes = False) -> Result:
    """The files get their former contents, byte for byte; files that the change created are removed.

    The change is shown, and you are asked. To undo a change of an environment: envtool rollback.
    """
    from envtool.operations.steps import file_edits
    from envtool.operations.steps.confirmation import require_confirmation

    context = Context.here(out)
    file_edits.settle(context)

    def confirm(entry: "Entry", edits: "tuple[FileEdit, ...]") -> bool:
        if dry_run or yes:
            return yes and not dry_run
        if not out.can_ask:
            raise EnvtoolError(
                tr("Undoing `{title}` needs confirmation.", title=entry.title),
                hint=tr("Add --yes: there is no terminal to ask on. --dry-run shows the change."),
                code=ExitCode.USAGE,
            )
        out.note(file_edits.diff(edits))
        when = moment(entry.when)
        answer = out.confirm(tr("Undo `envtool {title}` of {when}?", title=entry.title, when=when), yes=False)
        require_confirmation(answer, tr("Cancelled: nothing was undone."))
        return answer

    return undone(context.host, "", confirm)
