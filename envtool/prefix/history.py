"""``conda-meta/history``: conda's log of the changes to an environment, read and written in conda's form.

``conda list --revisions``, ``conda env export --from-history`` and conda's solver (which packages were asked for) read
it; py-rattler leaves it empty. Grammar: ``conda/history.py`` of conda 26. A pip install leaves no trace in it.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.files import read_text
from envtool.model import Package
from envtool.prefix.containment import inside
from envtool.redaction import redact

_HEADER = re.compile(r"==>\s*(.+?)\s*<==")


@dataclass(frozen=True)
class Revision:
    """One change: ``date`` is local time as conda wrote it; ``command`` has no login; packages go by file name."""

    date: str
    command: str = ""
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def revisions(prefix: Path) -> tuple[Revision, ...]:
    """Return the changes of an environment, oldest first; none where there is no history."""
    try:
        text = read_text(_path(prefix))
    except OSError:
        return ()
    return tuple(_revision(date, lines) for date, lines in _entries(text))


def append(
    prefix: Path,
    command: str,
    linked: Sequence[Package] = (),
    unlinked: Sequence[Package] = (),
    specs: Sequence[str] = (),
    removed: Sequence[str] = (),
) -> None:
    """Add the entry for one change: the user's command line, the packages that came and went, what was asked for.

    ``specs`` are the match specs that were requested, ``removed`` the names whose removal was. Raises OSError.
    """
    # One line: what a line break in it led to would be read as part of the entry.
    lines = [time.strftime("==> %Y-%m-%d %H:%M:%S <=="), f"# cmd: {' '.join(command.splitlines())}"]
    lines += sorted(f"-{_distribution(package)}" for package in unlinked)
    lines += sorted(f"+{_distribution(package)}" for package in linked)
    if specs:
        lines.append(f"# update specs: {[*specs]!r}")
    if removed:
        lines.append(f"# remove specs: {[*removed]!r}")
    # conda reads the file as strict UTF-8: a byte of the command line that is not must not get in.
    with _path(prefix).open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write("\n".join(lines) + "\n")


def _path(prefix: Path) -> Path:
    return inside(prefix, "conda-meta/history")


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (date, lines) of every entry; what stands before the first header belongs to none."""
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


def _distribution(package: Package) -> str:
    return f"{package.channel}/{package.subdir}::{package.name}-{package.version}-{package.build}"
