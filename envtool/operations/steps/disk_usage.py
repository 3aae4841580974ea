"""How much disk an environment takes by itself."""

from collections.abc import Callable, Iterable
from pathlib import Path

from envtool.environments import size
from envtool.environments.size import Size
from envtool.model import Environment
from envtool.operations.steps.location import is_installation


def measure(environment: Environment, every: Iterable[Environment], progress: Callable[[int], None]) -> Size:
    """Return an environment's own size: without the environments and the package cache that lie inside it."""
    return size.measure(environment.prefix, _not_its_own(environment, every), progress)


def _not_its_own(environment: Environment, every: Iterable[Environment]) -> list[Path]:
    prefix = environment.prefix
    inside = [other.prefix for other in every if prefix in other.prefix.parents]
    return [*inside, prefix / "envs", prefix / "pkgs"] if is_installation(environment) else inside
