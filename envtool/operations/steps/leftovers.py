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
from envtool.prefix.marks import OWN, intent_of, mark_finished, require_known, snapshot_of, unfinished
from envtool.reporter import Reporter


def scratch_of(prefix: Path) -> Path:
    """Return the scratch folder of this process for work on an environment."""
    return _own(prefix, "work")


def discard(prefix: Path) -> None:
    """Delete an environment and its snapshot: the environment leaves its place in one step, then its files go."""
    if not (prefix.exists() or prefix.is_symlink()):
        return
    gone = _own(prefix, "gone")
    gone.parent.mkdir(exist_ok=True)
    prefix.rename(gone)
    delete(gone)
    delete(snapshot_of(prefix))


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
    elif _has_only_the_mark_of_a_rename(prefix):
        mark_finished(prefix)
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


def _own(prefix: Path, ending: str) -> Path:
    return prefix.parent / OWN / f"{prefix.name}.{os.getpid()}.{ending}"


def _left_beside(prefix: Path) -> Iterator[Path]:
    """Yield scratch folders and half-deleted trees of this environment: `t.2.9.work` is one of `t.2`, not of `t`."""
    pattern = re.compile(re.escape(prefix.name) + r"\.\d+\.(?:work|gone)")
    beside = prefix.parent / OWN
    yield from [path for path in beside.iterdir() if pattern.fullmatch(path.name)] if beside.is_dir() else ()


def _has_only_the_mark_of_a_rename(prefix: Path) -> bool:
    # envtool 0.1.0 could be killed just before it took the mark away.
    words = unfinished(prefix).split()
    return words[:2] == ["envtool", "rename"] and not rename.pending(prefix) and not intent_of(prefix).exists()


def _is_ours(prefix: Path) -> bool:
    """Return whether the killed run made what lies at its place; else somebody put a folder there since."""
    if prefix.is_symlink() or not prefix.is_dir():
        return False
    # Reserved and still empty, marked by an engine of ours, or half-made by a conda that we drove.
    return not any(prefix.iterdir()) or any((prefix / part).is_dir() for part in (OWN, "conda-meta"))
