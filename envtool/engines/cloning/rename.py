"""Rename an environment on its file system: its folder is renamed, and what mentions its prefix is replaced.

All new content is prepared inside the environment, so that it moves along, and a journal says where each piece goes.
The one step that counts is the renaming of the folder. The place of the journal says afterwards what is left to do: at
the old prefix nothing has happened yet, at the new one the pieces only have to be moved to where they belong.
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
from envtool.prefix.digest import Digest, Rewritten
from envtool.prefix.marks import RENAMING, mark_finished, mark_unfinished
from envtool.versioned_json import Json

_FOLDER = RENAMING
_JOURNAL = "journal.json"


class Move:
    """One move: :meth:`prepare`, then :meth:`carry_out`. Raises OSError, and EnvtoolError before anything changed."""

    def __init__(self, old: Path, new: Path, command: str) -> None:
        self._old, self._new, self._command = old, new, command
        self._folder = old / _FOLDER
        self._relocation = Relocation(old, new)
        self._pieces: dict[str, str] = {}  # path below the prefix -> its name in our folder
        self._rewritten: Rewritten = {}

    def prepare(self, progress: Callable[[int, int], None]) -> tuple[int, list[str]]:
        """Prepare all that will change. Return how many files, and warnings."""
        abandon(self._old)
        self._folder.mkdir(parents=True)
        tree = walk(self._old, {_FOLDER})
        rewriter = Rewriter(self._relocation, manifests.conda_files(self._old))
        for count, file in enumerate(tree.files):
            self._look_into(file, rewriter)
            if not count % 256:
                progress(count, len(tree.files))
        for file, content in manifests.updated(tree.files, self._now, self._rewritten):
            self._keep(file, content, os.stat(self._old / file))
        links = {link: self._target(link) for link in tree.links}
        journal = {
            "old": os.path.realpath(self._old),
            "command": self._command,
            "files": self._pieces,
            "links": {link: target for link, target in links.items() if target != os.readlink(self._old / link)},
        }
        sync_folder(self._folder)
        versioned_json.write(self._folder / _JOURNAL, journal)
        return len(self._pieces), rewriter.warnings()

    def carry_out(self) -> None:
        """Rename the folder and put every piece in its place; an interruption takes effect afterwards."""
        mark_unfinished(self._old, self._command)
        self._old.rename(self._new)
        try:
            sync_folder(self._new.parent)
            sync_folder(self._old.parent)
            recover(self._new)
        except KeyboardInterrupt:
            recover(self._new)
            raise

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
        """Keep a file's new content with the mode and owner of the old; see ``copying`` for the time."""
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
    """Return whether a move of this environment was begun and neither finished nor abandoned."""
    return (prefix / _FOLDER).is_dir()


def recover(prefix: Path) -> None:
    """Finish a move where the folder has been renamed, abandon it where it has not. May be repeated.

    Raises NewerVersionError, and EnvtoolError where the journal is damaged.
    """
    journal = _journal(prefix)
    if journal is None or journal["old"] == os.path.realpath(prefix):
        abandon(prefix)
        return
    for file, name in journal["files"].items():
        with suppress(FileNotFoundError):  # it is where it belongs already
            (prefix / _FOLDER / name).replace(prefix / file)
    for link, target in journal["links"].items():
        aside = prefix / _FOLDER / "link"
        aside.unlink(missing_ok=True)
        aside.symlink_to(target)
        aside.replace(prefix / link)
    abandon(prefix)


def abandon(prefix: Path) -> None:
    """Give a move up: remove the mark and what was prepared."""
    if pending(prefix):
        # The mark goes first: a folder without a mark is found again, a mark without a folder would stay forever.
        mark_finished(prefix)
        (prefix / _FOLDER / _JOURNAL).unlink(missing_ok=True)
        shutil.rmtree(prefix / _FOLDER)


def _journal(prefix: Path) -> Json | None:
    path = prefix / _FOLDER / _JOURNAL
    if not path.exists():
        return None
    journal = versioned_json.read(path)
    if not {"old", "files", "links"} <= journal.keys():
        raise EnvtoolError(
            tr("{path} is damaged; the interrupted rename cannot be finished.", path=path),
            hint=tr("Files in {prefix} may still name its old path. Create the environment again.", prefix=prefix),
        )
    return journal
