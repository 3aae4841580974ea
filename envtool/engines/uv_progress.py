"""What uv draws while it downloads, as one bar of bytes."""

import re

from envtool.redaction import redact
from envtool.reporter import Bar

_SPINNER = re.compile(r"^[^\w./-]+")
_DOWNLOAD = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)\s+-+\s+(?P<done>[\d.]+ (?:[KMG]i)?B)/(?P<total>[\d.]+ (?:[KMG]i)?B)"
)


class Downloads:
    """Adds up uv's bars, one a download and only while it lasts, to one that says what is being waited for.

    ``last`` is what goes on, without a word of uv's, once all is installed; "" where nothing does.
    """

    def __init__(self, bar: Bar, last: str) -> None:
        self._bar = bar
        self._last = last
        self._known: dict[str, tuple[float, float]] = {}  # name -> bytes received, and to receive

    def hear(self, line: str) -> None:
        """Take one line, or one picture, of what uv writes."""
        running = {m["name"]: (_bytes(m["done"]), _bytes(m["total"])) for m in _DOWNLOAD.finditer(line)}
        if not running:
            text = self._last if self._last and line.startswith("Installed ") else line
            self._bar.update(0, label=redact(_SPINNER.sub("", text).strip())[:60])
            return
        ended = {name: (total, total) for name, (_, total) in self._known.items()}
        self._known = ended | running
        done, total = (sum(column) for column in zip(*self._known.values(), strict=True))
        largest = max(running, key=lambda name: running[name][1])
        more = f" +{len(running) - 1}" if len(running) > 1 else ""
        self._bar.update(done, total, label=f"{largest}{more}", unit="bytes")


def _bytes(text: str) -> float:
    number, unit = text.split()
    return float(number) * 1024.0 ** ("B", "KiB", "MiB", "GiB").index(unit)
