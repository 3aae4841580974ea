"""``envtool list``: the environments there are, with their sizes if asked, and the packages of one of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from envtool.clients import conda
from envtool.environments import find, packages, state
from envtool.environments.packages import Contents
from envtool.environments.size import Size
from envtool.environments.torch_build import torch
from envtool.i18n import tr
from envtool.model import Environment, Package
from envtool.operations.context import Context
from envtool.operations.steps.disk_usage import measure
from envtool.prefix import frozen


@dataclass(frozen=True)
class Listed:
    """An environment with what is worth knowing at a glance; ``python`` is ``""`` where it has none."""

    environment: Environment
    python: str
    active: bool


@dataclass(frozen=True)
class Surveyed:
    """An environment looked into. ``changed`` is in seconds since the epoch; ``frozen`` the message, or None."""

    listed: Listed
    torch: str
    changed: float | None
    frozen: str | None
    broken: tuple[str, ...]
    size: Size


def list_environments(context: Context) -> tuple[Listed, ...]:
    """Return every environment on this machine, and the active one also where nothing else leads to it."""
    environments = find.find_all(context.host, context.folders)
    active = context.active
    if active and not any(_same(active, environment) for environment in environments):
        environments = (*environments, active)
    return tuple(
        Listed(environment, packages.python_version(environment), bool(active and _same(active, environment)))
        for environment in environments
    )


def survey(context: Context) -> tuple[Surveyed, ...]:
    """Return every environment on this machine, looked into; their files are walked, which may take its time."""
    listed = list_environments(context)
    every = [item.environment for item in listed]
    found = []
    with context.reporter.bar(tr("Measuring"), total=len(listed), unit="files") as bar:
        for done, item in enumerate(listed):
            label = item.environment.name or str(item.environment.prefix)

            def progress(files: int, done: int = done, label: str = label) -> None:
                bar.update(done, len(listed), label=tr("{name}: {files:,} files", name=label, files=files))

            progress(0)
            found.append(_look_into(item, every, progress))
    return tuple(found)


def list_packages(context: Context, name_or_path: str) -> tuple[Environment, Contents]:
    """Return an environment and what is in it, its channels named.

    Raises EnvtoolError where there is no such environment.
    """
    environment = find.resolve(context.host, context.folders, name_or_path)
    contents = packages.read(environment)
    return environment, replace(contents, conda=named(context, environment, contents.conda))


def named(context: Context, environment: Environment, these: Sequence[Package]) -> tuple[Package, ...]:
    """Return packages of an environment, each channel under the name that the user's settings give it."""
    settings = context.conda_settings(environment.prefix)
    names = {channel: conda.canonical_name(settings, channel) for channel in {p.channel for p in these} if channel}
    return tuple(replace(package, channel=names.get(package.channel, "")) for package in these)


def _same(one: Environment, other: Environment) -> bool:
    return one.prefix == other.prefix or (other.prefix.exists() and one.prefix.samefile(other.prefix))


def _look_into(item: Listed, every: Iterable[Environment], progress: Callable[[int], None]) -> Surveyed:
    environment = item.environment
    return Surveyed(
        item,
        torch(environment.prefix),
        state.last_change(environment.prefix),
        frozen.message(environment.prefix),
        state.broken(environment),
        measure(environment, every, progress),
    )
