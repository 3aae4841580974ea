"""``envtool shell``: open a shell in an environment."""

from envtool.cli.options import EnvironmentOrActive
from envtool.cli.output import out


def command(name: EnvironmentOrActive = "") -> None:
    """`exit` leaves it. The exit code is that of the shell."""
    from envtool.operations.shell import shell
    from envtool.operations.steps.target import target
    from envtool.paths import Host

    host = Host.here()
    shell(host, target(host, name, None), out)
