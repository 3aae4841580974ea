"""``envtool resume`` and ``envtool rollback``: the two ways out of a change that was cut off."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps import engine_selection
from envtool.operations.steps.old_state import bring_back as bring_back_old
from envtool.operations.steps.old_state import old_state
from envtool.operations.steps.package_sources import NOTHING, gather
from envtool.operations.steps.prefix_lock import can_go_back, holding, settle
from envtool.operations.steps.transaction import bring_back
from envtool.prefix import snapshot
from envtool.prefix.marks import begun, snapshot_of, unfinished
from envtool.redaction import MASK


def rollback(context: Context, environment: Environment) -> None:
    """Bring an environment back to its state before an unfinished change. Raises EnvtoolError where there is none."""
    prefix = environment.prefix
    with holding(prefix, f"rollback {environment.name or prefix}", context.reporter) as scratch:
        if not unfinished(prefix) or not can_go_back(prefix):
            raise _nothing_to_recover(environment)
        if old_state(prefix).exists():
            choice = engine_selection.for_existing(context, environment)
            sources = gather(context, NOTHING, (), prefix)
            with engine_selection.opened(context, choice, "envtool rollback") as engine:
                bring_back_old(prefix, scratch, engine, sources, context.reporter)
            return
        try:
            bring_back(snapshot.load(prefix, snapshot_of(prefix)))
        except (OSError, ValueError) as error:
            raise EnvtoolError(
                tr(
                    "{prefix} could not be brought back from {folder}: {reason}",
                    prefix=prefix,
                    folder=snapshot_of(prefix),
                    reason=error,
                ),
                hint=tr("Nothing in that folder was deleted."),
            ) from error


@dataclass(frozen=True)
class Again:
    """What finishes something that was cut off: the arguments of an envtool command, and the folder to give it in."""

    argv: tuple[str, ...]
    folder: Path


def resume(context: Context, environment: Environment) -> Again | None:
    """Go back to where what was cut off began, and return what does it again; None if it is done.

    What it had fetched is in the caches, so that doing it again is quick. Raises EnvtoolError where nothing was cut
    off, or where what is written down is not enough to do it again.
    """
    if settle(environment.prefix):
        return None
    command, folder = begun(environment.prefix)
    program, *argv = shlex.split(command) or [""]
    if program != "envtool":
        raise _nothing_to_recover(environment)
    if missing := _missing(argv, folder):
        raise EnvtoolError(
            tr("What was begun cannot be repeated from what was written down: {missing}.", missing=missing),
            hint=tr("Run it again yourself: {command}", command=command),
        )
    if can_go_back(environment.prefix):
        rollback(context, environment)
    return Again(tuple(argv), folder)


def _missing(argv: Sequence[str], folder: Path) -> str:
    """Return what a command cannot be given again without, or ``""``."""
    if any(MASK in word for word in argv):
        return tr("the login in it was left out")
    if "-" in argv:
        return tr("part of it came through a pipe")
    if not folder.is_dir():
        return tr("the folder {folder}, in which it was given, is gone", folder=folder)
    return ""


def _nothing_to_recover(environment: Environment) -> EnvtoolError:
    return EnvtoolError(
        tr("No change of {name} was cut off.", name=environment.name or environment.prefix),
        hint=tr("`envtool list` shows which environments are unfinished."),
        code=ExitCode.USAGE,
    )
