"""What ``envtool list`` answers: which environments there are, and what is in one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from envtool.clients import conda
from envtool.environments import find, packages
from envtool.environments.packages import Contents
from envtool.model import Environment, Package
from envtool.paths import Host


@dataclass(frozen=True)
class Listed:
    """An environment with what is worth knowing at a glance; ``python`` is ``""`` where it has none."""

    environment: Environment
    python: str
    active: bool


def list_environments(host: Host) -> tuple[Listed, ...]:
    """Return every environment on this machine, and the active one also where nothing else leads to it."""
    environments = find.find_all(host)
    active = find.active(host)
    if active and not any(_same(active, environment) for environment in environments):
        environments = (*environments, active)
    return tuple(
        Listed(environment, packages.python_version(environment), bool(active and _same(active, environment)))
        for environment in environments
    )


def list_packages(host: Host, name_or_path: str) -> tuple[Environment, Contents]:
    """Return an environment and what is in it, its channels named.

    Raises EnvtoolError where there is no such environment.
    """
    environment = find.resolve(host, name_or_path)
    contents = packages.read(environment)
    return environment, replace(contents, conda=named(host, environment, contents.conda))


def named(host: Host, environment: Environment, these: Sequence[Package]) -> tuple[Package, ...]:
    """Return packages of an environment, each channel under the name that the user's settings give it."""
    settings = conda.in_force(host, root=find.conda_root(host), prefix=environment.prefix)
    names = {channel: conda.canonical_name(settings, channel) for channel in {p.channel for p in these} if channel}
    return tuple(replace(package, channel=names.get(package.channel, "")) for package in these)


def _same(one: Environment, other: Environment) -> bool:
    return one.prefix == other.prefix or (other.prefix.exists() and one.prefix.samefile(other.prefix))
