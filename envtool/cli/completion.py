"""Completion of values: each list comes from where the things are registered, and is read when a value is completed."""

from typing import TYPE_CHECKING

from envtool.clients import CLIENTS
from envtool.engines import AUTO, ENGINES

if TYPE_CHECKING:
    from envtool.mirrors.catalogue import Mirror


def engines() -> list[str]:
    """Return what --engine takes."""
    return [AUTO, *ENGINES]


def clients() -> list[str]:
    """Return what --target takes."""
    return [*CLIENTS, "all"]


def mirrors() -> list[str]:
    """Return the names of the mirrors that are not retired."""
    return [mirror.name for mirror in _mirrors() if mirror.usable]


def own_mirrors() -> list[str]:
    """Return the names of the user's own mirrors."""
    return [mirror.name for mirror in _mirrors() if mirror.own]


def channels() -> list[str]:
    """Return the channels in conda's settings."""
    from envtool.clients import conda
    from envtool.errors import EnvtoolError
    from envtool.paths import Host

    try:
        return list(conda.in_force(Host.here()).channels)
    except EnvtoolError:  # a broken file: the command reports it when it is run
        return []


def _mirrors() -> "list[Mirror]":
    from envtool.errors import EnvtoolError
    from envtool.mirrors import catalogue
    from envtool.paths import Host

    try:
        return list(catalogue.load(Host.here()).mirrors.values())
    except EnvtoolError:  # a broken list: the command reports it when it is run
        return []


def checks() -> list[str]:
    """Return the ids of all checks, and their beginnings, which name several."""
    from envtool.smoke.registry import all_checks

    names = [check.id for check in all_checks()]
    return [*dict.fromkeys(name.partition(".")[0] for name in names), *names]
