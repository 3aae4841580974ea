"""Commands running on a real terminal."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from support.home import Home

pty = pytest.importorskip("pty", reason="this system has no terminals that a test could hold")

# Makes the terminal the one that Ctrl-C is typed at. Not by pty.fork(): a process with threads had better not fork.
_TAKE_IT = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
_PATIENCE = 30.0  # seconds


class Terminal:
    """A running ``envtool ARGUMENTS``, or another program of the home, on a terminal of its own."""

    def __init__(self, home: Home, arguments: tuple[str, ...], env: Mapping[str, str]) -> None:
        self._end, theirs = pty.openpty()
        command = [sys.executable, "-c", _TAKE_IT, *home.program, *arguments]
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=home.path,
            env={**home.environ, **env},
            start_new_session=True,
        )
        os.close(theirs)
        self.said = ""

    def until(self, text: str) -> str:
        """Return the output up to and including ``text``, and drop it."""
        os.set_blocking(self._end, False)
        deadline = time.monotonic() + _PATIENCE
        while text not in self.said and time.monotonic() < deadline:
            try:
                self.said += os.read(self._end, 4096).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.02)
            except OSError:  # Linux' way to say that the other end is gone
                break
        assert text in self.said, self.said
        head, _, self.said = self.said.partition(text)
        return head + text

    def rest(self) -> str:
        """Return all output until the command ends."""
        os.set_blocking(self._end, True)
        data = self.said.encode()
        try:
            while piece := os.read(self._end, 4096):
                data += piece
        except OSError:  # as above
            pass
        self.said = data.decode()
        return self.said

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._end, line.encode() + b"\n")

    def ask(self, line: str) -> str:
        """Return the output of a command typed into a shell, told from its echo by a mark."""
        self.type(f"printf '<%s' ; {line} ; printf '%s>' END")
        answer = self.until("END>")
        return answer.rpartition("<")[2].removesuffix("END>").strip()

    def end(self) -> int:
        """Wait for the command to end and return its exit code."""
        return self._process.wait(_PATIENCE)

    def close(self) -> None:
        """Kill the command if it is still running, and close the terminal."""
        self._process.kill()
        self._process.wait()
        os.close(self._end)
