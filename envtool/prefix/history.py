"""What happened to a conda environment, read from conda's own diary of it, ``conda-meta/history``.

Grammar: ``conda/history.py`` of conda 26. A pip install leaves no trace in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from envtool.redaction import redact

_HEADER = re.compile(r"==>\s*(.+?)\s*<==$")


@dataclass(frozen=True)
class Revision:
    """One change: ``date`` is local time as conda wrote it; ``command`` has no login; packages go by file name."""

    date: str
    command: str = ""
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def revisions(prefix: Path) -> tuple[Revision, ...]:
    """Return the changes of an environment, the oldest first; none where nothing was written down."""
    try:
        text = (prefix / "conda-meta" / "history").read_text("utf-8", "replace")
    except OSError:
        return ()
    return tuple(_revision(date, lines) for date, lines in _blocks(text))


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (date, lines) of every block; what stands before the first header belongs to none."""
    date, lines = "", list[str]()
    for line in (line.strip() for line in text.splitlines()):
        if header := _HEADER.match(line):
            if date:
                yield date, lines
            date, lines = header[1], []
        elif line:
            lines.append(line)
    if date:
        yield date, lines


def _revision(date: str, lines: list[str]) -> Revision:
    commands = [line.partition("cmd:")[2].strip() for line in lines if re.match(r"#\s*cmd:", line)]
    return Revision(
        date,
        redact(" ".join(commands)),
        removed=tuple(line[1:] for line in lines if line.startswith("-")),
        added=tuple(line[1:] for line in lines if line.startswith("+")),
    )
