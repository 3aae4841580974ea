"""Text for people: sizes, moments, and lists of names."""

import time
from collections.abc import Sequence


def amount(count: int) -> str:
    """Return a number of bytes as people say it, in units of 1000 as disks are sold: ``2.1 GB``."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if value >= 9.95 or units[0] == "B" else f"{value:.1f} {units[0]}"


def moment(seconds: float) -> str:
    """Return a moment in local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def either(names: Sequence[str]) -> str:
    """Return names as a choice: ``auto, conda or venv``."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
