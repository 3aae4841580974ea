"""``envtool resume`` and ``envtool rollback``: the two ways out of a change that was cut off."""

import shlex

from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Environment
from envtool.operations import engine_choice
from envtool.operations.sources import NOTHING, gather
from envtool.operations.transaction import bring_back
from envtool.operations.workshop import holding, old_state, settle
from envtool.paths import Host
from envtool.prefix import unfinished
from envtool.reporter import Reporter
from envtool.words import MASK, tr


def rollback(host: Host, environment: Environment, reporter: Reporter) -> None:
    """Bring a half-changed environment back to its state before. Raises EnvtoolError where there is none."""
    prefix = environment.prefix
    with holding(prefix, f"rollback {environment.name or prefix}", reporter) as workshop:
        if not old_state(prefix).exists():
            raise _nothing_to_recover(environment)
        choice = engine_choice.for_existing(host, environment)
        sources = gather(host, NOTHING, (), prefix)
        with engine_choice.opened(host, choice, "envtool rollback") as engine:
            bring_back(prefix, workshop, engine, sources.pip, reporter)


def resume(host: Host, environment: Environment, reporter: Reporter) -> list[str]:
    """Return the command line that finishes what was cut off, after going back to where it began; empty if it is done.

    What it had fetched is in the caches, so that doing it again is quick. Raises EnvtoolError where nothing was cut
    off, or where the command held a login: those are never written down.
    """
    if settle(environment.prefix):
        return []
    command = unfinished(environment.prefix)
    program, *argv = shlex.split(command) or [""]
    if program != "envtool":
        raise _nothing_to_recover(environment)
    if MASK in command:
        raise EnvtoolError(
            tr("What was begun cannot be repeated from what was written down: the login in it was left out."),
            hint=tr("Run it again yourself: {command}", command=command),
        )
    if old_state(environment.prefix).exists():
        rollback(host, environment, reporter)
    return argv


def _nothing_to_recover(environment: Environment) -> EnvtoolError:
    return EnvtoolError(
        tr("No change of {name} was cut off.", name=environment.name or environment.prefix),
        hint=tr("`envtool list` shows which environments are unfinished."),
        code=ExitCode.USAGE,
    )
