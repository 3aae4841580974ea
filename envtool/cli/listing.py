"""The list of environments as people and programs see it; without the parser, which ``envtool list`` does not need."""

from typing import Any

from envtool.cli.output import out
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.list import Listed, list_environments
from envtool.paths import Host

NOTHING = "-"  # an empty cell, so that a table on a pipe still splits into columns


def show_environments(host: Host) -> None:
    """Show the environments on this machine."""
    listed = list_environments(host)
    rows = [
        (
            item.environment.name or NOTHING,
            item.environment.engine or item.environment.kind,
            item.python or NOTHING,
            state_of(item) or NOTHING,
            str(item.environment.prefix),
        )
        for item in listed
    ]
    if not listed:
        say_there_are_none()
    data = {"environments": [listed_data(item) for item in listed]}
    out.result(data, out.table(("name", "engine", "python", "state", "path"), rows) if rows else "")


def say_there_are_none() -> None:
    """Say what to do where there is nothing to show."""
    out.note(tr("There are no environments yet: envtool create NAME makes one."))


def state_of(item: Listed, *, frozen: bool = False, broken: bool = False) -> str:
    """Return an environment's state in words, separated by commas; empty where nothing is to be said."""
    words = (
        (item.active, tr("active")),
        (item.environment.unfinished, tr("unfinished")),
        (frozen, tr("frozen")),
        (broken, tr("broken")),
    )
    return ",".join(word for applies, word in words if applies)


def listed_data(item: Listed) -> dict[str, Any]:
    """Return what --json shows of an environment in the list."""
    return environment_data(item.environment) | {"python": item.python, "active": item.active}


def environment_data(environment: Environment) -> dict[str, Any]:
    """Return what --json shows of an environment anywhere."""
    return {
        "name": environment.name,
        "path": str(environment.prefix),
        "kind": environment.kind,
        "engine": environment.engine,
        "unfinished": environment.unfinished,
    }
