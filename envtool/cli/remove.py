"""``envtool remove``: an environment thrown away."""

from typing import Annotated

import typer

from envtool.cli.parser import app
from envtool.cli.options import Json, Yes
from envtool.cli.output import out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.remove import Removal


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The environment: its name or its path.")],
    yes: Yes = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Remove an environment and everything in it, showing first what goes."""
    from envtool.operations import remove as operation
    from envtool.paths import Host

    host = Host.here()
    removal = operation.look(host, name)
    operation.remove(host, removal, out, lambda removal: _agreed(removal, yes=yes))
    out.note(tr("Removed {prefix}.", prefix=removal.environment.prefix))
    out.result({"prefix": str(removal.environment.prefix), "name": removal.environment.name})


def _agreed(removal: Removal, *, yes: bool) -> bool:
    for path in removal.own_files:
        out.warn(tr("{path} does not look like part of an environment; it goes, too.", path=path))
    if not yes and not out.can_ask:
        raise EnvtoolError(
            tr("Removing {prefix} needs a yes, and there is nobody to ask.", prefix=removal.environment.prefix),
            hint=tr("Add --yes."),
            code=ExitCode.USAGE,
        )
    return out.confirm(tr("Remove {prefix} and everything in it?", prefix=removal.environment.prefix), yes=yes)
