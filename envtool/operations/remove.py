"""``envtool remove``: an environment shown, then deleted."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from envtool.environments import find, packages, size
from envtool.environments.size import Size
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
    """What to remove. ``command`` is the user's command line, for those who wait for the environment.

    ``override_frozen`` removes an environment that its owner has frozen.
    """

    environment: Environment
    command: str = "envtool remove"
    override_frozen: bool = False


@dataclass(frozen=True)
class RemovePlan:
    """What removing an environment would delete.

    ``conda`` and ``pip`` count its packages; ``own_files`` maps what looks like the user's own, at its top, to bytes;
    ``inside`` are other environments in its folder.
    """

    environment: Environment
    conda: int
    pip: int
    size: Size
    own_files: Mapping[Path, int]
    inside: tuple[Path, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return {
            "prefix": str(self.environment.prefix),
            "name": self.environment.name,
            "packages": {"conda": self.conda, "pip": self.pip},
            "size": asdict(self.size),
            "own_files": [{"path": str(path), "bytes": count} for path, count in self.own_files.items()],
            "environments": [str(path) for path in self.inside],
            "dry_run": True,
        }


@dataclass(frozen=True)
class Removed:
    """An environment that was removed."""

    environment: Environment

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return {"prefix": str(self.environment.prefix), "name": self.environment.name, "dry_run": False}


def plan(context: Context, request: RemoveRequest) -> RemovePlan:
    """Return what removing an environment would delete. Raises EnvtoolError where it must not be removed."""
    environment = request.environment
    guards.refuse_link(environment)
    guards.refuse_home(context, environment)
    guards.refuse_installation(environment)
    guards.refuse_own(environment)
    guards.refuse_active(context, environment)
    guards.refuse_frozen(environment, override=request.override_frozen)
    contents = packages.read(environment)
    own_files = sorted(path for path in environment.prefix.iterdir() if path.name not in _PARTS)
    with context.reporter.bar(tr("Measuring"), unit="files") as bar:
        measured = size.measure(environment.prefix, progress=bar.update)
    return RemovePlan(
        environment,
        len(contents.conda),
        len(contents.pip),
        measured,
        {path: _bytes(path) for path in own_files},
        tuple(find.inside(context.host, context.folders, environment.prefix)),
    )


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


def _bytes(path: Path) -> int:
    """Return the disk space of a file or of a folder with all that is in it, links not followed."""
    if path.is_dir() and not path.is_symlink():
        found = size.measure(path)
        return found.unique + found.shared
    return size.on_disk(path.lstat())
