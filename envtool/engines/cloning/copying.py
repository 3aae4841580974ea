"""Copy a file tree to another prefix. Files that are never edited are shared with the source."""

import errno
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from envtool.engines.cloning.file_tree import FileTree
from envtool.engines.cloning.relocation import Relocation
from envtool.engines.cloning.rewriting import Rewriter
from envtool.prefix.digest import Digest, Rewritten

_FICLONE = 0x40049409  # ioctl_ficlone(2): a second file of the same blocks, of which only a write makes copies
SECOND = 10**9  # nanoseconds
# Errors that apply to every file: another file system, or one that does not support it.
_NEVER = (errno.EXDEV, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.ENOTTY, errno.EINVAL)


@dataclass
class Copied:
    """The counts of copied files. ``rewritten`` are those that contained the old prefix."""

    linked: int = 0  # hard links: one file with two names
    reflinked: int = 0  # two files that share their blocks until one is written to
    rewritten: Rewritten = field(default_factory=dict)


class Copier:
    """Copies a file tree from ``source`` to ``stage``, rewritten by a :class:`Rewriter`.

    Paths are strings and calls the system's own here: this runs for every file of environments that have 100,000.
    """

    def __init__(self, source: Path, stage: Path, rewriter: Rewriter, relocation: Relocation) -> None:
        self._source, self._stage = os.fspath(source) + os.sep, os.fspath(stage) + os.sep
        self._rewriter, self._relocation = rewriter, relocation
        self._umask = os.umask(0)
        os.umask(self._umask)
        self._reflinks = sys.platform == "linux"
        self._links = True
        self._twins: dict[tuple[int, int], str] = {}
        self.done = Copied()

    def copy(self, tree: FileTree, progress: Callable[[int], None]) -> Copied:
        """Copy everything. ``progress`` receives the number of files done. Raises OSError and EnvtoolError."""
        for folder in tree.folders:
            os.mkdir(self._stage + folder)
        for count, file in enumerate(tree.files):
            self._carry(file)
            if not count % 256:
                progress(count)
        for link in tree.links:
            target = os.readlink(self._source + link)
            os.symlink(self._relocation.link(target, os.path.dirname(link)), self._stage + link)
        return self.done

    def protect(self, folders: Sequence[str], writable: Sequence[str]) -> None:
        """Set the modes of folders as in the source. Call it last, because a folder may be write-protected.

        Those in ``writable`` stay writable for their owner, because more files will be written to them.
        """
        for folder in (*reversed(folders), ""):  # from the inside
            mode = os.stat(self._source + folder).st_mode & 0o7777
            if folder in writable:
                mode |= 0o700
            if mode != 0o777 & ~self._umask:
                os.chmod(self._stage + folder, mode)

    def _carry(self, file: str) -> None:
        shared = self._rewriter.can_be_shared(file, self._source + file)
        if shared and not self._reflinks and self._link(file):
            self.done.linked += 1
            return
        handle = os.open(self._source + file, os.O_RDONLY)
        try:
            self._copy(file, handle, look=not shared)
        except OSError as error:
            error.filename = error.filename or self._stage + file  # a write knows no name
            raise
        finally:
            os.close(handle)

    def _link(self, file: str) -> bool:
        """Hard-link a file, if the file system and the owner of the file allow it."""
        if self._links:
            try:
                os.link(self._source + file, self._stage + file)
            except OSError as error:
                self._links = error.errno not in _NEVER
            else:
                return True
        return False

    def _copy(self, file: str, handle: int, *, look: bool) -> None:
        status = os.fstat(handle)
        if status.st_nlink > 1 and self._repeat(file, (status.st_dev, status.st_ino)):
            return
        data = new = None
        if look and self._rewriter.must_be_read(file, status.st_size, handle):
            data = read_all(handle, status.st_size)
            new = self._rewriter.rewritten(file, data)
        target = os.open(self._stage + file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, status.st_mode & 0o777)
        try:
            mtime = status.st_mtime_ns
            if data is not None and new is not None and new != data:
                write_all(target, new)
                self.done.rewritten[file] = Digest.of(data), Digest.of(new)
                # Bytecode identifies its source by size and second, and must not match that of the other prefix.
                mtime += SECOND
            elif self._reflink(handle, target):
                self.done.reflinked += 1
            elif data is not None:
                write_all(target, data)
            else:
                _pour(handle, target)
            os.utime(target, ns=(status.st_atime_ns, mtime))
            mode = status.st_mode & 0o7777
            if mode != mode & 0o777 & ~self._umask:
                os.chmod(target, mode)
        finally:
            os.close(target)

    def _repeat(self, file: str, inode: tuple[int, int]) -> bool:
        """Link a file with several names in the source, such as git's commands, to its first copy."""
        first = self._twins.setdefault(inode, file)
        if first == file:
            return False
        os.link(self._stage + first, self._stage + file)
        if first in self.done.rewritten:
            self.done.rewritten[file] = self.done.rewritten[first]
        return True

    def _reflink(self, handle: int, target: int) -> bool:
        if self._reflinks and sys.platform != "win32":
            import fcntl

            try:
                fcntl.ioctl(target, _FICLONE, handle)
            except OSError as error:
                self._reflinks = error.errno not in _NEVER
            else:
                return True
        return False


def read_all(handle: int, size: int) -> bytes:
    """Return the content of an open file. ``size`` is its length in bytes."""
    data = os.read(handle, size)
    while len(data) < size and (more := os.read(handle, size - len(data))):
        data += more
    return data


def write_all(handle: int, data: bytes) -> None:
    """Write all data to an open file."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _pour(source: int, target: int) -> None:
    """Copy an open file of any size without holding it in memory."""
    if sys.platform == "linux":
        while os.sendfile(target, source, None, 1 << 26):
            pass
    else:
        with open(source, "rb", closefd=False) as reader, open(target, "wb", closefd=False) as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
