"""Interface through which operations report while they work; ``cli`` decides how that looks."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

Unit = Literal["bytes", "files", "packages", "checks"]


class Bar(Protocol):
    """The progress of a piece of work."""

    def update(self, done: float, total: float | None = None, *, label: str = "", unit: Unit | None = None) -> None:
        """Set how much is done, of how much, what is being worked on (``label``), and what is counted (``unit``)."""


class Reporter(Protocol):
    """The receiver of an operation's notes, warnings and progress. They go to stderr, never to stdout."""

    def note(self, text: str) -> None:
        """Report what was decided or done, in one line."""

    def warn(self, text: str) -> None:
        """Report what the user should know, and what does not stop the operation."""

    def bar(self, label: str, *, total: float | None = None, unit: Unit = "packages") -> AbstractContextManager[Bar]:
        """Show the progress of a piece of work until the block ends; ``total`` is None if unknown."""


class _NoBar:
    def update(self, done: float, total: float | None = None, *, label: str = "", unit: Unit | None = None) -> None:
        pass


class Silent:
    """A reporter that discards everything."""

    def note(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass

    def bar(self, label: str, *, total: float | None = None, unit: Unit = "packages") -> AbstractContextManager[Bar]:  # noqa: ARG002
        return nullcontext(_NoBar())
