"""A reporter that records what it is told."""

from collections.abc import Iterator
from contextlib import contextmanager

from envtool.reporter import Silent, Unit


class Recorder(Silent):
    """Keeps every note, every warning, and every state of every bar: (done, total, label, unit)."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.shown: list[tuple[float, float | None, str, Unit | None]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    @contextmanager
    def bar(self, label: str, *, total: float | None = None, unit: Unit = "packages") -> Iterator["Recorder"]:
        yield self

    def update(self, done: float, total: float | None = None, *, label: str = "", unit: Unit | None = None) -> None:
        self.shown.append((done, total, label, unit))
