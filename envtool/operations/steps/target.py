"""The environment that a command is about: the one it names, else the active one."""

from collections.abc import Sequence
from pathlib import Path

from envtool.environment import Environment
from envtool.environments import find
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context


def target(
    context: Context,
    name: str = "",
    prefix: Path | None = None,
    *,
    words: Sequence[str] = (),
    hint: str = "",
    code: ExitCode = ExitCode.USAGE,
) -> Environment:
    """Return the environment that -n, -p or the user's shell names.

    ``words`` are the other words of the command, of which the first may have been meant as the name. Raises
    EnvtoolError: MISSING where it does not exist; where none is named and none is active, with ``hint`` and ``code``
    where the command has its own.
    """
    if which := only_one(name, prefix=prefix):
        return named(context, which)
    if context.active and (environment := context.folders.at(context.active)):
        return find.readable(environment)
    raise EnvtoolError(
        tr("No environment is active, and none was named."),
        hint=_meant(context, words) or hint or tr("Name one with -n NAME; `envtool list` shows all environments."),
        code=code,
    )


def _meant(context: Context, words: Sequence[str]) -> str:
    """Return the hint for a command whose first word is the name of an environment, else ``""``."""
    name = words[0] if words else ""
    if not name or not any(context.folders.at(prefix) for prefix in context.folders.of_name(name)):
        return ""
    return tr("{name} is an environment: write -n {name}.", name=name)


def only_one(*names: str, prefix: Path | None = None) -> str:
    """Return the one environment that is named, as a name or a path; ``""`` where none is.

    Raises EnvtoolError (USAGE) where several are.
    """
    by_path = "" if prefix is None else str(prefix.expanduser().absolute())
    given = [word for word in (*names, by_path) if word]
    if len(given) > 1:
        raise EnvtoolError(
            tr("Several environments were given: {names}.", names=", ".join(given)),
            hint=tr("Name one of them."),
            code=ExitCode.USAGE,
        )
    return given[0] if given else ""


def named(context: Context, name_or_path: str) -> Environment:
    """Return the environment of a name, or at a path. Raises EnvtoolError (MISSING) where there is none."""
    return find.resolve(context.host, context.folders, name_or_path)


def is_active(context: Context, environment: Environment) -> bool:
    """Return whether an environment is the one that is active in the user's shell, by whatever path it goes there."""
    active = context.active
    return active is not None and (
        active == environment.prefix or (environment.prefix.exists() and active.samefile(environment.prefix))
    )
