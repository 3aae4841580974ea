"""``envtool list``: the environments on this machine, with their sizes if asked, or the packages of one of them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from envtool.environments import find, packages, state
from envtool.environments.packages import Contents
from envtool.environments.size import Size
from envtool.environments.torch_build import torch
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps.target import target
from envtool.prefix import frozen
from envtool.versioned_json import NewerVersionError


@dataclass(frozen=True)
class Listed:
    """An environment at a glance; ``python`` is ``""`` where it has none."""

    environment: Environment
    python: str
    active: bool


@dataclass(frozen=True)
class Surveyed:
    """An environment in detail. ``changed`` is in seconds since the epoch; ``frozen`` the owner's message, or None."""

    listed: Listed
    torch: str
    changed: float | None
    frozen: str | None
    broken: tuple[str, ...]
    size: Size


def list_environments(context: Context) -> tuple[Listed, ...]:
    """Return every environment on this machine; the active one also where nothing else leads to it."""
    environments = find.find_all(context.host, context.folders)
    active = _active(context, environments)
    if context.active and active is None and (found := context.folders.at(context.active)):
        environments, active = (*environments, found), found
    for environment in environments:
        if environment.newer_file:
            context.reporter.warn(NewerVersionError(environment.newer_file).message)
    return tuple(
        Listed(environment, packages.python_version(environment), environment is active) for environment in environments
    )


def survey(context: Context) -> tuple[Surveyed, ...]:
    """Return every environment on this machine in detail. Walks their files, which may take minutes."""
    listed = list_environments(context)
    prefixes = [item.environment.prefix for item in listed]
    found = []
    with context.reporter.bar(tr("Measuring"), total=len(listed), unit="files") as bar:
        for done, item in enumerate(listed):
            title = item.environment.title

            def progress(files: int, done: int = done, title: str = title) -> None:
                bar.update(done, len(listed), label=tr("{name}: {files:,} files", name=title, files=files))

            progress(0)
            found.append(_look_into(item, prefixes, progress))
    return tuple(found)


def list_packages(context: Context, name_or_path: str) -> tuple[Environment, Contents]:
    """Return an environment (``""``: the active one) and its packages, their channels by name. Raises EnvtoolError."""
    from envtool.operations.steps.channel_names import with_channel_names

    environment = target(context, name_or_path)
    contents = packages.read(environment)
    return environment, replace(contents, conda=with_channel_names(context, environment, contents.conda))


def _active(context: Context, environments: Sequence[Environment]) -> Environment | None:
    """Return which of the environments is active, by whatever path it goes in the shell."""
    if context.active is None:
        return None
    active = _identity(context.active)
    same = (e for e in environments if e.prefix == context.active or _identity(e.prefix) == active)
    return next(same, None)


def _identity(prefix: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(prefix)  # noqa: PTH116 - one call a thousand times
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _look_into(item: Listed, prefixes: Sequence[Path], progress: Callable[[int], None]) -> Surveyed:
    from envtool.operations.steps.disk_usage import measure

    environment = item.environment
    inside = [prefix for prefix in prefixes if environment.prefix in prefix.parents]
    return Surveyed(
        item,
        torch(environment.prefix),
        state.last_change(environment.prefix),
        frozen.message(environment.prefix),
        state.broken(environment),
        measure(environment, inside, progress),
    )
