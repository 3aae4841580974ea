"""Text for people: sizes, moments, choices, and tables aligned for the eye that split into columns on a pipe."""

import time
from collections.abc import Sequence

NOTHING = "-"  # an empty cell: a table on a pipe still splits into columns


def amount(count: int) -> str:
    """Return a number of bytes in units of 1000, as disks are sold: ``2.1 GB``."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if value >= 9.95 or units[0] == "B" else f"{value:.1f} {units[0]}"


def moment(seconds: float) -> str:
    """Return a moment, in seconds since the epoch, in local time: ``2026-11-25 14:03``."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def age(seconds: float) -> str:
    """Return a duration in hours, or in days from one day on: ``3.5 h``."""
    return f"{seconds / 86400:.1f} d" if seconds >= 86400 else f"{seconds / 3600:.1f} h"


def either(names: Sequence[str]) -> str:
    """Return names as a choice: ``auto, conda or venv``."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Return a plain table with a heading and aligned columns; lines longer than ``width`` are cut off."""
    widths = [max(map(_width, column)) for column in zip(columns, *rows, strict=True)]
    lines = (
        "  ".join(cell + " " * (room - _width(cell)) for cell, room in zip(row, widths, strict=True)).rstrip()
        for row in (columns, *rows)
    )
    return "\n".join(lines if width is None else (_cut(line, width) for line in lines))


def _width(text: str) -> int:
    """Return how many columns a terminal gives a text: Chinese characters take two."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while _width(text) >= width:
        text = text[:-1]
    return text.rstrip() + "…"
