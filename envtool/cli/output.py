"""The one place that prints: results to stdout, notes and progress to stderr, or one JSON envelope for all of them."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.reporter import Bar, Silent, Unit

if TYPE_CHECKING:
    from rich.progress import Progress

ENVELOPE = 1  # the version of the JSON envelope's shape


class Flag(NamedTuple):
    """An option that every command takes: it switches on an attribute of :class:`Output`."""

    names: tuple[str, ...]
    attribute: str
    help: str


FLAGS = (
    Flag(("--json",), "json", "Print the result or the error as one JSON envelope."),
    Flag(("--quiet", "-q"), "quiet", "Print only results, warnings and errors."),
    Flag(("--debug", "--verbose", "-v"), "debug", "Print the traceback of an error."),
)


class Result(NamedTuple):
    """What a command hands back, to be printed when it ends: ``data`` for the envelope, ``text`` for people.

    ``closing`` are notes that people read below the text, such as how to go on. A ``code`` other than OK says that the
    command did its work and that the answer is no.
    """

    data: Any
    text: str = ""
    closing: tuple[str, ...] = ()
    code: ExitCode = ExitCode.OK


class Rerun(NamedTuple):
    """Handed back by a command that ends in another one: that command's arguments, and the folder to run it in."""

    arguments: tuple[str, ...]
    folder: Path


class Output:
    """What one run of the program prints. It is also the :class:`Reporter` that operations speak to."""

    def __init__(self, *, json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.command = ""
        self.json, self.quiet, self.debug = json, False, False
        self.stdout, self.stderr = stdout or sys.stdout, stderr or sys.stderr
        self._notes: list[str] = []
        self._warnings: list[str] = []
        self._bar: Progress | None = None

    # -- while the command works -------------------------------------------------------------------------------------
    def note(self, text: str) -> None:
        """Report what was decided or done."""
        self._notes.append(_redacted(text))
        if not (self.quiet or self.json):
            self._print(text)

    def warn(self, text: str) -> None:
        """Report what the user should know."""
        self._warnings.append(_redacted(text))
        if not self.json:
            self._print(tr("warning: {text}", text=text))

    def _print(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(_redacted(text), markup=False, highlight=False, soft_wrap=True)
        else:
            print(_redacted(text), file=self.stderr, flush=True)

    @contextmanager
    def bar(self, label: str, *, total: float | None = None, unit: Unit = "packages") -> Iterator[Bar]:
        """Draw a progress bar on a terminal; elsewhere draw nothing."""
        if self.quiet or self.json or not self.stderr.isatty():
            with Silent().bar(label) as bar:
                yield bar
            return
        from envtool.cli.progress import drawn

        with drawn(self.stderr, label, total, unit) as (progress, task):
            self._bar = progress
            try:
                yield task
            finally:
                self._bar = None

    @property
    def can_ask(self) -> bool:
        """Whether a person can be asked: both stdin and stderr are a terminal, and nobody wants JSON."""
        return not self.json and sys.stdin.isatty() and self.stderr.isatty()

    def confirm(self, question: str, *, yes: bool, unasked: bool = False) -> bool:
        """Ask a question and return the answer: True for ``yes``, and ``unasked`` where nobody can be asked."""
        if yes or not self.can_ask:
            return yes or unasked
        self._print(question)
        self.stderr.write("[y/N] ")
        self.stderr.flush()
        answer = ""
        try:
            answer = sys.stdin.readline()
        finally:
            if not answer.endswith("\n"):  # Ctrl-C and Ctrl-D leave the cursor behind the question
                self.stderr.write("\n")
        return answer.strip().lower() in ("y", "yes")

    # -- when it has ended -------------------------------------------------------------------------------------------
    def finish(self, result: Result) -> ExitCode:
        """Print a result and return its exit code."""
        if self.json:
            self._notes += map(_redacted, result.closing)
            self._envelope("ok" if result.code == ExitCode.OK else "no", result.code, result.data)
            return result.code
        if result.text:
            self.write(result.text)
        for line in result.closing:
            self.note(line)
        return result.code

    def failure(self, error: EnvtoolError) -> None:
        """Print an error and its hint."""
        if self.debug:
            import traceback

            self._print("".join(traceback.format_exception(error)).rstrip())
        if self.json:
            told = {"message": _redacted(error.message), "hint": _redacted(error.hint)}
            self._envelope("failed", error.code, None, [told])
            return
        self._print(tr("error: {message}", message=error.message))
        if error.hint:
            self._print(tr("hint: {hint}", hint=error.hint))

    def _envelope(self, status: str, code: int, data: Any, errors: Sequence[Mapping[str, str]] = ()) -> None:
        import json

        envelope = {
            "envtool": ENVELOPE,
            "command": self.command,
            "status": status,
            "exit_code": int(code),
            "data": data,
            "notes": self._notes,
            "warnings": self._warnings,
            "errors": list(errors),
        }
        text = json.dumps(envelope, ensure_ascii=False, indent=1, default=str)
        try:
            text.encode("utf-8" if (self.stdout.encoding or "utf-8").lower() in ("utf-8", "utf8") else "ascii")
        except UnicodeEncodeError:  # a stream in another encoding, or a file name that is not UTF-8: JSON has escapes
            text = json.dumps(envelope, indent=1, default=str)
        self.write(text)

    def write(self, text: str) -> None:
        """Write text to stdout, with a final newline. Raises EnvtoolError where that fails, but for a closed pipe."""
        try:
            self.stdout.write(text if text.endswith("\n") else text + "\n")
            self.stdout.flush()  # Python's own flush, at exit, is too late to report an error
        except OSError as error:
            # Discard what is left in the buffer, or Python would try to write it again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())
            if isinstance(error, BrokenPipeError):
                return  # the reader has gone, as `| head` does: not a failure
            self.json = False
            raise EnvtoolError(tr("The output could not be written: {reason}.", reason=error.strerror)) from error

    @property
    def width(self) -> int | None:
        """The width of the terminal that results go to, in columns; None where they go elsewhere."""
        return shutil.get_terminal_size().columns if self.stdout.isatty() else None


def _redacted(text: str) -> str:
    from envtool.cli.pasting import pasteable  # most runs print nothing that passes through these
    from envtool.redaction import redact

    return pasteable(redact(text))


out = Output()
"""The output of this process: commands import it, tests make their own."""
