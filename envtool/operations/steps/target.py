"""The environment that a command is about: the one it names, else the active one."""

from pathlib import Path

from envtool.environment import Environment
from envtool.environments import find
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context


def target(
    context: Context, name: str = "", prefix: Path | None = None, *, hint: str = "", code: ExitCode = ExitCode.USAGE
) -> Environment:
    """Return the environment that -n, -p or the user's shell names.

    Raises EnvtoolError: MISSING where it does not exist; where none is named and none is active, with ``hint`` and
    ``code`` where the command has its own.
    """
    if name and prefix is not None:
        raise EnvtoolError(
            tr("Both -n {name} and -p {prefix} were given.", name=name, prefix=prefix),
            hint=tr("Leave one of them out."),
            code=ExitCode.USAGE,
        )
    if prefix is not None:
        return named(context, str(prefix.expanduser().absolute()))
    if name:
        return named(context, name)
    if context.active and (environment := context.folders.at(context.active)):
        return find.readable(environment)
    raise EnvtoolError(
        tr("No environment is active, and none was named."),
        hint=hint or tr("Name one; `envtool list` shows which there are."),
        code=code,
    )


def named(context: Context, name_or_path: str) -> Environment:
    """Return the environment of a name, or at a path. Raises EnvtoolError (MISSING) where there is none."""
    return find.resolve(context.host, context.folders, name_or_path)


def is_active(context: Context, environment: Environment) -> bool:
    """Return whether an environment is the one that is active in the user's shell, by whatever path it goes there."""
    active = context.active
    return active is not None and (
        active == environment.prefix or (environment.prefix.exists() and active.samefile(environment.prefix))
    )
