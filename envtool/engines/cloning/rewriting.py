"""Find the files of an environment that contain its prefix, and rewrite them for another prefix."""

import os
import re
from typing import Final

from envtool.engines.cloning import elf
from envtool.engines.cloning.manifests import CondaFiles
from envtool.engines.cloning.relocation import Relocation, TooLongError
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.prefix import conda_meta

_LARGE: Final = 4 << 20  # bytes: a larger file that no record lists is data, such as weights, and is not read
_LIBRARY = re.compile(r"\.(so|dylib|pyd|dll)$|\.so\.[\d.]+$")
_FIXED = (".pyc", ".pyo", ".a", ".lib", ".egg", ".whl", ".jar")


class Rewriter:
    """Rewrites one file after another for another prefix."""

    def __init__(self, relocation: Relocation, conda_files: CondaFiles) -> None:
        self._relocation = relocation
        self._placeholders = conda_files.placeholders
        self._old, self._new = os.fsencode(relocation.old.name), os.fsencode(relocation.new.name)
        self._is_venv = (relocation.old / "pyvenv.cfg").is_file()
        self._stuck: list[str] = []

    def can_be_shared(self, file: str, path: str) -> bool:
        """Return whether a file is of a kind that is never edited in place, and contains nothing to change."""
        if file in self._placeholders:
            return False
        if file.endswith(_FIXED):
            return True
        if not _LIBRARY.search(file):
            return False
        with open(path, "rb", buffering=0) as handle:
            return not self._relocation.concerns(elf.run_path(handle))

    def must_be_read(self, file: str, size: int, handle: int) -> bool:
        """Return whether an open file must be read, because it may contain the prefix."""
        if size <= _LARGE or file in self._placeholders or _LIBRARY.search(file):
            return True
        return os.pread(handle, 2, 0) == b"#!"

    def rewritten(self, file: str, data: bytes) -> bytes:
        """Return the content of a file for the new prefix, or ``data`` if nothing changes. Raises EnvtoolError."""
        if self._is_venv and file.startswith(("bin/activate", "pyvenv.cfg")):
            data = self._renamed(data)
        if not self._relocation.concerns(data) or file == "conda-meta/history" or conda_meta.is_record(file):
            return data  # the history is about the past, and the paths in records are those of the package cache
        return self._binary(file, data) if b"\0" in data else self._relocation.text(data)

    def warnings(self) -> list[str]:
        """Return a sentence for each binary whose old path could not be replaced."""
        return [
            tr(
                "{file} was compiled in {old} and still looks for libraries there: {new} is too long to replace it.",
                file=file,
                old=self._relocation.old,
                new=self._relocation.new,
            )
            for file in self._stuck
        ]

    def _renamed(self, data: bytes) -> bytes:
        """Return a venv's activation script or settings with the new name in the prompt."""
        for form in (b"(%s)", b'"%s"', b"prompt = %s\n", b"prompt = '%s'\n"):
            data = data.replace(form % self._old, form % self._new)
        return data

    def _binary(self, file: str, data: bytes) -> bytes:
        placeholder = self._placeholders.get(file)
        if not (placeholder and placeholder.binary) and not data.startswith(b"\x7fELF"):
            # A program with a ``#!`` line, such as a zip application, or data of an unknown format.
            line, newline, rest = data.partition(b"\n")
            return self._relocation.text(line) + newline + rest if line.startswith(b"#!") else data
        try:
            return self._relocation.binary(data, placeholder.room if placeholder else 0)
        except TooLongError as error:
            if placeholder is None:
                self._stuck.append(file)
                return data
            raise EnvtoolError(
                tr(
                    "{file} has room for a path of {room} bytes, and {new} has {length}.",
                    file=file,
                    room=error.room,
                    new=self._relocation.new,
                    length=len(os.fsencode(self._relocation.new)),
                ),
                hint=tr("Choose a shorter name, or a folder with a shorter path."),
            ) from None
