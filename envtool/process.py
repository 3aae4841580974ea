"""The only place that starts programs: argument lists, never a shell; both pipes drained; nothing left running."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, NoReturn

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.pseudo_terminal import PseudoTerminal

GRACE = 5.0  # seconds a child is given to end by itself before the next, harder, signal


@dataclass(frozen=True)
class Command:
    """A program with its arguments. ``env`` is laid over this process's environment; None removes a variable.

    With ``terminal`` it writes its stderr to a terminal, where there can be one: some show progress nowhere else.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str | None] = field(default_factory=dict)
    cwd: Path | None = None
    stdin: str = ""
    terminal: bool = False

    def environment(self) -> dict[str, str]:
        """Return the whole environment that the program will see."""
        merged: dict[str, str | None] = {**os.environ, **self.env}
        return {name: value for name, value in merged.items() if value is not None}

    def __str__(self) -> str:
        from envtool.redaction import redact

        return redact(subprocess.list2cmdline(self.argv))


class Completed(NamedTuple):
    """How a program ended, and all that it said. ``returncode`` is negative where a signal ended it, as in POSIX."""

    returncode: int
    stdout: str
    stderr: str


def find(program: str, path: str | None = None) -> str | None:
    """Return the full path of a program on ``path`` (default: this process's PATH), or None."""
    return shutil.which(program, path=path)


def capture(command: Command, *, timeout: float | None = None) -> Completed:
    """Run a program to its end and return what it said. ``timeout`` in seconds; past it the program is stopped.

    Raises EnvtoolError when the program cannot be started or did not end in time.
    """
    return stream(command, timeout=timeout)


def stream(
    command: Command,
    *,
    on_stdout: Callable[[str], None] | None = None,
    on_stderr: Callable[[str], None] | None = None,
    timeout: float | None = None,
    stall: float | None = None,
) -> Completed:
    """Run a program, handing each line to a callback as it comes, and return what it said.

    On a terminal a callback also gets what is drawn over again, as progress is; that is not part of what was said.
    ``timeout`` bounds the whole run and ``stall`` the silence between two lines, in seconds. A callback runs in the
    calling thread, and what it raises stops the program. So does Ctrl-C: the child has a process group of its own, so
    that it is this function, not the terminal, that decides when it ends.
    """
    with _started(command) as child:
        lines = _Lines(child)
        try:
            for origin, line in lines.until_closed(timeout, stall):
                callback = on_stdout if origin == "stdout" else on_stderr
                if callback:
                    callback(line.rstrip("\r\n"))
            child.wait()
        except _TooSlowError as slow:
            raise _silent(command, slow.seconds) from None
        return Completed(child.returncode, "".join(lines.stdout), "".join(lines.stderr))


class Dialogue:
    """A program that answers requests, a line each, with any number of lines. A context manager; leaving stops it."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._stack = ExitStack()
        self._child: subprocess.Popen[bytes] | None = None
        self._lines: _Lines | None = None

    def __enter__(self) -> "Dialogue":
        self._child = self._stack.enter_context(_started(self._command, keep_stdin=True))
        self._lines = _Lines(self._child)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def request(self, text: str, *, stall: float | None = None) -> Iterator[str]:
        """Send a request and yield the lines that come back until the caller has heard enough or the program ends.

        Raises EnvtoolError when no line came for ``stall`` seconds.
        """
        assert self._child is not None and self._lines is not None and self._child.stdin is not None  # noqa: S101, PT018
        _feed(self._child.stdin, text + "\n", close=False)
        try:
            for origin, line in self._lines.until_closed(None, stall):
                if origin == "stdout":
                    yield line
        except _TooSlowError as slow:
            raise _silent(self._command, slow.seconds) from None

    @property
    def last_words(self) -> str:
        """What the program said on stderr."""
        return "".join(self._lines.stderr) if self._lines else ""


def hand_over(command: Command) -> NoReturn:
    """Become the program: it gets our terminal, our signals reach it, its exit code is ours.

    Raises EnvtoolError when it cannot be started. On Windows, which cannot replace a process, waits for it and exits.
    """
    environment = command.environment()
    program = shutil.which(command.argv[0], path=environment.get("PATH"))
    if program is None:
        raise _not_found(command)
    if command.cwd:
        os.chdir(command.cwd)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # pragma: no cover - Windows
        raise SystemExit(subprocess.call([program, *command.argv[1:]], env=environment))
    # Python ignores it, and what is ignored stays so: `envtool run -- yes | head` would not end without a complaint.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execve(program, command.argv, environment)  # noqa: S606 - the point of this function
    except OSError as error:
        raise _cannot_start(command, error) from error


@contextmanager
def _started(command: Command, *, keep_stdin: bool = False) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a program in a group of its own and make sure that the whole group is gone when the block ends."""
    terminal = _terminal() if command.terminal else None
    try:
        child = _popen(command, keep_stdin=keep_stdin, stderr=terminal.program_end if terminal else subprocess.PIPE)
    except BaseException:
        if terminal:
            terminal.close()
        raise
    finally:
        if terminal:
            os.close(terminal.program_end)
    if terminal:
        child.stderr = terminal  # type: ignore[assignment]  # all that is done with it is to read lines and to close it
    try:
        if command.stdin and child.stdin:
            threading.Thread(target=_feed, args=(child.stdin, command.stdin), daemon=True).start()
        yield child
    finally:
        _stop(child)


