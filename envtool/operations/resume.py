"""``envtool resume``: an interrupted command, prepared to be run again."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.rollback import nothing_interrupted, rollback
from envtool.operations.steps.guards import can_go_back
from envtool.operations.steps.prefix_lock import finish_rename
from envtool.prefix.marks import interrupted_command
from envtool.redaction import MASK

Retarget = Callable[[Sequence[str], Environment, Path], "tuple[str, ...] | None"]
"""Return the arguments of a command, typed in a folder, with an environment named as the one to create or change; None
where it names another one, or does something else."""


@dataclass(frozen=True)
class Again:
    """The envtool command that finishes what was interrupted: its arguments, and the folder to run it in."""

    argv: tuple[str, ...]
    folder: Path


def resume(context: Context, environment: Environment, retarget: Retarget) -> Again | None:
    """Go back to where an interrupted command began, and return the command to run again; None if all is done.

    What it had downloaded is in the caches. Raises EnvtoolError where nothing was interrupted, where the record of the
    command is not enough to repeat it, and where that command is about anything but this environment.
    """
    if finish_rename(environment.prefix):
        return None
    command, folder = interrupted_command(environment.prefix)
    if not command:
        raise nothing_interrupted(environment)
    argv = _words(command)
    again = retarget(argv, environment, folder)
    if again is None:
        raise EnvtoolError(
            tr(
                "{name} is unfinished, and its record names no command that creates or changes it: {command}",
                name=environment.title,
                command=command,
            ),
            hint=tr("Nothing was run. Remove the environment, or go back with `envtool rollback` if that is possible."),
        )
    if obstacle := _obstacle(argv, folder):
        raise EnvtoolError(
            obstacle,
            hint=tr("Run it again yourself: {command}", command=command),
        )
    if can_go_back(environment.prefix):
        rollback(context, environment)
    return Again(again, folder)


def _words(command: str) -> list[str]:
    """Return the arguments of a recorded envtool command; none of anything else."""
    try:
        program, *argv = shlex.split(command) or [""]
    except ValueError:
        return []
    return argv if program == "envtool" else []


def _obstacle(argv: Sequence[str], folder: Path) -> str:
    """Return why a command cannot be repeated from its record, or ``""``."""
    if any(MASK in word for word in argv):
        return tr("The interrupted command cannot be repeated: its record leaves out a password.")
    if "-" in argv:
        return tr("The interrupted command cannot be repeated: part of its input came through a pipe.")
    if not folder.is_dir():
        return tr(
            "The interrupted command cannot be repeated: the folder {folder}, where it ran, no longer exists.",
            folder=folder,
        )
    return ""
