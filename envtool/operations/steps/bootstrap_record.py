"""The record that ``envtool bootstrap`` leaves in an environment: what was chosen, and why."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envtool.files import write_atomically
from envtool.prefix.marks import OWN


def write(prefix: Path, record: Mapping[str, Any]) -> None:
    """Write the record of an environment. Raises OSError."""
    write_atomically(_path(prefix), json.dumps(record, indent=1).encode() + b"\n")


def read(prefix: Path) -> Mapping[str, Any] | None:
    """Return the record of an environment; None where bootstrap did not create it, or the record is broken."""
    try:
        record = json.loads(_path(prefix).read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _path(prefix: Path) -> Path:
    return prefix / OWN / "bootstrap.json"
