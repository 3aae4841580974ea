"""Child processes: started from argument lists, never by a shell, both pipes drained, none left running."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, NoReturn

from envtool.errors import EnvtoolError, ExitCode
from envtool.files import shebang
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.pseudo_terminal import PseudoTerminal

GRACE = 5.0  # seconds that a child has to end after a signal, before it gets a harder one


@dataclass(frozen=True)
class Command:
    """A program with its arguments. ``env`` changes this process's environment; None removes a variable.

    ``terminal`` gives it a terminal as stderr, if possible: some programs show progress nowhere else.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str | None] = field(default_factory=dict)
    cwd: Path | None = None
    stdin: str = ""
    terminal: bool = False

    def environment(self) -> dict[str, str]:
        """Return the complete environment of the program."""
        merged: dict[str, str | None] = {**os.environ, **self.env}
        return {name: value for name, value in merged.items() if value is not None}

    def __str__(self) -> str:
        from envtool.redaction import redact

        return redact(subprocess.list2cmdline(self.argv))


class Completed(NamedTuple):
    """The output of a program that has ended. ``returncode`` is the negative signal number if a signal ended it."""

    returncode: int
    stdout: str
    stderr: str


def find(program: str, path: str | None = None) -> str | None:
    """Return the full path of a program on ``path`` (default: this process's PATH), or None."""
    return shutil.which(program, path=path)


class CannotStartError(EnvtoolError):
    """A program that could not be started; ``cause`` says why, in words that follow a colon."""

    def __init__(self, message: str, *, cause: str, hint: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message, hint=hint, code=code)
        self.cause = cause


class TimeoutExceededError(EnvtoolError):
    """A program that was stopped, since it took too long or was silent for too long."""


def capture(command: Command, *, timeout: float | None = None) -> Completed:
    """Run a program and return its output. After ``timeout`` seconds it is stopped.

    Raises EnvtoolError if the program cannot be started, TimeoutExceededError if it does not end in time.
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
    """Run a program, pass each line of output to a callback as it arrives, and return the whole output.

    With a terminal, a callback also gets text that is overwritten later, such as progress; the returned output does
    not contain it. ``timeout`` limits the run and ``stall`` the silence between two lines, in seconds. Callbacks run in
    the calling thread, and an exception in one stops the program. So does Ctrl-C: the program is in a process group of
    its own, so that this function and not the terminal decides when it ends.
    """
    deadline = time.monotonic() + timeout if timeout else None
    with _started(command) as child:
        lines = _Lines(child)
        try:
            for origin, line in lines.until_closed(timeout, stall):
                callback = on_stdout if origin == "stdout" else on_stderr
                if callback:
                    callback(line.rstrip("\r\n"))
            # A program may close its output and go on.
            child.wait(max(0.1, deadline - time.monotonic()) if deadline else stall)
        except _TooSlowError as slow:
            raise _silent(command, slow.seconds) from None
        except subprocess.TimeoutExpired:
            raise _silent(command, timeout or stall or 0.0) from None
        return Completed(child.returncode, "".join(lines.stdout), "".join(lines.stderr))


class Dialogue:
    """A program that answers each request, one line, with any number of lines. Leaving the context stops it."""

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
        """Send a request and yield the lines of the answer until the caller stops or the program ends.

        Raises EnvtoolError if no line arrives for ``stall`` seconds.
        """
        self.send(text)
        yield from self.lines(stall=stall)

    def send(self, text: str) -> None:
        """Send a line, without looking for an answer."""
        assert self._child is not None and self._child.stdin is not None  # noqa: S101, PT018
        _feed(self._child.stdin, text + "\n", close=False)

    def lines(self, *, stall: float | None = None) -> Iterator[str]:
        """Yield lines without a request, as :meth:`request` does after one."""
        assert self._lines is not None  # noqa: S101
        try:
            for origin, line in self._lines.until_closed(None, stall):
                if origin == "stdout":
                    yield line
        except _TooSlowError as slow:
            raise _silent(self._command, slow.seconds) from None

    def wait(self, *, limit: float) -> int:
        """Return the exit code of a program that has closed its output. Raises EnvtoolError after ``limit`` seconds."""
        assert self._child is not None  # noqa: S101
        try:
            return self._child.wait(limit)
        except subprocess.TimeoutExpired:
            raise _silent(self._command, limit) from None

    @property
    def errors(self) -> str:
        """What the program has written to stderr."""
        return "".join(self._lines.stderr) if self._lines else ""


def hand_over(command: Command) -> NoReturn:
    """Replace this process by a program, which gets its terminal, its signals and its parent.

    Raises EnvtoolError if it cannot be started. Windows cannot replace a process: there it waits and exits.
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
    # Python ignores SIGPIPE and a program inherits that: `envtool run -- yes | head` would end with an error message.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execve(program, command.argv, environment)  # noqa: S606 - the point of this function
    except FileNotFoundError as error:  # the program was found: what runs it was not
        raise _no_interpreter(replace(command, argv=(program, *command.argv[1:]))) from error
    except OSError as error:
        raise _cannot_start(command, error) from error