def _popen(command: Command, *, keep_stdin: bool, stderr: int) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command.argv,
            stdin=subprocess.PIPE if command.stdin or keep_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=_environment(command),
            cwd=command.cwd,
            start_new_session=True,
            close_fds=False,  # what is inheritable is meant to be: the lock outlives us as long as they do
        )
    except FileNotFoundError as error:
        if command.cwd and not command.cwd.is_dir():
            raise _cannot_start(command, error) from error
        raise _not_found(command) from error
    except OSError as error:
        raise _cannot_start(command, error) from error


def _environment(command: Command) -> dict[str, str]:
    """Return a command's environment, in which a Python takes file names for UTF-8 where this one was told to."""
    environment = command.environment()
    if sys.flags.utf8_mode:
        environment["PYTHONUTF8"] = "1"
    return environment


def _terminal() -> "PseudoTerminal | None":
    from envtool.pseudo_terminal import PseudoTerminal

    try:
        return PseudoTerminal()
    except (ImportError, OSError):  # not on Windows, and not where all are taken
        return None


def _feed(pipe: IO[bytes], text: str, *, close: bool = True) -> None:
    try:
        pipe.write(text.encode())
        pipe.flush()
        if close:
            pipe.close()
    except (BrokenPipeError, OSError):
        pass  # it ended without reading all: its exit code says why


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """End a child that is still running, from polite to final."""
    cut_off = child.poll() is None
    for name in ("SIGINT", "SIGTERM", "SIGKILL"):
        if child.poll() is not None:
            break
        if os.name == "nt":  # pragma: no cover - Windows
            child.kill()
        else:
            _signal_group(child.pid, getattr(signal, name))
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
    if cut_off and os.name != "nt":
        # Children that ignore what ended it would live on, and hold its pipes open.
        _signal_group(child.pid, signal.SIGKILL)
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe:
            with suppress(OSError):
                pipe.close()


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


class _TooSlowError(Exception):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class _Lines:
    """Both pipes of a child as one sequence of lines, read by a thread each so that neither can fill up and block."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        import queue

        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._terminal = hasattr(child.stderr, "program_end")
        self._queue: queue.Queue[tuple[str, str | None]] = queue.Queue()
        for name, pipe in (("stdout", child.stdout), ("stderr", child.stderr)):
            threading.Thread(target=self._read, args=(name, pipe), daemon=True).start()

    def _read(self, name: str, pipe: IO[bytes]) -> None:
        try:
            for raw in pipe:
                self._queue.put((name, raw.decode("utf-8", "replace")))
        except ValueError:
            pass  # closed under us: the run was stopped
        self._queue.put((name, None))

    def until_closed(self, timeout: float | None, stall: float | None) -> Iterator[tuple[str, str]]:
        import queue

        deadline = time.monotonic() + timeout if timeout else None
        open_pipes = 2
        while open_pipes:
            waits = [w for w in (stall, deadline and deadline - time.monotonic()) if w is not None]
            # Never wait without end: on Windows a blocked get() would not see Ctrl-C.
            wait = max(0.0, min(waits)) if waits else 3600.0
            try:
                origin, line = self._queue.get(timeout=wait)
            except queue.Empty:
                if waits:
                    over = timeout if deadline and time.monotonic() >= deadline else stall
                    raise _TooSlowError(over or 0.0) from None
                continue
            if line is None:
                open_pipes -= 1
                continue
            drawn_over = self._terminal and origin == "stderr" and line.endswith("\r")
            if not drawn_over:
                (self.stdout if origin == "stdout" else self.stderr).append(line)
            yield origin, line


def _silent(command: Command, seconds: float) -> EnvtoolError:
    return EnvtoolError(
        tr(
            "{program} did not answer for {seconds:.0f} seconds and was stopped.",
            program=Path(command.argv[0]).name,
            seconds=seconds,
        ),
        hint=tr("The command was: {command}", command=command),
    )


def _not_found(command: Command) -> EnvtoolError:
    if os.sep in command.argv[0] and Path(command.argv[0]).is_file():
        return EnvtoolError(
            tr("The program {program} may not be executed.", program=command.argv[0]),
            hint=tr("Start it by what runs it (python {program}), or: chmod +x {program}", program=command.argv[0]),
            code=ExitCode.MISSING,
        )
    return EnvtoolError(
        tr("The program {program} was not found.", program=command.argv[0]),
        hint=tr("Check its spelling, or that it is installed and on PATH."),
        code=ExitCode.MISSING,
    )


def _cannot_start(command: Command, error: OSError) -> EnvtoolError:
    return EnvtoolError(
        tr(
            "The program {program} could not be started: {reason}.",
            program=command.argv[0],
            reason=error.strerror or error,
        )
    )
