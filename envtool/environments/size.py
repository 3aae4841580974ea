"""The disk space of an environment: what removing it would free, and what it shares with others.

The figures are those of ``du``: allocated blocks, folders included, every inode once.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 512  # bytes: the unit of st_blocks, whatever the file system's own blocks are
_STEP = 2000  # files between two reports of progress


@dataclass(frozen=True)
class Size:
    """``unique`` and ``shared`` in bytes, ``files`` by name; ``unread`` folders could not be read.

    Shared is what has a hard link outside the environment, in the package cache or in a clone: removing the
    environment does not free it. Blocks shared by reflinks look unique: no portable call tells them apart.
    """

    files: int
    unique: int
    shared: int
    unread: int = 0


def measure(prefix: Path, without: Iterable[Path] = (), progress: Callable[[int], None] = lambda _: None) -> Size:
    """Return the size of an environment without the folders ``without``, which are not its own.

    ``progress`` is told the files seen so far.
    """
    files = unique = shared = unread = 0
    linked: dict[tuple[int, int], tuple[int, os.stat_result]] = {}  # inode -> how many of its names are inside
    for found in _walk(prefix, frozenset(map(str, without))):
        if isinstance(found, OSError):
            unread += 1
            continue
        is_folder, status = found
        if not is_folder:
            files += 1
            if files % _STEP == 0:
                progress(files)
        if is_folder or status.st_nlink == 1:
            unique += on_disk(status)
        else:
            inode = status.st_dev, status.st_ino
            linked[inode] = linked.get(inode, (0,))[0] + 1, status
    for names, status in linked.values():
        if status.st_nlink > names:
            shared += on_disk(status)
        else:
            unique += on_disk(status)
    return Size(files, unique, shared, unread)


def _walk(prefix: Path, without: frozenset[str]) -> Iterator[tuple[bool, os.stat_result] | OSError]:
    """Yield (is a folder, status) of a tree's root and everything below it, links not followed."""
    try:
        yield True, prefix.stat()
    except OSError as error:
        yield error
        return
    folders = [str(prefix)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if is_folder and entry.path in without:
                        continue
                    # On Windows an entry does not know its links; elsewhere this is the same call, made once.
                    yield is_folder, os.lstat(entry) if os.name == "nt" else entry.stat(follow_symlinks=False)
                    if is_folder:
                        folders.append(entry.path)
        except OSError as error:
            yield error


def on_disk(status: os.stat_result) -> int:
    """Return the bytes that a file takes on disk."""
    blocks: int | None = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else blocks * _BLOCK
