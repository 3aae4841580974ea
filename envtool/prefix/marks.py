"""envtool's own files about an environment: the engine that made it, and what was begun and not finished.

What envtool acts on lies beside the environment, where no package can put a file. Where the folder around it cannot be
written, or the environment is a mount point, it lies in ``.envtool`` inside it: no package is linked that has a file
there, and what a package's own list names there is never taken for envtool's.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from envtool import versioned_json
from envtool.environment import Worker
from envtool.prefix.containment import inside

OWN = ".envtool"  # envtool's folder inside an environment, and beside environments
JOURNAL = "journal.json"  # in the folder of a rename: what is left to do at the new place


# -- places ------------------------------------------------------------------------------------------------------------


def place(prefix: Path, part: str) -> Path:
    """Return the path of one of envtool's own files or folders about an environment, on its file system."""
    return inside(prefix, f"{OWN}/{part}") if _is_kept_inside(prefix) else Path(_beside(prefix, part))


def folder(prefix: Path) -> Path:
    """Return the folder in which :func:`place` puts things."""
    return place(prefix, "lock").parent


def intent_of(prefix: Path) -> Path:
    """Return the file that records that an environment is being created, before its first file exists."""
    return Path(_beside(prefix, "intent.json"))


def lock_of(prefix: Path) -> Path:
    """Return the lock file of an environment."""
    return place(prefix, "lock")


def snapshot_of(prefix: Path) -> Path:
    """Return the folder that keeps an environment's old state during a change: on its own file system."""
    inside = () if (prefix / OWN).is_symlink() else (_inside(prefix, "snapshot"),)
    found = (path for path in (Path(_beside(prefix, "snapshot")), *inside) if path.is_dir())
    return next(found, place(prefix, "snapshot"))


def renaming_of(prefix: Path) -> Path:
    """Return the folder that holds the new content of an environment which is being renamed to this prefix."""
    return Path(_beside(prefix, "renaming"))


def old_state_of(prefix: Path) -> Path | None:
    """Return the file in which envtool 0.1 recorded the packages of an environment before a change, None without."""
    path = _inside(prefix, "before.json")
    return path if is_trusted(prefix, path) else None


def old_mark_of(prefix: Path) -> Path:
    """Return the mark that envtool 0.1 wrote into an unfinished environment."""
    return _inside(prefix, "unfinished.json")


def old_renaming_of(prefix: Path) -> Path:
    """Return the folder, inside an environment, in which envtool 0.1 prepared a rename."""
    return _inside(prefix, "renaming")


# -- the engine --------------------------------------------------------------------------------------------------------


def made_by(prefix: Path) -> str:
    """Return the engine that created an environment, or ``""`` where envtool did not. Raises NewerVersionError."""
    return str(_record(prefix).get("engine", "")) if _exists(_record_of(prefix)) else ""


def record_maker(prefix: Path, engine: str, version: str) -> None:
    """Record which engine created an environment: later changes use the same one. Raises OSError."""
    content = {"engine": engine, "envtool": version, "created": time.time()}
    versioned_json.write(inside(prefix, f"{OWN}/environment.json"), content)


def _record(prefix: Path) -> versioned_json.Json:
    path = Path(_record_of(prefix))
    try:
        return versioned_json.read(path)
    except versioned_json.NewerVersionError:
        if is_trusted(prefix, path):
            raise
        return {}  # a package's own file keeps nobody from using the environment


# -- what was begun ----------------------------------------------------------------------------------------------------


def mark_begun(prefix: Path, command: str) -> None:
    """Record, beside it, that an environment is being created, before its first file exists. Raises OSError."""
    _mark(intent_of(prefix), command)


def mark_unfinished(prefix: Path, command: str) -> None:
    """Mark an environment as half created or changed: until the mark goes, nobody should trust it. Raises OSError."""
    _mark(place(prefix, "unfinished.json"), command)


def mark_finished(prefix: Path) -> None:
    """Remove the mark. Raises OSError."""
    Path(_beside(prefix, "unfinished.json")).unlink(missing_ok=True)
    if is_trusted(prefix, old := old_mark_of(prefix)):
        old.unlink(missing_ok=True)


def is_unfinished(prefix: Path) -> bool:
    """Return whether an environment carries the mark, or was begun or half renamed, whatever is written there."""
    return any(True for _ in _marks(prefix))


def unfinished(prefix: Path) -> str:
    """Return the command that left an environment unfinished, or ``""``. Raises NewerVersionError."""
    return interrupted_command(prefix)[0]


