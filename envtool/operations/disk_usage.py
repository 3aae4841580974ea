"""What ``envtool list --size`` answers: every environment with what takes a look into it, its size first of all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from envtool.environments import size, state
from envtool.environments.size import Size
from envtool.environments.torch_build import torch
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.list import Listed, list_environments
from envtool.operations.steps.location import is_installation
from envtool.paths import Host
from envtool.reporter import Reporter


@dataclass(frozen=True)
class Surveyed:
    """An environment looked into. ``changed`` is in seconds since the epoch; ``frozen`` the message, or None."""

    listed: Listed
    torch: str
    changed: float | None
    frozen: str | None
    broken: tuple[str, ...]
    size: Size


def survey(host: Host, reporter: Reporter) -> tuple[Surveyed, ...]:
    """Return every environment on this machine, looked into; their files are walked, which may take its time."""
    listed = list_environments(host)
    every = [item.environment for item in listed]
    found = []
    with reporter.bar(tr("Measuring"), total=len(listed), unit="files") as bar:
        for done, item in enumerate(listed):
            label = item.environment.name or str(item.environment.prefix)

            def progress(files: int, done: int = done, label: str = label) -> None:
                bar.update(done, len(listed), label=tr("{name}: {files:,} files", name=label, files=files))

            progress(0)
            found.append(_look_into(item, every, progress))
    return tuple(found)


def measure(environment: Environment, every: Iterable[Environment], progress: Callable[[int], None]) -> Size:
    """Return an environment's own size: without the environments and the package cache that lie inside it."""
    return size.measure(environment.prefix, _not_its_own(environment, every), progress)


def _look_into(item: Listed, every: Iterable[Environment], progress: Callable[[int], None]) -> Surveyed:
    environment = item.environment
    return Surveyed(
        item,
        torch(environment.prefix),
        state.last_change(environment.prefix),
        state.frozen(environment.prefix),
        state.broken(environment),
        measure(environment, every, progress),
    )


def _not_its_own(environment: Environment, every: Iterable[Environment]) -> list[Path]:
    prefix = environment.prefix
    inside = [other.prefix for other in every if prefix in other.prefix.parents]
    return [*inside, prefix / "envs", prefix / "pkgs"] if is_installation(environment) else inside