@contextmanager
def _started(command: Command, *, keep_stdin: bool = False) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a program in a process group of its own, and end the whole group when the block ends."""
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
        child.stderr = terminal  # type: ignore[assignment]  # it is only read line by line and closed
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
        if Path(command.argv[0]).is_file():
            raise _no_interpreter(command) from error
        raise _not_found(command) from error
    except OSError as error:
        raise _cannot_start(command, error) from error


def _environment(command: Command) -> dict[str, str]:
    """Return a command's environment, in which Python is in UTF-8 mode if this process is."""
    environment = command.environment()
    if sys.flags.utf8_mode:
        environment["PYTHONUTF8"] = "1"
    return environment


def _terminal() -> "PseudoTerminal | None":
    from envtool.pseudo_terminal import PseudoTerminal

    try:
        return PseudoTerminal()
    except (ImportError, OSError):  # Windows has none, and a system may run out of them
        return None


def _feed(pipe: IO[bytes], text: str, *, close: bool = True) -> None:
    try:
        pipe.write(text.encode())
        pipe.flush()
        if close:
            pipe.close()
    except (BrokenPipeError, OSError):
        pass  # it ended without reading everything: its exit code says why


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """End a child that is still running, by ever harder signals."""
    was_running = child.poll() is None
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
    if was_running and os.name != "nt":
        # Its own children may ignore the signal that ended it, and would keep its pipes open.
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
    """The lines of both pipes of a child in one sequence. A thread reads each pipe, so that neither fills up."""

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
            pass  # the pipe was closed, since the run was stopped
        self._queue.put((name, None))

    def until_closed(self, timeout: float | None, stall: float | None) -> Iterator[tuple[str, str]]:
        import queue

        deadline = time.monotonic() + timeout if timeout else None
        open_pipes = 2
        while open_pipes:
            waits = [w for w in (stall, deadline and deadline - time.monotonic()) if w is not None]
            # Never wait for ever: on Windows Ctrl-C does not reach a blocked get().
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
            is_overwritten = self._terminal and origin == "stderr" and line.endswith("\r")
            if not is_overwritten:
                (self.stdout if origin == "stdout" else self.stderr).append(line)
            yield origin, line


def _silent(command: Command, seconds: float) -> TimeoutExceededError:
    return TimeoutExceededError(
        tr(
            "{program} was stopped: it did not answer for {seconds:.0f} seconds.",
            program=Path(command.argv[0]).name,
            seconds=seconds,
        ),
        hint=tr("The command was: {command}", command=command),
    )


def _not_found(command: Command) -> EnvtoolError:
    if os.sep in command.argv[0] and Path(command.argv[0]).is_file():
        return CannotStartError(
            tr("The program {program} is not executable.", program=command.argv[0]),
            cause=tr("it is not executable"),
            hint=tr("Run it by its interpreter (python {program}), or: chmod +x {program}", program=command.argv[0]),
            code=ExitCode.MISSING,
        )
    return CannotStartError(
        tr("The program {program} was not found.", program=command.argv[0]),
        cause=tr("it was not found"),
        hint=tr("Check its spelling, and that it is installed and on PATH."),
        code=ExitCode.MISSING,
    )


def _no_interpreter(command: Command) -> EnvtoolError:
    """Return the error for a program that exists, where the system says that something does not exist."""
    interpreter = next(iter(shebang(Path(command.argv[0]))), "")
    if interpreter:
        cause = tr("its interpreter {interpreter} does not exist", interpreter=interpreter)
    else:
        cause = tr("its loader does not exist on this system")
    return _failed_to_start(command, cause, ExitCode.MISSING)


def _cannot_start(command: Command, error: OSError) -> EnvtoolError:
    return _failed_to_start(command, error.strerror or str(error))


def _failed_to_start(command: Command, cause: str, code: ExitCode = ExitCode.FAILED) -> EnvtoolError:
    return CannotStartError(
        tr("The program {program} could not be started: {reason}.", program=command.argv[0], reason=cause),
        cause=cause,
        code=code,
    )
