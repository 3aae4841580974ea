"""The file tree of an environment: folders, files and links, by their paths below the prefix."""

import os
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class FileTree:
    """The entries below a prefix, each folder before its contents. ``odd`` are neither files, folders nor links."""

    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)


def walk(prefix: Path, without: Set[str] = frozenset()) -> FileTree:
    """Return the tree below a prefix, except the paths ``without`` and everything below them. Raises OSError."""
    found = FileTree()
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        below: list[str] = []
        with os.scandir(prefix / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if path not in without:
                    _sort_in(entry, path, found, below)
        found.folders += below
        waiting += below
    return found


def _sort_in(entry: "os.DirEntry[str]", path: str, found: FileTree, below: list[str]) -> None:
    if entry.is_symlink():
        found.links.append(path)
    elif entry.is_file(follow_symlinks=False):
        found.files.append(path)
    elif entry.is_dir(follow_symlinks=False):
        below.append(path)
    else:
        found.odd.append(path)
