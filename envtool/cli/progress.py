"""Progress bars on a terminal. Imported only where one is drawn: rich costs more than most commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from envtool.reporter import Unit


class _TaskBar:
    def __init__(self, progress: Progress, task: TaskID, label: str) -> None:
        self._progress, self._task, self._label = progress, task, label

    def update(self, done: float, total: float | None = None, *, label: str = "") -> None:
        text = f"{self._label}  {label}" if label else self._label
        self._progress.update(self._task, completed=done, total=total, description=text)


@contextmanager
def drawn(stream: TextIO, label: str, total: float | None, unit: Unit) -> Iterator[tuple[Progress, _TaskBar]]:
    """Draw one bar on ``stream`` until the block ends, then leave the line clean."""
    console = Console(file=stream, markup=False, highlight=False, emoji=False)
    amount = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *amount,
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(label, total=total)
        yield progress, _TaskBar(progress, task, label)
