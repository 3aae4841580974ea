"""What a check is, and the list of all of them. Reading the list imports nothing that is to be verified."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Callable, Iterable

SUITES = ("quick", "full")
LIMIT = 60.0  # seconds a check may take unless it says otherwise


class Skip(Exception):
    """Raised by a check that cannot be made here, with the reason."""


@dataclass(frozen=True)
class Check:
    """One verification.

    ``needs`` are the modules it is handed, by the names of its parameters: where one is not installed it is skipped.
    ``alone`` says on which devices it must not share a process with others (``""``, ``gpu``, ``always``), ``limit`` how
    many seconds it may take. An ``advisory`` check warns where others fail. Where a ``vital`` one fails, nothing else
    on that device means anything. ``device`` is ``any``, or ``gpu`` for what only a GPU can do. A ``group`` check runs
    in one process per GPU, all of which take part.
    """

    id: str
    family: str
    title: str
    suite: str
    needs: tuple[str, ...]
    run: Callable[..., None]
    alone: str = ""
    limit: float = LIMIT
    advisory: bool = False
    vital: bool = False
    device: str = "any"
    group: bool = False

    def isolated(self, device: str) -> bool:
        """Return whether the check gets a process of its own on ``device``."""
        return self.alone == "always" or self.alone == device


_CHECKS: dict[str, Check] = {}


def check(
    name: str,
    *,
    family: str,
    suite: str = "full",
    alone: str = "",
    limit: float = LIMIT,
    advisory: bool = False,
    vital: bool = False,
    device: str = "any",
    group: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a check. Its first parameter is the lab, the others name the modules that it needs."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        needs = tuple(inspect.signature(function).parameters)[1:]
        title = (inspect.getdoc(function) or "").splitlines()[0]
        _CHECKS[name] = Check(name, family, title, suite, needs, function, alone, limit, advisory, vital, device, group)
        return function

    return register


def catalogue() -> tuple[Check, ...]:
    """Return every check, in the order in which they are to run."""
    from .checks import FAMILIES

    for family in FAMILIES:
        importlib.import_module(".checks." + family, __package__)
    return tuple(_CHECKS.values())


def choose(
    checks: Iterable[Check],
    *,
    suite: str = "full",
    only: Iterable[str] = (),
    device: str = "gpu",
    group: bool = False,
) -> tuple[Check, ...]:
    """Return the checks of a suite that can run on a device and match any of the patterns, where there are some.

    A pattern is a whole id, the beginning of one up to a dot, or has wildcards: ``pool.max``, ``pool``, ``*.conv*``.
    What was asked for by pattern is taken from the full suite. Without ``group``, those that need one are left out.
    """
    patterns = tuple(only)
    return tuple(
        check
        for check in checks
        if (device == "gpu" or check.device == "any")
        and (group or not check.group)
        and (any(_matches(check.id, p) for p in patterns) if patterns else suite == "full" or check.suite == suite)
    )


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or name.startswith(pattern + ".")


def missing(check: Check) -> str:
    """Return a module that a check needs and that is not installed, or an empty text. Imports none of them."""
    return next((name for name in check.needs if importlib.util.find_spec(name) is None), "")


def describe(check: Check) -> dict[str, Any]:
    """Return what a reader of the event stream should know about a check."""
    return {"id": check.id, "family": check.family, "suite": check.suite, "title": check.title}
