"""``.envtool/bootstrap.json``: what ``envtool bootstrap`` chose for an environment, and why."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envtool import versioned_json
from envtool.prefix.containment import LeadsOutError, inside
from envtool.prefix.marks import OWN

_PATH = f"{OWN}/bootstrap.json"


def write(prefix: Path, record: Mapping[str, Any]) -> None:
    """Write the record of an environment. Raises OSError."""
    versioned_json.write(inside(prefix, _PATH), record)


def read(prefix: Path) -> Mapping[str, Any] | None:
    """Return the record of an environment; None where bootstrap did not create it, or the record is damaged.

    Raises NewerVersionError.
    """
    try:
        return versioned_json.read(inside(prefix, _PATH)) or None
    except LeadsOutError:
        return None
