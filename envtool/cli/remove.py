"""``envtool remove``: remove an environment."""

from typing import TYPE_CHECKING

from envtool.cli.options import Environment, Yes, command_line
from envtool.cli.output import Result, out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.operations.remove import RemovePlan


def command(name: Environment, yes: Yes = False) -> Result:
    """Files in it that are not part of an environment are listed before you are asked."""
    from envtool.operations import remove as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.target import named

    context = Context.here(out)
    request = operation.RemoveRequest(named(context, name), command_line())
    removed = operation.remove(context, request, lambda plan: _confirm(plan, yes=yes))
    out.note(tr("Removed {prefix}.", prefix=removed.environment.prefix))
    return Result(removed.as_dict())


def _confirm(plan: "RemovePlan", *, yes: bool) -> bool:
    prefix = plan.environment.prefix
    for path in plan.own_files:
        out.warn(tr("{path} does not look like part of an environment, and will be removed, too.", path=path))
    if not yes and not out.can_ask:
        raise EnvtoolError(
            tr("Removing {prefix} needs confirmation.", prefix=prefix),
            hint=tr("Add --yes: there is no terminal to ask on."),
            code=ExitCode.USAGE,
        )
    return out.confirm(tr("Remove {prefix} and everything in it?", prefix=prefix), yes=yes)
