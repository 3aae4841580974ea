"""Pseudo-terminal for programs that show progress only on a terminal; their output is read as lines."""

import io
import re
from collections.abc import Iterator

_COLUMNS, _ROWS = 200, 100  # wide enough that programs do not shorten their lines
_ERASED = re.compile(rb"\x1b\[\d*K")
_SEQUENCE = re.compile(rb"\x1b\[[\d;?]*[A-Za-z]")


class PseudoTerminal:
    """The two ends of a terminal: ``program_end`` is the program's descriptor; iteration reads what it writes.

    Yields each complete line with its line feed, and text that is overwritten later with a carriage return at its end.
    Raises OSError where the system has no free terminal.
    """

    def __init__(self) -> None:
        import fcntl
        import pty
        import struct
        import termios

        ours, self.program_end = pty.openpty()
        self._our_end = io.FileIO(ours, "rb")
        fcntl.ioctl(self.program_end, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))

    def __iter__(self) -> Iterator[bytes]:
        pending = b""
        while chunk := self._read():
            pending = _SEQUENCE.sub(b"", _ERASED.sub(b"\r", pending + chunk)).replace(b"\r\n", b"\n")
            *lines, pending = pending.split(b"\n")
            for line in lines:
                yield line.rpartition(b"\r")[2] + b"\n"
            drawn = pending.rpartition(b"\r")[2]
            if drawn.strip() and b"\x1b" not in drawn:  # an escape sequence may not be complete yet
                yield drawn + b"\r"
        if pending.strip():
            yield pending.rpartition(b"\r")[2]

    def close(self) -> None:
        """Close the end that is read."""
        self._our_end.close()

    def _read(self) -> bytes:
        try:
            return self._our_end.read(65536)
        except OSError:  # no program has the terminal open any more
            return b""
