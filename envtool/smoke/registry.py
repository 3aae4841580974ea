"""The registry of checks. Listing them imports none of the libraries they verify."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Callable, Iterable

SUITES = ("quick", "full")
DEFAULT_LIMIT = 60.0  # time limit of a check in seconds, unless it sets its own


class Skip(Exception):
    """Raised by a check that cannot run in this environment, with the reason."""


@dataclass(frozen=True)
class Check:
    """One verification.

    ``needs``: the modules it imports, taken from the names of its parameters. It is skipped if one is not installed.
    ``isolate``: the devices on which it runs in a process of its own: ``""`` (none), ``gpu`` or ``always``.
    ``limit``: its time limit in seconds.
    ``advisory``: it warns instead of failing.
    ``vital``: if it fails, the remaining checks on the device are skipped.
    ``device``: ``any``, or ``gpu`` if it needs one.
    ``group``: it runs in one process per GPU, all of which take part.
    """

    id: str
    family: str
    title: str
    suite: str
    needs: tuple[str, ...]
    run: Callable[..., None]
    isolate: str = ""
    limit: float = DEFAULT_LIMIT
    advisory: bool = False
    vital: bool = False
    device: str = "any"
    group: bool = False

    def isolated(self, device: str) -> bool:
        """Return whether the check runs in a process of its own on ``device``."""
        return self.isolate in ("always", device)


_CHECKS: dict[str, Check] = {}


def check(
    name: str,
    *,
    family: str,
    suite: str = "full",
    isolate: str = "",
    limit: float = DEFAULT_LIMIT,
    advisory: bool = False,
    vital: bool = False,
    device: str = "any",
    group: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that registers a function as a check.

    The first parameter of the function is the CheckContext; the others name the modules it needs. The first line of
    its docstring is the title of the check.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        needs = tuple(inspect.signature(function).parameters)[1:]
        title = (inspect.getdoc(function) or "").splitlines()[0]
        _CHECKS[name] = Check(
            name, family, title, suite, needs, function, isolate, limit, advisory, vital, device, group
        )
        return function

    return register


def all_checks() -> tuple[Check, ...]:
    """Return every check, in the order they run in."""
    from .checks import FAMILIES

    for family in FAMILIES:
        importlib.import_module(".checks." + family, __package__)
    return tuple(_CHECKS.values())


def select(
    checks: Iterable[Check],
    *,
    suite: str = "full",
    only: Iterable[str] = (),
    device: str = "gpu",
    group: bool = False,
) -> tuple[Check, ...]:
    """Return the checks of a suite that can run on a device or, if there are patterns, the checks that match one.

    A pattern is an id, a prefix of ids that ends before a dot, or has wildcards: ``pool.max``, ``pool``, ``*.conv*``.
    Patterns select from the full suite. Group checks are included only with ``group``.
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


def missing_module(check: Check) -> str:
    """Return a module that a check needs and that is not installed, or an empty string. Imports none of them."""
    return next((name for name in check.needs if importlib.util.find_spec(name) is None), "")


def describe(check: Check) -> dict[str, Any]:
    """Return the description of a check for the event stream."""
    return {"id": check.id, "family": check.family, "suite": check.suite, "title": check.title}
