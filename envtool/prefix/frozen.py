"""``conda-meta/frozen``: an environment that its owner does not want changed (CEP 22)."""

from pathlib import Path

from envtool.documents import parse_json
from envtool.files import read_file
from envtool.prefix.containment import inside


def message(prefix: Path) -> str | None:
    """Return what the owner says about it, ``""`` where that is nothing; None where the environment is not frozen."""
    if not (prefix / "conda-meta" / "frozen").exists():
        return None
    try:
        content = parse_json(read_file(inside(prefix, "conda-meta/frozen")))
    except (OSError, ValueError):
        return ""  # a file that cannot be understood freezes all the same
    return str(content.get("message") or "") if isinstance(content, dict) else ""
