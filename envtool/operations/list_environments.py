"""What ``envtool list`` answers: which environments there are, and what is in one of them."""

from dataclasses import dataclass, replace

from envtool.clients import conda
from envtool.environments import find, packages
from envtool.environments.packages import Contents
from envtool.model import Environment
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
    """Return an environment and what is in it, each channel under the name that the user's settings give it.

    Raises EnvtoolError where there is no such environment.
    """
    environment = find.resolve(host, name_or_path)
    contents = packages.read(environment)
    settings = conda.in_force(host, root=find.conda_root(host), prefix=environment.prefix)
    channels = {p.channel: conda.canonical_name(settings, p.channel) for p in contents.conda if p.channel}
    named = tuple(replace(package, channel=channels.get(package.channel, "")) for package in contents.conda)
    return environment, replace(contents, conda=named)


def _same(one: Environment, other: Environment) -> bool:
    return one.prefix == other.prefix or (other.prefix.exists() and one.prefix.samefile(other.prefix))
