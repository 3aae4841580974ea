"""Replacement of an environment's old prefix by the new one in files and links.

Text is replaced as it stands. In binaries a path is a C string in a slot of fixed size: conda's linker leaves the slot
as long as the placeholder that the package was built with, filled up with zeros behind the path, and so does this.
"""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

_SHEBANG_LIMIT = 127  # bytes; older kernels cut off what is behind
# Characters that do not precede a path, except in a compiler's flag: /usr/bin/env does not contain /env.
_NO_START = rb"(?:(?<![\w.~})-])|(?<=-[ILRBF])|(?<=-isystem))"


class TooLongError(Exception):
    """A path is too long for its slot in a binary. ``room`` is the maximum length in bytes."""

    def __init__(self, room: int) -> None:
        self.room = room


class Relocation:
    """The move from one prefix to another. ``left_out`` are subfolders that are not moved or cloned.

    The old prefix may be written as the path itself, as the one behind links, as part of a URL, or escaped in JSON.
    """

    def __init__(self, old: Path, new: Path, left_out: Sequence[str] = ()) -> None:
        self.old, self.new = old, new
        self._roots = tuple(dict.fromkeys((str(old), os.path.realpath(old))))
        self._url = quote(os.fsencode(new)).encode()
        self._new = os.fsencode(new)
        self._spellings: dict[bytes, bytes] = {}
        for root in self._roots:
            self._spellings.setdefault(json.dumps(root)[1:-1].encode(), json.dumps(str(new))[1:-1].encode())
            self._spellings.setdefault(quote(os.fsencode(root)).encode(), self._url)
        for root in self._roots:
            self._spellings[os.fsencode(root)] = self._new
        stays = b"|".join(map(re.escape, map(os.fsencode, left_out)))
        # The path must end here: /envs/dl2 is not /envs/dl.
        end = rb"(?![\w\x80-\xff-]|\.\w" + (rb"|/(?:%s)\b" % stays if stays else b"") + b")"
        start = _NO_START if any(root.count(os.sep) == 1 for root in self._roots) else b""
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._mention = re.compile(start + b"(" + b"|".join(map(re.escape, longest_first)) + b")" + end)
        # An occurrence, the rest of its C string, and the zeros after it.
        self._slot = re.compile(self._mention.pattern + rb"[^\0]*\0*")

    def concerns(self, data: bytes) -> bool:
        """Return whether data may contain the old prefix. Fast: may be true by mistake, but never false."""
        return any(spelling in data for spelling in self._spellings)

    def text(self, data: bytes) -> bytes:
        """Return a text with the prefix replaced. A ``#!`` line remains one that the kernel can execute."""
        replaced = self._mention.sub(self._replacement, data)
        if replaced.startswith(b"#!") and replaced != data:
            line, newline, rest = replaced.partition(b"\n")
            return self._first_line(line) + newline + rest
        return replaced

    def binary(self, data: bytes, room: int) -> bytes:
        """Return a binary of the same length. ``room`` is the maximum bytes of a path. Raises TooLongError."""

        def fill(match: "re.Match[bytes]") -> bytes:
            slot = match[0]
            string = slot.rstrip(b"\0")
            moved, mentions = self._mention.subn(self._replacement, string)
            spare = min(len(slot) - len(string) - 1, mentions * max(0, room - len(match[1])))
            if len(moved) > len(string) + max(0, spare):
                raise TooLongError(len(match[1]) + max(0, spare) // mentions)
            return moved.ljust(len(slot), b"\0")

        return self._slot.sub(fill, data)

    def link(self, target: str, folder: str) -> str:
        """Return the target of a symbolic link in ``folder``, relative to the prefix, for the new prefix."""
        if os.path.isabs(target):
            for root in self._roots:
                if target == root or target.startswith(root + os.sep):
                    return str(self.new) + target[len(root) :]
            return target
        if not os.path.normpath(os.path.join(folder, target)).startswith(os.pardir):
            return target
        # A relative link out of the environment keeps its target.
        outside = os.path.normpath(os.path.join(self.old, folder, target))
        return os.path.relpath(outside, self.new / folder)

    def _replacement(self, match: "re.Match[bytes]") -> bytes:
        start = match.start(1)
        in_url = match.string[max(0, start - 7) : start] == b"file://"
        return self._url if in_url else self._spellings[match[1]]

    def _first_line(self, line: bytes) -> bytes:
        """Return a first line that starts the same interpreter, even if its path is long or contains spaces."""
        place = line.find(self._new)
        end = place + len(self._new)
        if place < 0 or (len(line) <= _SHEBANG_LIMIT and not re.search(rb"\s", self._new)):
            return line
        tail, _, arguments = line[end:].partition(b" ")
        program = self._new + tail
        if b"python" not in tail:
            return b"#!/usr/bin/env " + program.rpartition(b"/")[2]
        # As pip does: a command to the shell, and the start of a string to Python.
        return b"#!/bin/sh\n'''exec' \"%s\"%s \"$0\" \"$@\"\n' '''" % (program, b" " + arguments if arguments else b"")
