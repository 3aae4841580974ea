"""Environments found from a host alone, as one run of envtool finds them."""

from pathlib import Path

from envtool.environments import find
from envtool.environments.find import Folders
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.paths import Host
from envtool.reporter import Silent


def folders(host: Host) -> Folders:
    """Return where environments have a name."""
    return Context(host, Silent()).folders


def envs_dirs(host: Host) -> tuple[Path, ...]:
    """Return the folders of conda environments, the preferred one first."""
    return folders(host).conda


def find_all(host: Host) -> tuple[Environment, ...]:
    """Return every environment that is known."""
    return find.find_all(host, folders(host))


def resolve(host: Host, name_or_path: str) -> Environment:
    """Return the environment that a name or a path means."""
    return find.resolve(host, folders(host), name_or_path)
