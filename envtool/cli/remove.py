"""``envtool remove``: remove an environment."""

from typing import TYPE_CHECKING

from envtool.cli.options import Environment, Yes
from envtool.cli.output import Result, out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.operations.remove import Removal


def command(name: Environment, yes: Yes = False) -> Result:
    """Files in it that are not part of an environment are listed before you are asked."""
    from envtool.operations import remove as operation
    from envtool.operations.context import Context

    context = Context.here(out)
    removal = operation.look(context, name)
    operation.remove(context, removal, lambda removal: _confirm(removal, yes=yes))
    environment = removal.environment
    out.note(tr("Removed {prefix}.", prefix=environment.prefix))
    return Result({"prefix": str(environment.prefix), "name": environment.name})


def _confirm(removal: "Removal", *, yes: bool) -> bool:
    prefix = removal.environment.prefix
    for path in removal.own_files:
        out.warn(tr("{path} does not look like part of an environment, and will be removed, too.", path=path))
    if not yes and not out.can_ask:
        raise EnvtoolError(
            tr("Removing {prefix} needs confirmation.", prefix=prefix),
            hint=tr("Add --yes: there is no terminal to ask on."),
            code=ExitCode.USAGE,
        )
    return out.confirm(tr("Remove {prefix} and everything in it?", prefix=prefix), yes=yes)
