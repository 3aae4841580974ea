"""A process killed before one of its writes: the first, the second, and so on to the last."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from support.processes import descendants

_WRITES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.truncate"}


def kills(action: Callable[[], object], within: Path) -> Iterator[int]:
    """Fork, run ``action`` in the child and kill it before its first write below ``within``; yield, and do so again.

    The next child dies before its second write, until one comes to its end. Yields how many writes each has made.
    """
    for writes in range(10_000):
        if not _is_killed(action, within, writes):
            return
        yield writes


def _is_killed(action: Callable[[], object], within: Path, writes: int) -> bool:
    """Return whether the action was killed after that many writes. Raises AssertionError where it failed by itself."""
    child = os.fork()
    if not child:
        _die_after(writes, within)
        try:
            action()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), f"the action failed after {writes} writes: {status}"
    return status == signal.SIGKILL


def _die_after(writes: int, within: Path) -> None:
    left, below = writes, f"{within}/"

    def before(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if not (event in _WRITES or (event == "open" and _is_written(arguments))):
            return
        if not any(
            isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(below) for path in arguments
        ):
            return
        if not left:
            for process in descendants(os.getpid()):
                os.kill(process, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    sys.addaudithook(before)


def _is_written(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
