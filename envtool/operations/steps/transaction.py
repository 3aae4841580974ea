"""The transaction around a change to an environment: it ends in its new state, in its old one, or marked unfinished.

Before the first write a snapshot of the files is taken and the environment is marked. Going back needs the disk alone,
and is called done only when every file has been compared.
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from envtool.engines.protocol import Engine, Solution
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.steps.guards import refuse_unfinished, require_environment
from envtool.operations.steps.prefix_lock import holding
from envtool.prefix import snapshot
from envtool.prefix.containment import leading_out
from envtool.prefix.marks import mark_finished, mark_unfinished, snapshot_of, unfinished
from envtool.prefix.snapshot import Footprint, Snapshot
from envtool.reporter import Reporter

_NAMED = 5  # differing files that a message names


@dataclass(frozen=True)
class Frame:
    """One change: where, the user's command line without logins, and a scratch folder on the same file system."""

    prefix: Path
    command: str
    scratch: Path


@contextmanager
def held(environment: Environment, command: str, reporter: Reporter) -> Iterator[Path]:
    """Hold an environment from the first look at it to the last write, and yield a scratch folder.

    Raises EnvtoolError where an earlier change was interrupted.
    """
    with holding(environment.prefix, command, reporter) as scratch:
        require_environment(environment.prefix)
        refuse_unfinished(environment)
        yield scratch


@contextmanager
def changing(frame: Frame, engine: Engine, solution: Solution, pip: Footprint, reporter: Reporter) -> Iterator[None]:
    """Fetch, take a snapshot, mark; whatever is raised inside, bring the files back and compare them.

    ``pip`` are the paths that the pip half of the change may meet. Where files differ afterwards, or a second
    interruption comes in between, the environment stays marked unfinished, which is said with the two ways out.
    """
    prefix = frame.prefix
    if not solution.changes_nothing:
        engine.fetch(solution, prefix, frame.scratch, reporter)
    footprint = pip | engine.footprint(solution, prefix)
    _require_contained(prefix, footprint)
    taken = snapshot.take(prefix, snapshot_of(prefix), footprint)
    try:
        mark_unfinished(prefix, frame.command)
        yield
    except BaseException as error:
        try:
            engine.close()  # nothing that works for us may go on writing
            reporter.note(tr("Bringing back the state before the change."))
            bring_back(taken)
            reporter.note(tr("Restored {prefix}: every file compared with before the change.", prefix=prefix))
        except (EnvtoolError, OSError) as second:
            raise _stuck(prefix, error, second) from error
        except KeyboardInterrupt:
            if unfinished(prefix):
                reporter.warn(_ways_out(prefix))
            raise
        raise
    try:
        settle(taken)
    except KeyboardInterrupt:
        settle(taken)
        reporter.note(tr("The change to {prefix} was complete.", prefix=prefix))
        raise


def _require_contained(prefix: Path, footprint: Footprint) -> None:
    """Raise EnvtoolError where a change would write or delete outside the environment: no snapshot covers that."""
    if wrong := leading_out(prefix, footprint.touched | footprint.possible | footprint.coming):
        raise EnvtoolError(
            tr(
                "Nothing was changed: {path!r}, which a package lists, is not inside {prefix}.",
                path=min(wrong),
                prefix=prefix,
            ),
            hint=tr("Find it in the records of conda-meta or in the package's RECORD, or the link that leads there."),
        )


def bring_back(taken: Snapshot) -> None:
    """Bring an environment's files back to a snapshot and take the mark away.

    Raises EnvtoolError where some differ afterwards: the mark and the snapshot stay then. Raises OSError.
    """
    if wrong := taken.restore():
        shown = ", ".join(wrong[:_NAMED]) + (" ..." if len(wrong) > _NAMED else "")
        raise EnvtoolError(
            tr(
                "{prefix}: {count} files differ from before: {files}",
                prefix=taken.prefix,
                count=len(wrong),
                files=shown,
            )
        )
    settle(taken)


def settle(taken: Snapshot) -> None:
    """End a change: the mark goes first, for a snapshot without a mark is litter, a mark without one a dead end."""
    mark_finished(taken.prefix)
    if taken.folder.exists():
        taken.delete()


def _ways_out(prefix: Path) -> str:
    return tr(
        "{prefix} is unfinished: `envtool rollback {quoted}` goes back, `envtool resume {quoted}` finishes the change.",
        prefix=prefix,
        quoted=shlex.quote(str(prefix)),
    )


def _stuck(prefix: Path, first: BaseException, second: Exception) -> EnvtoolError:
    return EnvtoolError(
        tr(
            "The change failed ({first}), and the state before it could not be restored ({second}).",
            first=str(first) or type(first).__name__,
            second=second,
        ),
        hint=tr("Fix the cause, then run `envtool rollback {prefix}`.", prefix=shlex.quote(str(prefix))),
    )
