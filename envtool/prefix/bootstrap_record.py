"""``.envtool/bootstrap.json``: what ``envtool bootstrap`` chose for an environment, and why."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envtool import versioned_json
from envtool.prefix.marks import OWN


def write(prefix: Path, record: Mapping[str, Any]) -> None:
    """Write the record of an environment. Raises OSError."""
    versioned_json.write(_path(prefix), record)


def read(prefix: Path) -> Mapping[str, Any] | None:
    """Return the record of an environment; None where bootstrap did not create it, or the record is damaged.

    Raises NewerVersionError.
    """
    return versioned_json.read(_path(prefix)) or None


def _path(prefix: Path) -> Path:
    return prefix / OWN / "bootstrap.json"
