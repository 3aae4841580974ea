"""Running processes, read from /proc."""

from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and that those started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found
