"""Commands on a real terminal, typed at and read from."""

import os
import signal
import sys
import time
from collections.abc import Mapping

import pytest
from conftest import Home

pty = pytest.importorskip("pty", reason="this system has no terminals that a test could hold")


class Terminal:
    """A running ``envtool ARGUMENTS``, on a terminal of its own."""

    def __init__(self, home: Home, arguments: tuple[str, ...], env: Mapping[str, str]) -> None:
        self.pid, self._end = pty.fork()
        if self.pid == 0:  # pragma: no cover - the child
            os.chdir(home.path)
            argv = [sys.executable, "-m", "envtool", *arguments]
            os.execve(sys.executable, argv, {**home.environ, **env})
        self.said = ""

    def until(self, text: str) -> str:
        """Return what came up to and with ``text``, and forget it."""
        os.set_blocking(self._end, False)
        deadline = time.monotonic() + 30
        while text not in self.said:
            try:
                self.said += os.read(self._end, 4096).decode()
            except BlockingIOError:
                time.sleep(0.02)
            except OSError:  # Linux' way to say that the other end is gone
                break
            if time.monotonic() > deadline:
                break
        assert text in self.said, self.said
        head, _, self.said = self.said.partition(text)
        return head + text

    def rest(self) -> str:
        """Return all that comes until the command ends."""
        os.set_blocking(self._end, True)
        try:
            while piece := os.read(self._end, 4096):
                self.said += piece.decode()
        except OSError:  # Linux' way to say that the other end is gone
            pass
        return self.said

    def type(self, line: str) -> None:
        os.write(self._end, line.encode() + b"\n")

    def ask(self, line: str) -> str:
        """Return what a shell's command prints, told from its echo by a mark that only the output has whole."""
        self.type(f"printf '<%s' ; {line} ; printf '%s>' END")
        answer = self.until("END>")
        return answer.rpartition("<")[2].removesuffix("END>").strip()

    def end(self) -> int:
        """Wait for the shell to end and return its exit code."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        pytest.fail("the shell did not end")

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._end)
