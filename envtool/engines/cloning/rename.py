"""Rename an environment on its file system: rename its folder, and replace the prefix in its files.

All new content is prepared in a folder beside the old place, with a journal that says where each piece goes and which
environment it is for. Then that folder moves beside the new place, and after it the environment itself: the one step
that counts. Until then nothing has happened to the environment; from then on the journal beside it says what is left to
do: the pieces only have to be moved to where they belong.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from envtool import versioned_json
from envtool.engines.cloning import manifests
from envtool.engines.cloning.copying import SECOND, read_all, write_all
from envtool.engines.cloning.file_tree import walk
from envtool.engines.cloning.relocation import Relocation
from envtool.engines.cloning.rewriting import Rewriter
from envtool.errors import EnvtoolError
from envtool.files import read_file, sync_folder
from envtool.i18n import tr
from envtool.prefix.containment import leading_out
from envtool.prefix.digest import Digest, Rewritten
from envtool.prefix.marks import (
    JOURNAL,
    identity,
    is_renamed,
    is_trusted,
    mark_finished,
    old_renaming_of,
    renaming_of,
)
from envtool.versioned_json import Json


class Move:
    """One move: :meth:`prepare`, then :meth:`carry_out`. Raises OSError, and EnvtoolError before anything changed."""

    def __init__(self, old: Path, new: Path, command: str) -> None:
        self._old, self._new, self._command = old, new, command
        self._folder = renaming_of(old)
        # A link is renamed in place of what it leads to, whose marks stay where they are.
        self._folder_then = renaming_of(old if old.is_symlink() else new)
        self._relocation = Relocation(old, new)
        self._pieces: dict[str, str] = {}  # path below the prefix -> its name in our folder
        self._rewritten: Rewritten = {}

    def prepare(self, progress: Callable[[int, int], None]) -> tuple[int, list[str]]:
        """Prepare all changes. Return the number of files, and warnings."""
        abandon(self._old)
        abandon(self._new)
        self._folder.mkdir(parents=True)
        tree = walk(self._old)
        rewriter = Rewriter(self._relocation, manifests.conda_files(self._old))
        for count, file in enumerate(tree.files):
            self._look_into(file, rewriter)
            if not count % 256:
                progress(count, len(tree.files))
        for file, content in manifests.updated(tree.files, self._now, self._rewritten):
            self._keep(file, content, os.stat(self._old / file))
        links = {link: self._target(link) for link in tree.links}
        journal = {
            "root": identity(self._old),
            "old": os.path.abspath(self._old),
            "command": self._command,
            "files": self._pieces,
            "links": {link: target for link, target in links.items() if target != os.readlink(self._old / link)},
        }
        sync_folder(self._folder)
        versioned_json.write(self._folder / JOURNAL, journal)
        return len(self._pieces), rewriter.warnings()

    def carry_out(self) -> None:
        """Rename the folder and move every piece to its place. An interruption takes effect afterwards."""
        if self._folder_then != self._folder:
            self._folder.rename(self._folder_then)
        sync_folder(self._folder_then.parent)
        self._old.rename(self._new)
        try:
            sync_folder(self._new.parent)
            sync_folder(self._old.parent)
            recover(self._new)
        except KeyboardInterrupt:
            recover(self._new)
            raise

    def abandon(self) -> None:
        """Remove the prepared files, if the environment has not moved."""
        for folder in {self._folder, self._folder_then}:
            _remove(folder)

    def _look_into(self, file: str, rewriter: Rewriter) -> None:
        path = os.path.join(self._old, file)
        if rewriter.can_be_shared(file, path):
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            status = os.fstat(handle)
            if not rewriter.must_be_read(file, status.st_size, handle):
                return
            data = read_all(handle, status.st_size)
        finally:
            os.close(handle)
        new = rewriter.rewritten(file, data)
        if new != data:
            self._rewritten[file] = Digest.of(data), Digest.of(new)
            self._keep(file, new, status)

    def _keep(self, file: str, content: bytes, status: os.stat_result) -> None:
        """Save the new content of a file, with its mode and owner. ``copying`` explains the time."""
        name = self._pieces.setdefault(file, str(len(self._pieces)))
        handle = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            write_all(handle, content)
            with suppress(PermissionError):
                os.chown(handle, status.st_uid, status.st_gid)
            os.chmod(handle, status.st_mode & 0o7777)
            os.utime(handle, ns=(status.st_atime_ns, status.st_mtime_ns + SECOND))
            os.fsync(handle)
        finally:
            os.close(handle)

    def _now(self, file: str) -> bytes:
        name = self._pieces.get(file)
        return read_file(self._folder / name if name else self._old / file)

    def _target(self, link: str) -> str:
        return self._relocation.link(os.readlink(self._old / link), os.path.dirname(link))


def pending(prefix: Path) -> bool:
    """Return whether a rename is unfinished: files lack their new content, or envtool 0.1 left a rename."""
    return is_renamed(prefix) or _left_by_0_1(prefix) is not None


def recover(prefix: Path) -> None:
    """Finish a move of an environment, or remove the traces of one that never happened. Can be repeated.

    Raises NewerVersionError, and EnvtoolError where the journal is damaged.
    """
    if is_renamed(prefix):
        _finish(prefix, renaming_of(prefix))
    abandon(prefix)
    if (left := _left_by_0_1(prefix)) is not None:
        journal = _journal(prefix, left)
        if journal and journal["old"] != os.path.realpath(prefix):
            _finish(prefix, left)
        # The mark goes first: a folder without a mark is found later, a mark without a folder would stay forever.
        mark_finished(prefix)
        _remove(left)


def abandon(prefix: Path) -> None:
    """Remove the prepared files of moves from and to this path that never happened."""
    _remove(renaming_of(prefix))
    beside = renaming_of(prefix).parent
    for folder in beside.glob("*.renaming") if beside.is_dir() else ():
        if versioned_json.read(folder / JOURNAL).get("old") == os.path.abspath(prefix):
            _remove(folder)


def _left_by_0_1(prefix: Path) -> Path | None:
    """Return the folder of a rename that envtool 0.1 began, or None. A folder that a package installed is none."""
    left = old_renaming_of(prefix)
    if not left.is_dir() or left.is_symlink() or left.parent.is_symlink():
        return None
    journal = left / JOURNAL
    return left if not journal.exists() or is_trusted(prefix, journal) else None


def _finish(prefix: Path, folder: Path) -> None:
    journal = _journal(prefix, folder)
    if journal is None:
        return
    for file, name in journal["files"].items():
        with suppress(FileNotFoundError):  # it is where it belongs already
            (folder / name).replace(prefix / file)
    for link, target in journal["links"].items():
        aside = folder / "link"
        aside.unlink(missing_ok=True)
        aside.symlink_to(target)
        aside.replace(prefix / link)


def _journal(prefix: Path, folder: Path) -> Json | None:
    """Return the journal in a folder, or None. Raises EnvtoolError if no rename can have written it."""
    path = folder / JOURNAL
    if not path.exists():
        return None
    journal = versioned_json.read(path)
    if not _makes_sense(prefix, journal):
        raise EnvtoolError(
            tr("{path} is damaged; the interrupted rename cannot be finished.", path=path),
            hint=tr("Files in {prefix} may still name its old path. Create the environment again.", prefix=prefix),
        )
    return journal


def _makes_sense(prefix: Path, journal: Json) -> bool:
    """Return whether every piece is one of the folder's own files, and every path stays in the environment."""
    files, links = journal.get("files"), journal.get("links")
    if not (isinstance(files, dict) and isinstance(links, dict) and isinstance(journal.get("old"), str)):
        return False
    if not all(isinstance(name, str) and name.isdecimal() for name in files.values()):
        return False
    return all(isinstance(target, str) for target in links.values()) and not leading_out(prefix, [*files, *links])


def _remove(folder: Path) -> None:
    """Remove a folder of prepared pieces. The journal goes first, so that after a kill the rest has no meaning."""
    (folder / JOURNAL).unlink(missing_ok=True)
    if folder.is_dir():
        shutil.rmtree(folder)
