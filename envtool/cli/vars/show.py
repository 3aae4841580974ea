"""``envtool vars``: the variables stored in an environment."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from envtool.cli.parser import app
from envtool.cli.options import Json, Name, Prefix
from envtool.cli.output import out
from envtool.i18n import tr


class _ShowsByDefault(TyperGroup):
    """`envtool vars dl` is `envtool vars show dl`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


group = typer.Typer(cls=_ShowsByDefault, help="Show, set and unset the variables that an environment sets.")
app.add_typer(group, name="vars")


@group.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="The environment: its name or its path. Default: the active one.")
    ] = "",
    reveal: Annotated[bool, typer.Option("--show", help="Show values that look like secrets, too.")] = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Show the variables that an environment sets while it is active. `envtool vars NAME` does the same."""
    from envtool.operations import vars as operation
    from envtool.operations.steps.target import target
    from envtool.paths import Host

    environment = target(Host.here(), name, None)
    shown = operation.shown(environment, show=reveal)
    lines = "".join(f"{variable}={value}\n" for variable, value in shown.items())
    if not shown:
        out.note(tr("{name} sets no variables.", name=environment.name or environment.prefix))
    out.result({"name": environment.name, "path": str(environment.prefix), "variables": shown}, lines)


@group.command("set")
def set_(
    assignments: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="What to set.")],
    name: Name = "",
    prefix: Prefix = None,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Store variables in an environment, where conda keeps them: `envtool run`, `shell` and conda set them."""
    from envtool.operations import vars as operation
    from envtool.operations.steps.target import target
    from envtool.paths import Host

    environment = target(Host.here(), name, prefix)
    operation.set_variables(environment, operation.parse(assignments), "vars set", out)
    _done(environment.name, str(environment.prefix))


@group.command()
def unset(
    variables: Annotated[list[str], typer.Argument(metavar="NAME...", help="What to unset.")],
    name: Name = "",
    prefix: Prefix = None,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Remove variables from an environment; one that a package brings is hidden."""
    from envtool.operations import vars as operation
    from envtool.operations.steps.target import target
    from envtool.paths import Host

    environment = target(Host.here(), name, prefix)
    operation.unset_variables(environment, variables, "vars unset", out)
    _done(environment.name, str(environment.prefix))


def _done(name: str, prefix: str) -> None:
    out.note(
        tr("Stored. A shell that has {name} active already sees it when it activates it again.", name=name or prefix)
    )
    out.result({"name": name, "path": prefix})
