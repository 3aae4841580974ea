"""Comparison of snapshots, and the list of differences that are meant."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from support.compatibility import DATA

ABSENT = "absent"


@dataclass(frozen=True)
class Difference:
    """A place where the present program differs: its address in a snapshot, the old value and the new."""

    at: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Meant:
    """A difference that is meant: where (``*`` matches anything), what it is, and which defect it fixes.

    With ``old`` or ``new``, only a difference with that value is meant.
    """

    id: str
    at: tuple[str, ...]
    what: str
    why: str
    old: Any = None
    new: Any = None

    def covers(self, difference: Difference) -> bool:
        """Whether this entry covers a difference."""
        return (
            any(_matches(pattern, difference.at) for pattern in self.at)
            and self.old in (None, difference.old)
            and self.new in (None, difference.new)
        )


def _matches(pattern: str, address: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), address) is not None


def old(name: str) -> Any:
    """Return one of the snapshots that are kept."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def meant() -> tuple[Meant, ...]:
    """Return the differences that are meant, from ``differences.yaml``."""
    entries = yaml.safe_load((DATA / "differences.yaml").read_text(encoding="utf-8")) or []
    return tuple(Meant(**{**entry, "at": tuple(entry["at"])}) for entry in entries)


def differences(old: Any, new: Any, at: str) -> Iterator[Difference]:
    """Compare two values of JSON, down to the smallest parts that differ; ``at`` is the address of the whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in (*old, *(key for key in new if key not in old)):
            yield from differences(old.get(key, ABSENT), new.get(key, ABSENT), f"{at}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{at}/{number}")
    elif old != new:
        yield Difference(at, old, new)
