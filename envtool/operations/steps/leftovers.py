"""Leftovers of a killed envtool beside an environment, and their removal by the next one.

The folder ``.envtool`` beside environments holds their locks, intent records, snapshots and scratch folders, and
environments that are being deleted. It is on their file system, so that every step in and out is a rename.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from envtool.engines.cloning import rename
from envtool.i18n import tr
from envtool.prefix.marks import (
    OWN,
    folder,
    intent_of,
    is_trusted,
    lock_of,
    mark_finished,
    old_mark_of,
    place,
    require_known,
    snapshot_of,
    unfinished,
)
from envtool.reporter import Reporter


def scratch_of(prefix: Path) -> Path:
    """Return the scratch folder of this process for work on an environment."""
    return place(prefix, f"{os.getpid()}.work")


def discard(prefix: Path) -> None:
    """Delete an environment and its snapshot: the environment leaves its place in one step, then its files go."""
    gone = prefix.parent / OWN / f"{prefix.name}.{os.getpid()}.gone"
    taken = snapshot_of(prefix)
    if prefix.exists() or prefix.is_symlink():
        gone.parent.mkdir(exist_ok=True)
        prefix.rename(gone)
    mark_finished(prefix)
    delete(gone)
    delete(taken)


def clear_away(prefix: Path, reporter: Reporter) -> None:
    """Undo or finish what a killed envtool began with an environment. The caller holds its lock.

    Raises NewerVersionError where that was a newer envtool.
    """
    require_known(prefix)
    intent = intent_of(prefix)
    if intent.exists():
        reporter.note(tr("Removing what an interrupted run left at {prefix}.", prefix=prefix))
        if _is_ours(prefix):
            discard(prefix)
        intent.unlink()
    if rename.pending(prefix):
        reporter.note(tr("Finishing an interrupted rename of {prefix}.", prefix=prefix))
    rename.recover(prefix)
    if _has_only_the_mark_of_a_rename(prefix) or not prefix.exists():
        mark_finished(prefix)
    if not unfinished(prefix):
        delete(snapshot_of(prefix))  # of a change that is over: until then it is the way back
    for leftover in _left_beside(prefix):
        delete(leftover)


def is_half_renamed(prefix: Path) -> bool:
    """Return whether a rename of an environment was interrupted."""
    return rename.pending(prefix) or _has_only_the_mark_of_a_rename(prefix)


def delete(folder: Path) -> None:
    """Delete a file or a tree, write-protected folders included: some packages have them."""
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


def _left_beside(prefix: Path) -> Iterator[Path]:
    """Yield scratch folders, half-deleted trees and half-written marks of this environment.

    By whole names: ``t.2.9.work`` is one of ``t.2``, not of ``t``.
    """
    own, start = folder(prefix), re.escape(lock_of(prefix).name.removesuffix("lock"))
    pattern = re.compile(rf"{start}\d+\.(?:work|gone)|\.{start}(?:intent|unfinished)\.json\.\w+\.envtool")
    yield from [path for path in own.iterdir() if pattern.fullmatch(path.name)] if own.is_dir() else ()


def _has_only_the_mark_of_a_rename(prefix: Path) -> bool:
    # envtool 0.1.0 could be killed just before it took the mark away.
    if not is_trusted(prefix, old_mark_of(prefix)) or rename.pending(prefix):
        return False
    return unfinished(prefix).split()[:2] == ["envtool", "rename"]


def _is_ours(prefix: Path) -> bool:
    """Return whether the killed run made what lies at its place; else somebody put a folder there since."""
    if prefix.is_symlink() or not prefix.is_dir():
        return False
    # Reserved and still empty, marked by an engine of ours, or half-made by a conda that we drove.
    return not any(prefix.iterdir()) or any((prefix / part).exists() for part in (OWN, "conda-meta", "pyvenv.cfg"))
