"""The disk space that an environment takes by itself."""

from collections.abc import Callable, Iterable
from pathlib import Path

from envtool.environments import size
from envtool.environments.size import Size
from envtool.model import Environment
from envtool.operations.steps.guards import is_installation


def measure(environment: Environment, inside: Iterable[Path], progress: Callable[[int], None]) -> Size:
    """Return an environment's own size: without other environments inside it (``inside``) and without package caches.

    ``progress`` is called with the number of files seen so far.
    """
    prefix = environment.prefix
    parts = (prefix / "envs", prefix / "pkgs") if is_installation(environment) else ()
    return size.measure(prefix, [*inside, *parts], progress)