def interrupted_command(prefix: Path) -> tuple[str, Path]:
    """Return the command that left an environment unfinished, or ``""``, and the folder that it was run in.

    Raises NewerVersionError.
    """
    for path in _marks(prefix):
        mark = versioned_json.read(path)
        return str(mark.get("command", "?")), Path(str(mark.get("folder", "")))
    return "", Path()


def require_known(prefix: Path) -> None:
    """Raise NewerVersionError where a newer envtool wrote a mark or the record of an environment."""
    _record(prefix)
    for path in _marks(prefix):
        versioned_json.read(path)


def is_trusted(prefix: Path, path: Path) -> bool:
    """Return whether envtool wrote a file that it finds inside an environment: no package lists it, no link is in it.

    A record that cannot be read might be the one that lists it.
    """
    own = prefix / OWN
    if not _exists(str(path)) or own.is_symlink() or path.is_symlink() or path.parent.is_symlink():
        return False
    from envtool.prefix.ownership import is_listed

    return not is_listed(prefix, path)


def may_have_marks(prefix: Path) -> bool:
    """Return whether envtool keeps anything beside or inside an environment; elsewhere there is no mark or lock."""
    return _exists(_folder_beside(prefix)) or _exists(f"{prefix}/{OWN}")


def worker(prefix: Path) -> Worker | None:
    """Return who is at work in an environment on this host, this process included."""
    for lock in filter(_exists, (_beside(prefix, "lock"), f"{prefix}/{OWN}/lock")):
        from envtool.file_lock import holder

        if found := holder(Path(lock)):
            return Worker(*found)
    return None


def identity(prefix: Path) -> int:
    """Return what tells an environment from another one that takes its place later."""
    return prefix.stat().st_ino  # not its device, whose number may be another after a restart


def is_renamed(prefix: Path) -> bool:
    """Return whether an environment has got its new name, and some of its files have not got their new content yet."""
    journal = renaming_of(prefix) / JOURNAL
    if not _exists(str(journal)):
        return False
    content = versioned_json.read(journal)
    try:
        is_it = content.get("root") == identity(prefix)
    except OSError:
        return False
    return is_it and content.get("old") != os.path.abspath(prefix)  # noqa: PTH100 - links stay as they are


def _mark(path: Path, command: str) -> None:
    # The folder, because the command may name files that lie there.
    versioned_json.write(path, {"command": command, "folder": _here(), "pid": os.getpid(), "since": time.time()})


def _here() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # deleted under us
        return ""


def _marks(prefix: Path) -> Iterator[Path]:
    """Yield the files that say that an environment is unfinished, the one that tells most first."""
    if _exists(_folder_beside(prefix)):
        yield from (Path(mark) for part in _PARTS if _exists(mark := _beside(prefix, part)))
        if is_renamed(prefix):
            yield renaming_of(prefix) / JOURNAL
    if _exists(f"{prefix}/{OWN}/unfinished.json") and is_trusted(prefix, old := old_mark_of(prefix)):
        yield old


_PARTS = ("unfinished.json", "intent.json")


def _is_kept_inside(prefix: Path) -> bool:
    real = _real(prefix)
    if os.path.ismount(real):
        return True
    parent = os.path.dirname(real)  # noqa: PTH120
    return os.path.isdir(real) and not os.access(parent, os.W_OK | os.X_OK)  # noqa: PTH112


# Strings, which are faster than paths: a list asks these of a thousand environments.


def _real(prefix: Path) -> str:
    """Return a prefix itself, or what it links to: an environment has one place for its marks, whatever leads to it."""
    return os.path.realpath(prefix) if os.path.islink(prefix) else str(prefix)  # noqa: PTH114


def _folder_beside(prefix: Path) -> str:
    return f"{os.path.dirname(_real(prefix))}/{OWN}"  # noqa: PTH120


def _beside(prefix: Path, part: str) -> str:
    folder, name = os.path.split(_real(prefix))
    return f"{folder}/{OWN}/{name}.{part}"


def _inside(prefix: Path, part: str) -> Path:
    return prefix / OWN / part


def _record_of(prefix: Path) -> str:
    return f"{prefix}/{OWN}/environment.json"


def _exists(path: str) -> bool:
    # not Path.exists: up to Python 3.13 it raises where a folder on the way is closed to us
    return os.path.exists(path)  # noqa: PTH110
