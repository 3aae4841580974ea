"""How an operation speaks while it works. It says what happens; how that looks is decided in ``cli``."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

Unit = Literal["bytes", "files", "packages", "checks"]


class Bar(Protocol):
    """One running piece of work."""

    def update(self, done: float, total: float | None = None, *, label: str = "", unit: Unit | None = None) -> None:
        """Set how much is done, of how much, what is being worked on, and what is counted where that changes."""


class Reporter(Protocol):
    """Where an operation's words go: stderr, never stdout."""

    def note(self, text: str) -> None:
        """Say what was decided or done, in one line."""

    def warn(self, text: str) -> None:
        """Say what the user should know but need not stop for."""

    def bar(self, label: str, *, total: float | None = None, unit: Unit = "packages") -> AbstractContextManager[Bar]:
        """Show a piece of work until the block ends; ``total`` None where it is not known."""


class _NoBar:
    def update(self, done: float, total: float | None = None, *, label: str = "", unit: Unit | None = None) -> None:
        pass


class Silent:
    """A reporter that says nothing: for callers who only want the result."""

    def note(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass

    def bar(self, label: str, *, total: float | None = None, unit: Unit = "packages") -> AbstractContextManager[Bar]:  # noqa: ARG002
        return nullcontext(_NoBar())
