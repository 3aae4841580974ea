"""``conda-meta/pinned``: the specs that hold for every change of an environment."""

from pathlib import Path


def specs(prefix: Path) -> tuple[str, ...]:
    """Return the pinned match specs without comments, those behind a spec included; none where nothing is pinned.

    Raises OSError where the file cannot be read: nobody knows then what has to hold.
    """
    try:
        text = (prefix / "conda-meta" / "pinned").read_text("utf-8-sig", "replace")
    except FileNotFoundError:
        return ()
    # No match spec has a # in it: conda cuts each one off there (conda/models/match_spec.py).
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)
