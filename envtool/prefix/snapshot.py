"""Snapshot of an environment's files: taken before a change, put back and compared after one that was cut off.

Every file is described (kind, size, modification time, inode, mode). Content is kept only of what the change may touch:
as hard links in a folder on the same file system, and as copies of what programs rewrite in place. Going back needs the
disk alone: no network, no package manager.
"""

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from envtool.documents import parse_json
from envtool.files import LIMIT, read_file, sync_folder, write_atomically
from envtool.prefix.marks import OWN
from envtool.versioned_json import require_known

VERSION = 1
INDEX = "snapshot.json"

# Programs append to these, or rewrite them in place: a hard link would change along with them.
_IN_PLACE = frozenset(f"conda-meta/{name}" for name in ("history", "state", "pinned", "frozen"))
_IN_PLACE_ENDS = (".pth", ".cfg", "/gschemas.compiled", "/icon-theme.cache", "/mime.cache")
# What packages are linked into, and conda's working folder. A folder of the user's own at the top is never cleared.
_MANAGED = frozenset(
    "bin compiler_compat conda-meta etc include lib lib64 libexec man mkspecs phrasebooks plugins resources sbin share"
    " shell ssl translations var x86_64-conda-linux-gnu x86_64-conda_cos6-linux-gnu aarch64-conda-linux-gnu Lib Scripts"
    " Library DLLs Include libs Tools fonts doc docs nvvm targets qml metatypes modules CACHEDIR.TAG"
    " .messages.txt .condatmp".split()
)
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES)


class FileState(NamedTuple):
    """What tells whether a path is as it was: ``size`` in bytes, ``mtime`` in nanoseconds, a link's ``target``."""

    kind: str  # "file", "folder", "link" or "other"
    size: int = 0
    mtime: int = 0
    inode: int = 0
    mode: int = 0
    target: str = ""


class Kept(NamedTuple):
    """A file's content: its name in the snapshot's folder, its SHA-256 (or ``""``), and whether it is a hard link."""

    name: str
    sha256: str
    linked: bool


@dataclass(frozen=True)
class Footprint:
    """The paths of an environment that a change may meet, relative to the prefix.

    ``touched`` are about to be replaced or removed, ``possible`` might be, and ``coming`` are those that it may bring.
    """

    touched: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()
    coming: frozenset[str] = frozenset()

    def __or__(self, other: "Footprint") -> "Footprint":
        return Footprint(self.touched | other.touched, self.possible | other.possible, self.coming | other.coming)


@dataclass
class Snapshot:
    """The paths of an environment at one moment, folders before what is in them, and the content that was kept.

    ``coming`` are the paths that the change may bring.
    """

    prefix: Path
    folder: Path
    entries: dict[str, FileState]
    kept: dict[str, Kept] = field(default_factory=dict)
    coming: frozenset[str] = frozenset()

    def restore(self) -> list[str]:
        """Bring every path back and return those that still differ. Nobody else may be at work in the environment.

        New files in folders of the user's own stay. May be repeated after an interruption. Raises OSError.
        """
        now = scan(self.prefix)
        for path in sorted(self._new(now), key=_depth, reverse=True):
            _delete(self.prefix / path)
        for path, entry in self.entries.items():
            if not self._is_as_it_was(path, now.get(path)):
                self._put_back(path, entry, now.get(path))
        for path, entry in reversed(self.entries.items()):  # a folder that is closed to us is closed last
            if entry.kind == "folder" and (self.prefix / path).stat().st_mode & 0o7777 != entry.mode:
                (self.prefix / path).chmod(entry.mode)
        return self.differences()

    def differences(self) -> list[str]:
        """Return the paths that are not as they were, by hash where content was kept and by description elsewhere."""
        now = scan(self.prefix)
        changed = [path for path in self.entries if not self._is_as_it_was(path, now.get(path))]
        return sorted((*changed, *self._new(now)))

    def delete(self) -> None:
        """Delete the snapshot: its index first, so that what a kill leaves is litter and nothing to go back to."""
        (self.folder / INDEX).unlink(missing_ok=True)
        sync_folder(self.folder)
        shutil.rmtree(self.folder)

    def _new(self, now: dict[str, FileState]) -> list[str]:
        added = (path for path in now if path not in self.entries)
        return [path for path in added if path in self.coming or path.partition("/")[0] in _MANAGED]

    def _is_as_it_was(self, path: str, now: FileState | None) -> bool:
        before = self.entries[path]
        if now is None or now.kind != before.kind:
            return False
        if before.kind == "file" and (digest := self.kept[path].sha256 if path in self.kept else ""):
            same = now._replace(inode=0) == before._replace(inode=0)
            return same and _hash(self.prefix / path) == digest
        if before.kind == "folder":
            return now.mode == before.mode
        return now == before

    def _put_back(self, path: str, before: FileState, now: FileState | None) -> None:
        place, kept = self.prefix / path, self.kept.get(path)
        if before.kind == "folder" and now and now.kind == "folder":
            return
        if before.kind == "other" or (before.kind == "file" and kept is None):
            if now and now._replace(mode=before.mode) == before:
                place.chmod(before.mode)
            return  # its content is not known here: the comparison names it
        if now:
            _delete(place)
        if before.kind == "folder":
            place.mkdir()
            place.chmod(before.mode | 0o700)  # until what is in it is back
        elif before.kind == "link":
            place.symlink_to(before.target)
        elif kept:
            aside = self.folder / kept.name
            if not (kept.linked and _link(aside, place)):
                shutil.copyfile(aside, place)
            place.chmod(before.mode)
            os.utime(place, ns=(before.mtime, before.mtime))


