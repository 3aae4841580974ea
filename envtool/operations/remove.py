"""``envtool remove``: an environment shown, then gone in one step."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from envtool.environments import find
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps import engine_selection
from envtool.operations.steps.prefix_lock import discard, holding, require_environment
from envtool.prefix.marks import OWN, intent_of

# Folders that environments consist of. What lies beside them was put there by the user.
_PARTS = frozenset(
    "bin compiler_compat conda-meta etc include lib lib64 libexec man mkspecs phrasebooks plugins pyvenv.cfg resources"
    " sbin share shell ssl translations var x86_64-conda-linux-gnu x86_64-conda_cos6-linux-gnu aarch64-conda-linux-gnu"
    " CACHEDIR.TAG Lib Scripts Library DLLs Include libs Tools python.exe pythonw.exe fonts doc docs nvvm targets qml"
    " metatypes modules".split()
) | {OWN, ".gitignore", ".lock"}


@dataclass(frozen=True)
class Removal:
    """What is about to go: the environment, and what in it envtool takes for the user's own files."""

    environment: Environment
    own_files: tuple[Path, ...]


def look(context: Context, name_or_path: str) -> Removal:
    """Return what removing an environment would take away. Raises EnvtoolError where it must not be removed."""
    environment = find.resolve(context.host, context.folders, name_or_path)
    active = context.active
    if environment.name == "base" or environment.prefix == context.root:
        raise EnvtoolError(
            tr("{prefix} is conda's own installation, not one of its environments.", prefix=environment.prefix),
            hint=tr("Removing it would take conda and every environment in it along."),
            code=ExitCode.USAGE,
        )
    if active and active.prefix == environment.prefix:
        raise EnvtoolError(
            tr("The environment {name} is active in this shell.", name=environment.name or environment.prefix),
            hint=tr("Leave it first: conda deactivate, or deactivate for a venv."),
            code=ExitCode.USAGE,
        )
    own = tuple(sorted(path for path in environment.prefix.iterdir() if path.name not in _PARTS))
    return Removal(environment, own)


def remove(context: Context, removal: Removal, confirm: Callable[[Removal], bool]) -> None:
    """Remove an environment after ``confirm`` has seen what goes. It leaves its place at once; then its files go."""
    if not confirm(removal):
        raise EnvtoolError(tr("Nothing was removed, as you wished."), code=ExitCode.INTERRUPTED)
    prefix = removal.environment.prefix
    with holding(prefix, f"remove {removal.environment.name or prefix}", context.reporter):
        if prefix.exists():
            if not intent_of(prefix).exists() and not (prefix / OWN / "unfinished.json").exists():
                require_environment(prefix)
            with context.reporter.bar(tr("Removing")):
                discard(prefix)
    choice = engine_selection.for_existing(context, removal.environment)
    with engine_selection.opened(context, choice, "envtool remove") as engine:
        engine.unregister(prefix)
