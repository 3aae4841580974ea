"""``envtool shell``: open a shell in an environment."""

from envtool.cli.options import EnvironmentOrActive
from envtool.cli.output import out


def command(name: EnvironmentOrActive = "") -> None:
    """`exit` leaves it. The exit code is that of the shell."""
    from envtool.operations.context import Context
    from envtool.operations.shell import shell
    from envtool.operations.steps.target import target

    context = Context.here(out)
    shell(context, target(context, name))
