"""``conda-meta/pinned``: the specs that hold for every change of an environment."""

from pathlib import Path

from envtool.encoding import decode_input
from envtool.files import read_file
from envtool.prefix.containment import inside


def path_of(prefix: Path) -> Path:
    """Return where an environment's pins are written."""
    return prefix / "conda-meta" / "pinned"


def specs(prefix: Path) -> tuple[str, ...]:
    """Return the pinned match specs without comments, those behind a spec included; none where nothing is pinned.

    Raises OSError where the file cannot be read: nobody knows then what has to hold.
    """
    return tuple(numbered(prefix).values())


def numbered(prefix: Path) -> dict[int, str]:
    """Return the pinned match specs by their lines, from 1. Raises as :func:`specs` does."""
    try:
        data = read_file(inside(prefix, "conda-meta/pinned"))
    except FileNotFoundError:
        return {}
    try:
        text = decode_input(data)
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")  # comments may be in any encoding
    # No match spec has a # in it: conda cuts each one off there (conda/models/match_spec.py).
    lines = {number: line.partition("#")[0].strip() for number, line in enumerate(text.splitlines(), 1)}
    return {number: line for number, line in lines.items() if line}
