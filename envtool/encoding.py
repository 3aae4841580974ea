"""Text and bytes: byte order marks, encodings and line ends, kept as they were when a file is edited."""

import codecs
import locale
import re
import sys
from contextlib import suppress
from typing import NamedTuple

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Form(NamedTuple):
    """How a file's text is stored: its byte order mark and its encoding."""

    mark: bytes = b""
    encoding: str = "utf-8"

    def encode(self, text: str) -> bytes:
        """Return the bytes of a text in this form."""
        return self.mark + text.encode(self.encoding)


def decode(data: bytes) -> str:
    """Return the text of UTF-8 bytes, or of UTF-16 with a byte order mark, which PowerShell writes.

    A mark is not part of the text. Raises UnicodeDecodeError for anything else.
    """
    return _decoded(data)[0]


def decode_input(data: bytes) -> str:
    """Return the text of a file of specs: as :func:`decode`, but its comments may be in GBK (Chinese Windows).

    Nothing depends on a comment. Raises UnicodeDecodeError where anything outside comments is in another encoding.
    """
    try:
        return decode(data)
    except UnicodeDecodeError:
        with suppress(UnicodeDecodeError):
            text = data.decode("gb18030")  # a superset of GBK
            if re.sub(r"#.*", "", text).isascii() and "\0" not in text:
                return text
        raise


def decode_with_form(data: bytes, *, any_bytes: bool = False) -> tuple[str, Form]:
    """Return a configuration file's text, and the form that turns an edited text back into bytes.

    Where it is neither UTF-8 nor UTF-16, the system's encoding is tried, as conda and pip do: GBK on Chinese Windows.
    ``any_bytes`` decodes the rest byte by byte, so that comments in an unknown encoding survive an edit of the lines
    around them; without it such a file raises UnicodeDecodeError.
    """
    try:
        return _decoded(data)
    except UnicodeDecodeError:
        for encoding in (system_encoding(), *(["latin-1"] if any_bytes else [])):
            with suppress(UnicodeDecodeError, LookupError):
                return data.decode(encoding), Form(encoding=encoding)
        raise


def _decoded(data: bytes) -> tuple[str, Form]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding), Form(mark, encoding)
    return data.decode("utf-8"), Form()


def system_encoding() -> str:
    """Return the encoding of the user's locale, also where Python runs in its UTF-8 mode."""
    if sys.platform == "win32":  # pragma: no cover - Windows
        return locale.getpreferredencoding(False)
    return locale.nl_langinfo(locale.CODESET) or "utf-8"


def line_end(text: str) -> str:
    """Return the line end that most lines of a text have; on a tie, that of the first line."""
    windows, all_ends = text.count("\r\n"), text.count("\n")
    if 2 * windows == all_ends:
        first = text.find("\n")
        return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
    return "\r\n" if 2 * windows > all_ends else "\n"


def insert_line(text: str, offset: int, line: str) -> str:
    """Return ``text`` with ``line``, which has no line end, inserted at ``offset``: a line's start or the text's end.

    A text without a final newline is left without one.
    """
    end = line_end(text)
    if offset >= len(text) and text and not text.endswith("\n"):
        return text + end + line
    return text[:offset] + line + end + text[offset:]


def line_start(text: str, offset: int) -> int:
    """Return the offset at which the line containing ``offset`` begins."""
    return text.rfind("\n", 0, offset) + 1


def next_line(text: str, offset: int) -> int:
    """Return the offset at which the next line begins, or the end of the text after the last line."""
    found = text.find("\n", offset)
    return len(text) if found < 0 else found + 1


def lines_of(text: str) -> list[str]:
    """Return a text's lines with their line ends. Only ``\\n`` ends one; ``str.splitlines`` splits at ten more."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
