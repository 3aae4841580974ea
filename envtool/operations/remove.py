"""``envtool remove``: an environment shown, then deleted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps import engine_selection, guards
from envtool.operations.steps.confirmation import require_confirmation
from envtool.operations.steps.leftovers import discard
from envtool.operations.steps.prefix_lock import holding
from envtool.prefix.marks import OWN, unfinished

# The folders and files that environments consist of. Anything else at the top was put there by the user.
_PARTS = frozenset(
    "bin compiler_compat conda-meta etc include lib lib64 libexec man mkspecs phrasebooks plugins pyvenv.cfg resources"
    " sbin share shell ssl translations var x86_64-conda-linux-gnu x86_64-conda_cos6-linux-gnu aarch64-conda-linux-gnu"
    " CACHEDIR.TAG Lib Scripts Library DLLs Include libs Tools python.exe pythonw.exe fonts doc docs nvvm targets qml"
    " metatypes modules".split()
) | {OWN, ".gitignore", ".lock"}


@dataclass(frozen=True)
class RemoveRequest:
    """What to remove. ``command`` is the user's command line, for those who wait for the environment."""

    environment: Environment
    command: str = "envtool remove"


@dataclass(frozen=True)
class RemovePlan:
    """What removing an environment would delete: ``own_files`` are those in it that look like the user's own."""

    environment: Environment
    own_files: tuple[Path, ...]


@dataclass(frozen=True)
class Removed:
    """An environment that was removed."""

    environment: Environment

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return {"prefix": str(self.environment.prefix), "name": self.environment.name}


def plan(context: Context, request: RemoveRequest) -> RemovePlan:
    """Return what removing an environment would delete. Raises EnvtoolError where it must not be removed."""
    environment = request.environment
    guards.refuse_installation(environment)
    guards.refuse_own(environment)
    guards.refuse_active(context, environment)
    own_files = tuple(sorted(path for path in environment.prefix.iterdir() if path.name not in _PARTS))
    return RemovePlan(environment, own_files)


def remove(context: Context, request: RemoveRequest, confirm: Callable[[RemovePlan], bool] = lambda _: True) -> Removed:
    """Remove an environment, after ``confirm`` has seen the plan: it leaves its place in one step, then its files go.

    Raises EnvtoolError where it must not be removed, or ``confirm`` says no.
    """
    require_confirmation(confirm(plan(context, request)), tr("Cancelled: nothing was removed."))
    environment, prefix = request.environment, request.environment.prefix
    with holding(prefix, request.command, context.reporter):
        if prefix.exists():
            if not unfinished(prefix):
                guards.require_environment(prefix)
            with context.reporter.bar(tr("Removing")):
                discard(prefix)
    choice = engine_selection.for_existing(context, environment)
    with engine_selection.opened(context, choice, request.command) as engine:
        engine.unregister(prefix, context.reporter)
    return Removed(environment)
