"""The one place that prints: results to stdout, words and progress to stderr, one JSON envelope on request."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.redaction import redact
from envtool.reporter import Bar, Unit

ENVELOPE = 1  # the version of the JSON envelope's shape


@dataclass
class Output:
    """What one run of the command shows. It is also the :class:`Reporter` that operations speak to."""

    command: str = ""
    json: bool = False
    quiet: bool = False
    debug: bool = False
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    _notes: list[str] = field(default_factory=list)
    _warnings: list[str] = field(default_factory=list)
    _bar: Any = None

    # -- words ------------------------------------------------------------------------------------------------------
    def note(self, text: str) -> None:
        """Say what was decided or done."""
        self._notes.append(redact(text))
        if not (self.quiet or self.json):
            self._say(text)

    def warn(self, text: str) -> None:
        """Say what the user should know."""
        self._warnings.append(redact(text))
        if not self.json:
            self._say(tr("warning: {text}", text=text))

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(redact(text), markup=False, highlight=False, soft_wrap=True)
        else:
            print(redact(text), file=self.stderr, flush=True)

    @contextmanager
    def bar(self, label: str, *, total: float | None = None, unit: Unit = "packages") -> Iterator[Bar]:
        """Draw a progress bar on a terminal; elsewhere draw nothing."""
        if self.quiet or self.json or not self.stderr.isatty():
            yield _Nothing()
            return
        from envtool.cli.progress import drawn

        with drawn(self.stderr, label, total, unit) as (progress, bar):
            self._bar = progress
            try:
                yield bar
            finally:
                self._bar = None

    # -- results ----------------------------------------------------------------------------------------------------
    def result(self, data: Any, text: str = "") -> None:
        """Show what the command found: ``data`` in the envelope, or ``text`` for people."""
        if self.json:
            self._envelope("ok", ExitCode.OK, data, [])
        elif text:
            self.write(text)

    def verdict(self, data: Any, text: str, code: ExitCode) -> None:
        """Show a result whose answer is no, and end with its exit code."""
        if self.json:
            self._envelope("ok" if code == ExitCode.OK else "no", code, data, [])
        elif text:
            self.write(text)
        if code != ExitCode.OK:
            import typer

            raise typer.Exit(code)

    @property
    def can_ask(self) -> bool:
        """Whether a person sits at the other end."""
        return not self.json and sys.stdin.isatty() and self.stderr.isatty()

    def confirm(self, question: str, *, yes: bool, unasked: bool = False) -> bool:
        """Ask a question on the terminal. ``yes`` answers it; where nobody can be asked ``unasked`` is the answer."""
        if yes or not self.can_ask:
            return yes or unasked
        self._say(question)
        self.stderr.write("[y/N] ")
        self.stderr.flush()
        answer = ""
        try:
            answer = sys.stdin.readline()
        finally:
            if not answer.endswith("\n"):  # Ctrl-C and Ctrl-D leave the cursor behind the question
                self.stderr.write("\n")
        return answer.strip().lower() in ("y", "yes")

    def write(self, text: str) -> None:
        """Write a result as it is, with a final newline. Raises EnvtoolError where it cannot be written."""
        try:
            self.stdout.write(text if text.endswith("\n") else text + "\n")
            self.stdout.flush()  # now, while it can be told that it fails: Python's own flush, at the end, is too late
        except OSError as error:
            # Nothing of what is still in the buffer is to be tried again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())
            if isinstance(error, BrokenPipeError):
                return  # whoever read it has gone, as `| head` does; that is not a failure
            self.json = False
            raise EnvtoolError(tr("The output could not be written: {reason}.", reason=error.strerror)) from error

    def failure(self, error: EnvtoolError) -> None:
        """Show an error: what, and what next."""
        if self.debug:
            import traceback

            self._say("".join(traceback.format_exception(error)).rstrip())
        if self.json:
            self._envelope("failed", error.code, None, [{"message": redact(error.message), "hint": redact(error.hint)}])
            return
        self._say(tr("error: {message}", message=error.message))
        if error.hint:
            self._say(tr("hint: {hint}", hint=error.hint))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, cut: bool = False) -> str:
        """Return a plain table with aligned columns: readable on a terminal, splittable on a pipe.

        ``cut`` is for a last column that may be missed: on a terminal it ends where the line does.
        """
        widths = [max(map(_width, column)) for column in zip(columns, *rows, strict=True)]
        lines = (
            "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (columns, *rows)
        )
        if cut and self.stdout.isatty():
            lines = (_cut(line, shutil.get_terminal_size().columns) for line in lines)
        return "\n".join(lines)

    def _envelope(self, status: str, code: int, data: Any, errors: Sequence[Mapping[str, str]]) -> None:
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
        # Where a character cannot be written JSON has an escape of its own for it.
        plain = (self.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
        self.write(json.dumps(envelope, ensure_ascii=plain, indent=1, default=str))


class _Nothing:
    def update(self, done: float, total: float | None = None, *, label: str = "", unit: Unit | None = None) -> None:
        pass


def _width(text: str) -> int:
    """Return how many columns a terminal gives a text: Chinese characters take two."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _cut(text: str, width: int) -> str:
    """Return what of a text fits into so many columns."""
    if _width(text) <= width:
        return text
    while _width(text) >= width:
        text = text[:-1]
    return text.rstrip() + "…"


out = Output()
"""The output of this process: commands import it, tests make their own."""
