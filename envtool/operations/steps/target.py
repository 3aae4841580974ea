"""Which environment a command is about: the one it names, else the active one."""

from pathlib import Path

from envtool.environments import find
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.paths import Host


def target(host: Host, name: str = "", prefix: Path | None = None) -> Environment:
    """Return the environment that -n, -p or the shell means. Raises EnvtoolError where none is."""
    if name and prefix is not None:
        raise EnvtoolError(
            tr("-n {name} and -p {prefix} were given, and one environment is wanted.", name=name, prefix=prefix),
            hint=tr("Leave one of them out."),
            code=ExitCode.USAGE,
        )
    if prefix is not None:
        return find.resolve(host, str(prefix.expanduser().absolute()))
    if name:
        return find.resolve(host, name)
    if environment := find.active(host):
        return environment
    raise EnvtoolError(
        tr("No environment is active, and none was named."),
        hint=tr("Name one; `envtool list` shows which there are."),
        code=ExitCode.USAGE,
    )
