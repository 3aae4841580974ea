"""The frame of every change: the lock, what is written down beforehand, and undo.

Beside the environments lies a folder of envtool's own, ``.envtool``: locks, intent records, stages, and environments on
their way out. Its being on the same file system is what makes every step in and out a rename.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envtool.engines.cloning import rename
from envtool.errors import EnvtoolError
from envtool.file_lock import locked
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.steps.names import refuse_existing
from envtool.operations.steps.old_state import old_state
from envtool.prefix import snapshot
from envtool.prefix.layout import kind_of
from envtool.prefix.marks import OWN, intent_of, mark_begun, mark_finished, snapshot_of, unfinished
from envtool.reporter import Reporter, Silent

PATIENCE = 600.0  # seconds to wait for another envtool that works on the same environment


@contextmanager
def holding(prefix: Path, purpose: str, reporter: Reporter) -> Iterator[Path]:
    """Hold an environment's lock and yield a scratch: an empty folder on its file system, gone afterwards.

    What an envtool that was killed had left of the same environment is cleared away first.
    """
    beside = prefix.parent / OWN
    try:
        beside.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvtoolError(
            tr("The folder {folder} cannot be written: {reason}.", folder=prefix.parent, reason=error.strerror),
            hint=tr("Check who owns it; `envs_dirs` in .condarc, or for venvs ENVTOOL_HOME, names other folders."),
        ) from error
    try:
        told = purpose.removeprefix("envtool ")  # of a whole command line: those who wait are told whose it is anyway
        with locked(beside / f"{prefix.name}.lock", told, wait=PATIENCE, waiting=reporter.note):
            _clear_away(prefix, reporter)
            scratch = beside / f"{prefix.name}.{os.getpid()}.work"
            scratch.mkdir()
            try:
                yield scratch
            finally:
                delete(scratch)
    finally:
        with suppress(OSError):
            beside.rmdir()  # goes only when it is empty: where nobody else is at work


@contextmanager
def new_prefix(
    prefix: Path, name: str, command: str, reporter: Reporter, unregister: Callable[[Path], None]
) -> Iterator[Path]:
    """Reserve ``prefix`` for a new environment and yield a scratch; whatever is raised inside, nothing stays.

    An intent record outside the prefix says what was begun before anything is: where this process dies too suddenly to
    undo, the next one does. ``unregister`` takes the prefix out of the engine's registers.
    """
    with holding(prefix, command, reporter) as scratch:
        refuse_existing(prefix, name)
        intent = intent_of(prefix)
        mark_begun(prefix, command)
        try:
            prefix.mkdir()
        except OSError:
            # Somebody else was quicker, or the disk is closed: there is nothing of ours to take away.
            intent.unlink(missing_ok=True)
            refuse_existing(prefix, name)
            raise
        try:
            yield scratch
        except BaseException:
            discard(prefix)
            unregister(prefix)
            intent.unlink(missing_ok=True)
            if not prefix.exists():
                reporter.note(tr("What was begun at {prefix} was removed.", prefix=prefix))
            raise
        intent.unlink()


def settle(prefix: Path) -> bool:
    """Bring a renaming that was cut off to its end, and return whether there was one."""
    pending = rename.pending(prefix) or _is_renamed(prefix)
    if pending:
        with holding(prefix, "settle", Silent()):
            pass  # whoever holds an environment has found it settled
    return pending


def discard(prefix: Path) -> None:
    """Delete an environment: it leaves its place in one step, then its files go."""
    if not (prefix.exists() or prefix.is_symlink()):
        return
    gone = prefix.parent / OWN / f"{prefix.name}.{os.getpid()}.gone"
    gone.parent.mkdir(exist_ok=True)
    prefix.rename(gone)
    delete(gone)
    delete(snapshot_of(prefix))


def _clear_away(prefix: Path, reporter: Reporter) -> None:
    """Undo what a killed envtool had begun with this environment. We hold its lock: nobody is still at it."""
    intent = intent_of(prefix)
    if intent.exists():
        reporter.note(tr("Clearing away what an interrupted run left at {prefix}.", prefix=prefix))
        if _is_ours(prefix):
            discard(prefix)
        intent.unlink()
    if rename.pending(prefix):
        reporter.note(tr("Bringing an interrupted renaming of {prefix} to its end.", prefix=prefix))
        rename.recover(prefix)
    elif _is_renamed(prefix):
        mark_finished(prefix)
    beside = prefix.parent / OWN
    for leftover in (*beside.glob(f"{prefix.name}.*.work"), *beside.glob(f"{prefix.name}.*.gone")):
        delete(leftover)


def _is_renamed(prefix: Path) -> bool:
    """Return whether of a renaming only the mark is left: 0.1.0 could be killed just before it took that away."""
    words = unfinished(prefix).split()
    return words[:2] == ["envtool", "rename"] and not rename.pending(prefix) and not intent_of(prefix).exists()


def _is_ours(prefix: Path) -> bool:
    """Return whether what lies where a killed run had begun is what it made, and not a folder put there since."""
    if prefix.is_symlink() or not prefix.is_dir():
        return False
    # reserved and still empty; marked by an engine of ours; or half-made by a conda that we drove
    return not any(prefix.iterdir()) or any((prefix / part).is_dir() for part in (OWN, "conda-meta"))


def delete(folder: Path) -> None:
    """Delete a tree, also one whose folders are write-protected, as some packages' are."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return

    def unlock(function: Callable[[str], object], path: str, _: object) -> None:
        Path(path).parent.chmod(0o700)
        with suppress(OSError):
            Path(path).chmod(0o700)
        function(path)

    if folder.exists():
        shutil.rmtree(folder, onerror=unlock)


def require_environment(prefix: Path) -> None:
    """Raise EnvtoolError where no environment lies at ``prefix``: nothing else is ever changed or removed."""
    if kind_of(prefix) is None:
        raise EnvtoolError(
            tr("{prefix} is not an environment: it has neither conda-meta/history nor pyvenv.cfg.", prefix=prefix),
            hint=tr("`envtool list` shows the environments there are."),
        )


def can_go_back(prefix: Path) -> bool:
    """Return whether the state before an unfinished change was kept, by this envtool or by 0.1."""
    return (snapshot_of(prefix) / snapshot.INDEX).exists() or old_state(prefix).exists()


def refuse_unfinished(environment: Environment) -> None:
    """Raise EnvtoolError where an environment is half-made or half-changed, with the ways out."""
    begun = unfinished(environment.prefix)
    if not begun:
        return
    name = environment.name or str(environment.prefix)
    ways = (
        tr("Finish it with `envtool resume {name}`, or go back with `envtool rollback {name}`.", name=name)
        if can_go_back(environment.prefix)
        else tr("Finish it with `envtool resume {name}`, or remove it: `envtool remove {name}`.", name=name)
    )
    raise EnvtoolError(
        tr("{name} is unfinished: `{command}` did not come to its end.", name=name, command=begun), hint=ways
    )
