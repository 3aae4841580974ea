"""``envtool self uninstall``: remove envtool itself."""

from typing import TYPE_CHECKING

from envtool.cli.options import DryRun, Yes
from envtool.cli.output import Result, out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.operations.installation.uninstall import UninstallPlan


def command(dry_run: DryRun = False, yes: Yes = False) -> Result:
    """What goes and what stays is shown before you are asked. Environments, settings and caches stay."""
    from envtool.operations.context import Context
    from envtool.operations.installation.uninstall import plan, uninstall

    context = Context.here(out)
    if dry_run:
        planned = plan(context)
        _show(planned)
        return Result(planned.as_dict())
    removed = uninstall(context, lambda planned: _confirm(planned, yes=yes))
    out.note(tr("envtool is removed."))
    return Result(removed.as_dict())


def _confirm(planned: "UninstallPlan", *, yes: bool) -> bool:
    _show(planned)
    if not yes and not out.can_ask:
        raise EnvtoolError(
            tr("Removing envtool needs confirmation."),
            hint=tr("Add --yes: there is no terminal to ask on."),
            code=ExitCode.USAGE,
        )
    return out.confirm(tr("Remove envtool?"), yes=yes)


def _show(planned: "UninstallPlan") -> None:
    for path in planned.goes:
        out.note(tr("Goes: {path}", path=path))
    for path, line in planned.lines.items():
        out.note(tr("Goes: the line {line} in {path}", line=line, path=path))
    for path in planned.stays:
        out.note(tr("Stays: {path}", path=path))
    out.note(tr("Environments stay. To remove one, run `envtool remove NAME` before."))
