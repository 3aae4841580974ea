"""envtool's own marks in an environment and beside it: which engine made it, and what was begun and not finished."""

import json
import os
import time
from pathlib import Path

from envtool.files import write_atomically

OWN = ".envtool"  # envtool's folder inside an environment, and beside environments
RENAMING = f"{OWN}/renaming"  # the folder, inside an environment, in which a rename is prepared


def made_by(prefix: Path) -> str:
    """Return the engine that made an environment as envtool recorded it, or ``""``."""
    path = f"{prefix}/{OWN}/environment.json"
    return str(_read(Path(path)).get("engine", "")) if os.path.exists(path) else ""  # noqa: PTH110


def record_maker(prefix: Path, engine: str, version: str) -> None:
    """Write down which engine made an environment: later changes use the same one."""
    content = {"engine": engine, "envtool": version, "created": time.time()}
    write_atomically(prefix / OWN / "environment.json", json.dumps(content, indent=1).encode() + b"\n")


def mark_begun(prefix: Path, command: str) -> None:
    """Write down, beside it, that an environment is being made, before its first file exists."""
    _mark(intent_of(prefix), command)


def mark_unfinished(prefix: Path, command: str) -> None:
    """Mark an environment as half-made: until the mark goes, nobody should trust what is in it."""
    _mark(prefix / OWN / "unfinished.json", command)


def _mark(path: Path, command: str) -> None:
    # The folder, because the command may name files that lie there.
    content = {"command": command, "folder": _here(), "pid": os.getpid(), "since": time.time()}
    write_atomically(path, json.dumps(content, indent=1).encode() + b"\n")


def _here() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # deleted under us
        return ""


def mark_finished(prefix: Path) -> None:
    """Take the mark away again."""
    (prefix / OWN / "unfinished.json").unlink(missing_ok=True)


def unfinished(prefix: Path) -> str:
    """Return the command that left an environment half-made, or ``""`` where it is whole."""
    return begun(prefix)[0]


def begun(prefix: Path) -> tuple[str, Path]:
    """Return the command that left an environment half-made, or ``""``, and the folder that it was typed in.

    Two things say so: the mark inside, and the intent record beside an environment that somebody set out to make.
    """
    # Strings, which are faster than paths: a list asks this of a thousand environments.
    for path in (f"{prefix}/{OWN}/unfinished.json", _intent(prefix)):
        if os.path.exists(path):  # noqa: PTH110
            mark = _read(Path(path))
            return str(mark.get("command", "?")), Path(str(mark.get("folder", "")))
    return "", Path()


def intent_of(prefix: Path) -> Path:
    """Return where it is written down that an environment is being made, before its first file exists."""
    return Path(_intent(prefix))


def _intent(prefix: Path) -> str:
    return f"{prefix.parent}/{OWN}/{prefix.name}.intent.json"


def snapshot_of(prefix: Path) -> Path:
    """Return the folder that keeps an environment's old state during a change: on its own file system."""
    if os.path.ismount(prefix):
        return prefix / OWN / "snapshot"
    return prefix.parent / OWN / f"{prefix.name}.snapshot"


def old_state_of(prefix: Path) -> Path:
    """Return where envtool 0.1 wrote down the packages of an environment before a change."""
    return prefix / OWN / "before.json"


def _read(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
