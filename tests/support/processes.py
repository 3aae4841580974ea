"""Running processes, read from /proc."""

from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Return the ids of a process's children, and of their children."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found
