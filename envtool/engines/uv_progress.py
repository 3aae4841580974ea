"""uv's download progress, combined into one bar of bytes."""

import re

from envtool.redaction import redact
from envtool.reporter import Bar

_SPINNER = re.compile(r"^[^\w./-]+")
_DOWNLOAD = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)\s+-+\s+(?P<done>[\d.]+ (?:[KMG]i)?B)/(?P<total>[\d.]+ (?:[KMG]i)?B)"
)


class DownloadProgress:
    """Adds up uv's progress bars, of which it shows one per running download, into a single bar.

    ``last`` is the label for the work that uv does without output after installing; "" if there is none.
    """

    def __init__(self, bar: Bar, last: str) -> None:
        self._bar = bar
        self._last = last
        self._downloads: dict[str, tuple[float, float]] = {}  # name -> received and total bytes

    def on_line(self, line: str) -> None:
        """Update the bar from one line of uv's output, or one frame of its progress bars."""
        running = {m["name"]: (_bytes(m["done"]), _bytes(m["total"])) for m in _DOWNLOAD.finditer(line)}
        if not running:
            text = self._last if self._last and line.startswith("Installed ") else line
            self._bar.update(0, label=redact(_SPINNER.sub("", text).strip())[:60])
            return
        ended = {name: (total, total) for name, (_, total) in self._downloads.items()}
        self._downloads = ended | running
        done, total = (sum(column) for column in zip(*self._downloads.values(), strict=True))
        largest = max(running, key=lambda name: running[name][1])
        others = f" +{len(running) - 1}" if len(running) > 1 else ""
        self._bar.update(done, total, label=f"{largest}{others}", unit="bytes")


def _bytes(text: str) -> float:
    number, unit = text.split()
    return float(number) * 1024.0 ** ("B", "KiB", "MiB", "GiB").index(unit)
