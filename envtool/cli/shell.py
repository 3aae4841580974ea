"""``envtool shell``: open a shell in an environment."""

from envtool.cli.options import EnvironmentOrActive, Name, Prefix
from envtool.cli.output import out
from envtool.cli.which import chosen


def command(name: EnvironmentOrActive = "", option: Name = "", prefix: Prefix = None) -> None:
    """`exit` leaves it. The exit code is that of the shell."""
    from envtool.operations.context import Context
    from envtool.operations.shell import shell
    from envtool.operations.steps.target import target

    context = Context.here(out)
    shell(context, target(context, chosen(name, option, prefix)))
