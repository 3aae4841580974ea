"""``envtool resume``: an interrupted command, prepared to be run again."""

import shlex
from collections.abc import Sequence
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


@dataclass(frozen=True)
class Again:
    """The envtool command that finishes what was interrupted: its arguments, and the folder to run it in."""

    argv: tuple[str, ...]
    folder: Path


def resume(context: Context, environment: Environment) -> Again | None:
    """Go back to where an interrupted command began, and return the command to run again; None if all is done.

    What it had downloaded is in the caches. Raises EnvtoolError where nothing was interrupted, or where the record of
    the command is not enough to repeat it.
    """
    if finish_rename(environment.prefix):
        return None
    command, folder = interrupted_command(environment.prefix)
    program, *argv = shlex.split(command) or [""]
    if program != "envtool":
        raise nothing_interrupted(environment)
    if reason := _obstacle(argv, folder):
        raise EnvtoolError(
            tr("The interrupted command cannot be repeated from its record: {reason}.", reason=reason),
            hint=tr("Run it again yourself: {command}", command=command),
        )
    if can_go_back(environment.prefix):
        rollback(context, environment)
    return Again(tuple(argv), folder)


def _obstacle(argv: Sequence[str], folder: Path) -> str:
    """Return what keeps a command from being repeated, or ``""``."""
    if any(MASK in word for word in argv):
        return tr("a password in it was left out")
    if "-" in argv:
        return tr("part of its input came through a pipe")
    if not folder.is_dir():
        return tr("the folder {folder}, in which it was run, no longer exists", folder=folder)
    return ""