def take(prefix: Path, folder: Path, footprint: Footprint) -> Snapshot:
    """Describe an environment's files and keep content in ``folder``, a new folder on its file system.

    The index is written last, and synced: without it nothing was begun. Raises OSError.
    """
    folder.mkdir(parents=True)
    entries = scan(prefix)
    touched = {*footprint.touched, *footprint.coming, *filter(_is_rewritten, entries)} & entries.keys()
    possible = footprint.possible & entries.keys()
    kept: dict[str, Kept] = {}
    for path in sorted(touched | possible | _bytecode(touched | possible, entries)):
        if entries[path].kind == "file":
            kept[path] = _keep(prefix / path, folder / str(len(kept)), path, by_hash=path in touched)
    content = {
        "version": VERSION,
        "root": _identity(prefix),
        "entries": entries,
        "kept": kept,
        "coming": sorted(footprint.coming),
    }
    sync_folder(folder)
    write_atomically(folder / INDEX, json.dumps(content).encode())
    return Snapshot(prefix, folder, entries, kept, footprint.coming)


def load(prefix: Path, folder: Path) -> Snapshot:
    """Return the snapshot that :func:`take` wrote.

    Raises OSError where there is none, ValueError where it makes no sense or is another environment's; and
    NewerVersionError.
    """
    content = parse_json(read_file(folder / INDEX, limit=4 * LIMIT))
    if not isinstance(content, dict):
        raise ValueError(folder)
    require_known(folder / INDEX, content, newest=VERSION)
    if content.get("root") != _identity(prefix):
        raise ValueError(folder)
    try:
        entries = {path: FileState(*fields) for path, fields in content["entries"].items()}
        kept = {path: Kept(*fields) for path, fields in content["kept"].items()}
        coming = frozenset(content["coming"])
    except (AttributeError, KeyError, TypeError):
        raise ValueError(folder) from None
    names = (item.name for item in kept.values())
    if not all(map(_is_inside, (*entries, *kept, *coming))) or not all(name.isdecimal() for name in names):
        raise ValueError(folder)
    return Snapshot(prefix, folder, entries, kept, coming)


def scan(prefix: Path) -> dict[str, FileState]:
    """Return what lies below a prefix, folders before what is in them, envtool's own folder apart. Raises OSError."""
    found: dict[str, FileState] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(prefix / folder if folder else prefix) as entries:
            for item in entries:
                path = f"{folder}/{item.name}" if folder else item.name
                if path == OWN:
                    continue
                found[path] = entry = _entry(item)
                if entry.kind == "folder":
                    waiting.append(path)
    return found


def _entry(item: "os.DirEntry[str]") -> FileState:
    status = item.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return FileState("link", target=str(Path(item.path).readlink()))
    mode = status.st_mode & 0o7777
    if stat.S_ISDIR(status.st_mode):
        return FileState("folder", mode=mode)
    kind = "file" if stat.S_ISREG(status.st_mode) else "other"
    return FileState(kind, status.st_size, status.st_mtime_ns, status.st_ino, mode)


def _keep(source: Path, aside: Path, path: str, *, by_hash: bool) -> Kept:
    linked = not _is_rewritten(path) and _link(source, aside)
    if not linked:
        shutil.copyfile(source, aside)
    return Kept(aside.name, _hash(aside) if by_hash or not linked else "", linked)


def _bytecode(paths: Set[str], entries: Mapping[str, FileState]) -> set[str]:
    """Return the compiled files of sources among ``paths``: who removes the one removes the other."""
    sources = {path.removesuffix(".py") for path in paths if path.endswith(".py")}
    compiled = (path for path in entries if "__pycache__/" in path and path.endswith(".pyc"))
    return {path for path in compiled if _source_of(path) in sources}


def _source_of(compiled: str) -> str:
    """Return the path of a compiled file's source without its suffix: ``a/__pycache__/b.cpython.pyc`` -> ``a/b``."""
    folder, _, name = compiled.rpartition("__pycache__/")
    return folder + name.split(".", 1)[0]


def _identity(prefix: Path) -> int:
    return prefix.stat().st_ino  # not its device, whose number may be another after a restart


def _is_rewritten(path: str) -> bool:
    return path in _IN_PLACE or path.endswith(_IN_PLACE_ENDS)


def _is_inside(path: str) -> bool:
    """Return whether a path stays below the prefix: no index may lead anywhere else."""
    return bool(path) and not path.startswith("/") and ".." not in path.split("/") and "\0" not in path


def _depth(path: str) -> int:
    return path.count("/")


def _link(source: Path, target: Path) -> bool:
    """Give a file a second name and return True; False where the file system or the file's owner does not allow it."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _delete(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
