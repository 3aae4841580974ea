"""The lock of an environment: one envtool at a time works on it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envtool.errors import EnvtoolError
from envtool.file_lock import locked, make_folder
from envtool.i18n import tr
from envtool.operations.steps.leftovers import clear_away, delete, is_half_renamed, scratch_of
from envtool.prefix.marks import folder, lock_of
from envtool.reporter import Reporter, Silent

PATIENCE = 600.0  # seconds to wait for another envtool that works on the same environment


@contextmanager
def holding(prefix: Path, purpose: str, reporter: Reporter) -> Iterator[Path]:
    """Hold an environment's lock and yield a scratch folder: empty, on its file system, deleted afterwards.

    What a killed envtool left of the environment is cleared away first. ``purpose`` is shown to whoever waits.
    """
    own = folder(prefix)
    try:
        make_folder(own)
    except OSError as error:
        raise EnvtoolError(
            tr("The folder {folder} cannot be written: {reason}.", folder=own.parent, reason=error.strerror),
            hint=tr(
                "Check its owner, or choose other folders: `envs_dirs` in .condarc for conda environments,"
                " ENVTOOL_HOME for venvs."
            ),
        ) from error
    try:
        shown = purpose.removeprefix("envtool ")  # the lock's message begins with the word
        with locked(lock_of(prefix), shown, wait=PATIENCE, waiting=reporter.note):
            clear_away(prefix, reporter)
            scratch = scratch_of(prefix)
            scratch.mkdir()
            try:
                yield scratch
            finally:
                delete(scratch)
    finally:
        with suppress(OSError):
            own.rmdir()  # only while it is empty: nobody else is at work


def finish_rename(prefix: Path) -> bool:
    """Finish an interrupted rename of an environment, and return whether there was one."""
    found = is_half_renamed(prefix)
    if found:
        with holding(prefix, "rename", Silent()):
            pass  # whoever gets the lock finishes it
    return found
