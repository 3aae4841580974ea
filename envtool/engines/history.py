"""conda's own diary of an environment, ``conda-meta/history``, written as conda writes it.

The engine underneath leaves the file empty; ``conda list --revisions``, ``conda env export --from-history`` and conda's
solver (which packages were asked for) all read it. Grammar: ``conda/history.py`` of conda 26.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from envtool.model import Package


def block(
    command: str, linked: Sequence[Package], unlinked: Sequence[Package], specs: Sequence[str], removed: Sequence[str]
) -> str:
    """Return the entry for one change: who changed what, and what was asked for by name."""
    lines = [time.strftime("==> %Y-%m-%d %H:%M:%S <=="), f"# cmd: {command}"]
    lines += sorted(f"-{_distribution(package)}" for package in unlinked)
    lines += sorted(f"+{_distribution(package)}" for package in linked)
    if specs:
        lines.append(f"# update specs: {[*specs]!r}")
    if removed:
        lines.append(f"# remove specs: {[*removed]!r}")
    return "\n".join(lines) + "\n"


def append(prefix: Path, text: str) -> None:
    """Add an entry to an environment's history."""
    with (prefix / "conda-meta" / "history").open("a", encoding="utf-8") as file:
        file.write(text)


def _distribution(package: Package) -> str:
    return f"{package.channel}/{package.subdir}::{package.name}-{package.version}-{package.build}"
