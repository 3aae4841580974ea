"""The list of environments, for ``envtool list`` without the parser and for ``envtool list``."""

from collections.abc import Sequence
from typing import Any

from envtool.cli.formatting import NOTHING, table
from envtool.cli.output import Result, out
from envtool.environment import Environment, Worker
from envtool.i18n import tr
from envtool.operations.context import Context
from envtool.operations.list import Listed, list_environments


def command() -> Result:
    """List the environments on this machine."""
    listed = list_environments(Context.here(out))
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
        note_that_there_are_none()
    text = table(("name", "engine", "python", "state", "path"), rows) if rows else ""
    return Result({"environments": [listed_data(item) for item in listed]}, text, _how_to_list_packages(listed))


def _how_to_list_packages(listed: Sequence[Listed]) -> tuple[str, ...]:
    """Return how to list packages, for a person at a terminal: conda lists those of the active environment here."""
    if not listed or out.json or not out.stdout.isatty():
        return ()
    active = next((item.environment.title for item in listed if item.active), "")
    if active:
        return (tr("Packages of the active environment ({name}): envtool list --packages", name=active),)
    return (tr("Packages of an environment: envtool list NAME"),)


def note_that_there_are_none() -> None:
    """Tell how to create the first environment."""
    out.note(tr("There are no environments yet. Create one with: envtool create NAME"))


def state_of(item: Listed, *, frozen: bool = False, broken: bool = False) -> str:
    """Return the state of an environment in words separated by commas; empty where it is an ordinary one."""
    worker = item.environment.worker
    words = (
        (item.active, tr("active")),
        (worker is not None, at_work(worker) if worker else ""),
        (item.environment.was_interrupted, tr("unfinished")),
        (frozen, tr("frozen")),
        (broken, tr("broken")),
    )
    return ",".join(word for applies, word in words if applies)


def at_work(worker: Worker) -> str:
    """Return the words for an environment in which another envtool is at work."""
    return tr("at work ({pid}, {command})", pid=worker.pid, command=worker.command.partition(" ")[0])


def listed_data(item: Listed) -> dict[str, Any]:
    """Return what --json shows of an environment in the list."""
    return environment_data(item.environment) | {"python": item.python, "active": item.active}


def environment_data(environment: Environment) -> dict[str, Any]:
    """Return what --json shows of any environment."""
    worker = environment.worker
    return {
        "name": environment.name,
        "path": str(environment.prefix),
        "kind": environment.kind,
        "engine": environment.engine,
        "unfinished": environment.was_interrupted,
        "at_work": worker and {"pid": worker.pid, "command": f"envtool {worker.command}"},
    }
