"""``envtool rollback``: the state before an interrupted change, restored."""

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps import engine_selection
from envtool.operations.steps.guards import can_go_back
from envtool.operations.steps.old_state import bring_back as bring_back_old
from envtool.operations.steps.package_sources import NO_OPTIONS, gather
from envtool.operations.steps.prefix_lock import holding
from envtool.operations.steps.transaction import bring_back
from envtool.prefix import snapshot
from envtool.prefix.marks import old_state_of, snapshot_of, unfinished


def rollback(context: Context, environment: Environment) -> None:
    """Bring an environment back to its state before an unfinished change. Raises EnvtoolError where there is none."""
    prefix = environment.prefix
    with holding(prefix, f"rollback {environment.title}", context.reporter) as scratch:
        if not unfinished(prefix) or not can_go_back(prefix):
            raise nothing_interrupted(environment)
        if old_state := old_state_of(prefix):
            choice = engine_selection.for_existing(context, environment)
            sources = gather(context, NO_OPTIONS, (), prefix)
            with engine_selection.opened(context, choice, "envtool rollback") as engine:
                bring_back_old(old_state, prefix, scratch, engine, sources, context.reporter)
            return
        try:
            bring_back(snapshot.load(prefix, snapshot_of(prefix)))
        except (OSError, ValueError) as error:
            raise EnvtoolError(
                tr(
                    "{prefix} could not be restored from {folder}: {reason}",
                    prefix=prefix,
                    folder=snapshot_of(prefix),
                    reason=error,
                ),
                hint=tr("Nothing in that folder was deleted."),
            ) from error


def nothing_interrupted(environment: Environment) -> EnvtoolError:
    """Return the error for an environment in which no change was interrupted."""
    return EnvtoolError(
        tr("No change of {name} was interrupted.", name=environment.title),
        hint=tr("`envtool list` shows which environments are unfinished."),
        code=ExitCode.USAGE,
    )
