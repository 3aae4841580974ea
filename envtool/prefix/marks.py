"""envtool's own files in an environment and beside it: its engine, and what was begun and not finished."""

import os
import time
from pathlib import Path

from envtool import versioned_json

OWN = ".envtool"  # envtool's folder inside an environment, and beside environments
RENAMING = f"{OWN}/renaming"  # the folder, inside an environment, in which a rename is prepared


def made_by(prefix: Path) -> str:
    """Return the engine that created an environment, or ``""`` where envtool did not. Raises NewerVersionError."""
    record = _record_of(prefix)
    return str(versioned_json.read(Path(record)).get("engine", "")) if _exists(record) else ""


def record_maker(prefix: Path, engine: str, version: str) -> None:
    """Record which engine created an environment: later changes use the same one. Raises OSError."""
    content = {"engine": engine, "envtool": version, "created": time.time()}
    versioned_json.write(Path(_record_of(prefix)), content)


def mark_begun(prefix: Path, command: str) -> None:
    """Record, beside it, that an environment is being created, before its first file exists. Raises OSError."""
    _mark(intent_of(prefix), command)


def mark_unfinished(prefix: Path, command: str) -> None:
    """Mark an environment as half created or changed: until the mark goes, nobody should trust it. Raises OSError."""
    _mark(Path(_mark_of(prefix)), command)


def mark_finished(prefix: Path) -> None:
    """Remove the mark. Raises OSError."""
    Path(_mark_of(prefix)).unlink(missing_ok=True)


def is_unfinished(prefix: Path) -> bool:
    """Return whether an environment carries the mark, or was begun, whatever is written there."""
    return any(map(_exists, _marks(prefix)))


def unfinished(prefix: Path) -> str:
    """Return the command that left an environment unfinished, or ``""``. Raises NewerVersionError."""
    return interrupted_command(prefix)[0]


def interrupted_command(prefix: Path) -> tuple[str, Path]:
    """Return the command that left an environment unfinished, or ``""``, and the folder that it was run in.

    The mark inside an environment tells, or the intent record beside one that was begun. Raises NewerVersionError.
    """
    for path in filter(_exists, _marks(prefix)):
        mark = versioned_json.read(Path(path))
        return str(mark.get("command", "?")), Path(str(mark.get("folder", "")))
    return "", Path()


def require_known(prefix: Path) -> None:
    """Raise NewerVersionError where a newer envtool wrote a mark or the record of an environment."""
    for path in (_record_of(prefix), *_marks(prefix)):
        versioned_json.read(Path(path))


def intent_of(prefix: Path) -> Path:
    """Return the file that records that an environment is being created, before its first file exists."""
    return Path(_intent_of(prefix))


def snapshot_of(prefix: Path) -> Path:
    """Return the folder that keeps an environment's old state during a change: on its own file system."""
    if os.path.ismount(prefix):
        return prefix / OWN / "snapshot"
    return prefix.parent / OWN / f"{prefix.name}.snapshot"


def old_state_of(prefix: Path) -> Path:
    """Return the file in which envtool 0.1 recorded the packages of an environment before a change."""
    return prefix / OWN / "before.json"


def _mark(path: Path, command: str) -> None:
    # The folder, because the command may name files that lie there.
    versioned_json.write(path, {"command": command, "folder": _here(), "pid": os.getpid(), "since": time.time()})


def _here() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # deleted under us
        return ""


# Strings, which are faster than paths: a list asks these of a thousand environments.


def _record_of(prefix: Path) -> str:
    return f"{prefix}/{OWN}/environment.json"


def _mark_of(prefix: Path) -> str:
    return f"{prefix}/{OWN}/unfinished.json"


def _intent_of(prefix: Path) -> str:
    return f"{prefix.parent}/{OWN}/{prefix.name}.intent.json"


def _marks(prefix: Path) -> tuple[str, str]:
    return _mark_of(prefix), _intent_of(prefix)


def _exists(path: str) -> bool:
    # not Path.exists: up to Python 3.13 it raises where a folder on the way is closed to us
    return os.path.exists(path)  # noqa: PTH110
