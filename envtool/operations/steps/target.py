"""Which environment a command is about: the one it names, else the active one."""

from pathlib import Path

from envtool.environments import find
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context


def named(context: Context, name_or_path: str) -> Environment:
    """Return the environment of a name, or at a path. Raises EnvtoolError where there is none."""
    return find.resolve(context.host, context.folders, name_or_path)


def target(context: Context, name: str = "", prefix: Path | None = None) -> Environment:
    """Return the environment that -n, -p or the shell means. Raises EnvtoolError where none is."""
    if name and prefix is not None:
        raise EnvtoolError(
            tr("-n {name} and -p {prefix} were given, and one environment is wanted.", name=name, prefix=prefix),
            hint=tr("Leave one of them out."),
            code=ExitCode.USAGE,
        )
    if prefix is not None:
        return named(context, str(prefix.expanduser().absolute()))
    if name:
        return named(context, name)
    if environment := context.active:
        return environment
    raise EnvtoolError(
        tr("No environment is active, and none was named."),
        hint=tr("Name one; `envtool list` shows which there are."),
        code=ExitCode.USAGE,
    )
