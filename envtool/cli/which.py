"""The environment that a command line names: by its first argument, with -n, or with -p."""

from pathlib import Path

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr


def chosen(argument: str, name: str, prefix: Path | None) -> str:
    """Return the environment that is named, as a name or a path; ``""`` where none is.

    Raises EnvtoolError (USAGE) where more than one is.
    """
    from envtool.operations.steps.target import only_one

    return only_one(argument, name, prefix=prefix)


def required(argument: str, name: str, prefix: Path | None) -> str:
    """Return the environment that is named, as :func:`chosen`. Raises EnvtoolError (USAGE) where none is, too."""
    if found := chosen(argument, name, prefix):
        return found
    raise EnvtoolError(
        tr("No environment was named."),
        hint=tr("Give its name or path; `envtool list` shows which there are."),
        code=ExitCode.USAGE,
    )


def source_and_destination(first: str, second: str, name: str, prefix: Path | None) -> tuple[str, str]:
    """Return what is named as the source and as the destination: two arguments, or one beside -n or -p.

    Raises EnvtoolError (USAGE) where one of them is missing, or the source is given twice.
    """
    if not second:
        first, second = "", first
    source = chosen(first, name, prefix)
    if source and second:
        return source, second
    raise EnvtoolError(
        tr("Two environments are needed: an existing one and a new one."),
        hint=tr("For example: envtool rename dl paper, envtool clone dl paper"),
        code=ExitCode.USAGE,
    )
