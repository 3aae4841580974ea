"""What moving an environment means for the bytes of its files: every mention of the old place becomes the new one.

Text is replaced as it stands. In binaries a path is a C string in a slot of fixed size: conda's linker leaves the slot
as long as the placeholder that the package was built with, filled up with zeros behind the path, and so does this.
"""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

_SHEBANG_LIMIT = 127  # bytes; what lies behind it older kernels cut off
# What cannot stand before a path that begins here, unless it is a compiler's flag: /usr/bin/env is not in /env.
_NO_START = rb"(?:(?<![\w.~})-])|(?<=-[ILRBF])|(?<=-isystem))"


class TooLongError(Exception):
    """A path that does not fit into the slot that a binary has for it; ``room`` is the longest that would, in bytes."""

    def __init__(self, room: int) -> None:
        self.room = room


class Relocation:
    """The way from one prefix to another. ``left_behind`` are subfolders that do not come along.

    The old place may be written as the path itself, as the one behind links, as part of a URL, or escaped in JSON.
    """

    def __init__(self, old: Path, new: Path, left_behind: Sequence[str] = ()) -> None:
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
        stays = b"|".join(map(re.escape, map(os.fsencode, left_behind)))
        # Another environment beside this one, /envs/dl2 beside /envs/dl, is not meant.
        end = rb"(?![\w\x80-\xff-]|\.\w" + (rb"|/(?:%s)\b" % stays if stays else b"") + b")"
        start = _NO_START if any(root.count(os.sep) == 1 for root in self._roots) else b""
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._mention = re.compile(start + b"(" + b"|".join(map(re.escape, longest_first)) + b")" + end)
        # A mention, the rest of its C string, and the zeros behind it.
        self._slot = re.compile(self._mention.pattern + rb"[^\0]*\0*")

    def concerns(self, data: bytes) -> bool:
        """Return whether the old place is mentioned; wrong now and then, but never by saying no, and fast."""
        return any(spelling in data for spelling in self._spellings)

    def text(self, data: bytes) -> bytes:
        """Return a text with every mention replaced; the first line stays one that a kernel can start."""
        replaced = self._mention.sub(self._replacement, data)
        if replaced.startswith(b"#!") and replaced != data:
            line, newline, rest = replaced.partition(b"\n")
            return self._first_line(line) + newline + rest
        return replaced

    def binary(self, data: bytes, room: int) -> bytes:
        """Return a binary of the same length; ``room`` is how long a path may be, in bytes. Raises TooLongError."""

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
        """Return a symbolic link's target for the new place; ``folder`` is where the link lies, below the prefix."""
        if os.path.isabs(target):
            for root in self._roots:
                if target == root or target.startswith(root + os.sep):
                    return str(self.new) + target[len(root) :]
            return target
        if not os.path.normpath(os.path.join(folder, target)).startswith(os.pardir):
            return target
        # A relative link that leaves the environment goes on leading where it led.
        outside = os.path.normpath(os.path.join(self.old, folder, target))
        return os.path.relpath(outside, self.new / folder)

    def _replacement(self, match: "re.Match[bytes]") -> bytes:
        start = match.start(1)
        in_url = match.string[max(0, start - 7) : start] == b"file://"
        return self._url if in_url else self._spellings[match[1]]

    def _first_line(self, line: bytes) -> bytes:
        """Return a first line that starts the same interpreter also where its path is long or has spaces in it."""
        place = line.find(self._new)
        end = place + len(self._new)
        if place < 0 or (len(line) <= _SHEBANG_LIMIT and not re.search(rb"\s", self._new)):
            return line
        tail, _, arguments = line[end:].partition(b" ")
        program = self._new + tail
        if b"python" not in tail:
            return b"#!/usr/bin/env " + program.rpartition(b"/")[2]
        # pip's own way out: a line that is a shell's command, and to Python the beginning of a string.
        return b"#!/bin/sh\n'''exec' \"%s\"%s \"$0\" \"$@\"\n' '''" % (program, b" " + arguments if arguments else b"")
