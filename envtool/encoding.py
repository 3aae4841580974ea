"""A configuration file's bytes as text and back: encoding, byte-order mark and line ends stay what they were."""

import codecs
import locale
import re
from contextlib import suppress
from dataclasses import dataclass

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Form:
    """How a file's text is written down."""

    mark: bytes = b""
    encoding: str = "utf-8"

    def encode(self, text: str) -> bytes:
        """Return the bytes of a text in this form."""
        return self.mark + text.encode(self.encoding)


def read(data: bytes, *, any_bytes: bool = False) -> tuple[str, Form]:
    """Return a file's text and its form.

    What is neither UTF-8 nor UTF-16 is taken in the system's encoding, as conda and pip do: GBK on a Chinese Windows.
    With ``any_bytes`` the rest is taken byte by byte, so that such comments survive an edit of the ASCII lines around
    them; without it UnicodeDecodeError is raised.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding), Form(mark, encoding)
    try:
        return data.decode("utf-8"), Form()
    except UnicodeDecodeError as error:
        for encoding in (locale.getpreferredencoding(False), *(["latin-1"] if any_bytes else [])):
            with suppress(UnicodeDecodeError, LookupError):
                return data.decode(encoding), Form(encoding=encoding)
        raise error from None


def line_end(text: str) -> str:
    """Return the line end that most lines of a text have: that of its first line where they are equal in number."""
    windows, all_ends = text.count("\r\n"), text.count("\n")
    if 2 * windows == all_ends:
        first = text.find("\n")
        return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
    return "\r\n" if 2 * windows > all_ends else "\n"


def insert_line(text: str, offset: int, line: str) -> str:
    """Return ``text`` with ``line`` (without its end) put in at ``offset``, the start of a line or the text's end.

    Where the text lacks its final newline, it still lacks it afterwards.
    """
    end = line_end(text)
    if offset >= len(text) and text and not text.endswith("\n"):
        return text + end + line
    return text[:offset] + line + end + text[offset:]


def line_start(text: str, offset: int) -> int:
    """Return where the line that ``offset`` lies in begins."""
    return text.rfind("\n", 0, offset) + 1


def next_line(text: str, offset: int) -> int:
    """Return where the line after the one that ``offset`` lies in begins: the text's end after the last one."""
    found = text.find("\n", offset)
    return len(text) if found < 0 else found + 1


def lines_of(text: str) -> list[str]:
    """Return a text's lines with their ends. Only ``\\n`` ends one: str.splitlines knows ten more that files do not."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
