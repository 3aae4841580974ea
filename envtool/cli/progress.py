"""Progress bars on a terminal. Imported only where one is drawn: rich costs more than most commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from envtool.reporter import Unit

_NUMBERS = 40  # columns for "1234.5/1234.5 MB  100.0 MB/s 0:00:00" and what stands between
_BAR = 12


class _Amount(ProgressColumn):
    """How much is done of how much: bytes with their rate, everything else by number."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text("")
        if task.fields["unit"] != "bytes":
            return Text(f"{task.completed:.0f}/{task.total:.0f}")
        rate = f"  {task.speed / 1e6:.1f} MB/s" if task.speed else ""
        return Text(f"{task.completed / 1e6:.1f}/{task.total / 1e6:.1f} MB{rate}")


class _TaskBar:
    def __init__(self, progress: Progress, task: TaskID, label: str, unit: Unit) -> None:
        self._progress, self._task, self._label, self._unit = progress, task, label, unit

    def update(self, done: float, total: float | None = None, *, label: str = "", unit: Unit | None = None) -> None:
        text = f"{self._label}  {label}" if label else self._label
        if unit and unit != self._unit:
            self._unit = unit
            self._progress.reset(self._task)  # a rate over both would be a rate of neither
        self._progress.update(self._task, completed=done, total=total, description=text, unit=self._unit)


@contextmanager
def drawn(stream: TextIO, label: str, total: float | None, unit: Unit) -> Iterator[tuple[Progress, _TaskBar]]:
    """Draw one bar on ``stream`` until the block ends, then leave the line clean."""
    console = Console(file=stream, markup=False, highlight=False, emoji=False)
    # A bar knows what to do on a terminal that cannot show its characters; a spinner does not.
    spinner = SpinnerColumn("line" if console.options.ascii_only else "dots")
    # On a narrow terminal the words give way, not the numbers.
    room = max(16, console.width - _NUMBERS - _BAR)
    column = Column(no_wrap=True, overflow="ellipsis", max_width=room)
    words = TextColumn("{task.description}", markup=False, table_column=column)
    numbers = (_Amount(table_column=Column(no_wrap=True)), TimeElapsedColumn(table_column=Column(no_wrap=True)))
    with Progress(spinner, words, BarColumn(_BAR), *numbers, console=console, transient=True) as progress:
        task = progress.add_task(label, total=total, unit=unit)
        yield progress, _TaskBar(progress, task, label, unit)
