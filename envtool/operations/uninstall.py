"""``envtool uninstall``: packages removed from an environment, whichever half has them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from envtool.engines import installers
from envtool.engines.protocol import Engine, SolveRequest
from envtool.environments import packages
from envtool.environments.packages import Contents
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Environment, Sources
from envtool.operations.context import Context
from envtool.operations.steps import change, pip_packages
from envtool.operations.steps.change import Change, Changed, ChangePlan, ChangeRequest, solve
from envtool.operations.steps.confirmation import Confirm, accept
from envtool.operations.steps.halves import sorted_by_half
from envtool.prefix.snapshot import Footprint


@dataclass(frozen=True)
class UninstallRequest(ChangeRequest):
    """The packages to remove, by name."""

    names: tuple[str, ...]
    command: str = field(default="envtool uninstall", kw_only=True)


def plan(context: Context, request: UninstallRequest) -> ChangePlan:
    """Return what would be removed, and what else that changes. Raises EnvtoolError."""
    return change.plan(context, request, partial(_prepare, context, request))


def uninstall(context: Context, request: UninstallRequest, confirm: Confirm = accept) -> Changed:
    """Remove packages, after ``confirm`` has seen the solution. Raises EnvtoolError; the old state is back then."""
    return change.carry_out(context, request, partial(_prepare, context, request), confirm)


def _prepare(context: Context, request: UninstallRequest, before: Contents) -> Callable[[Engine], Change]:
    conda, pip = sorted_by_half(request.environment, before, request.names)
    return lambda engine: _work_out(context, request, before, conda, pip, engine)


def _work_out(
    context: Context,
    request: UninstallRequest,
    before: Contents,
    conda: tuple[str, ...],
    pip: tuple[str, ...],
    engine: Engine,
) -> Change:
    environment = request.environment
    if conda:
        engine.prepare()
    # What stays is installed: nothing is looked up, and no channel is named.
    sources = Sources(offline=request.sources.offline)
    solution = solve(context, engine, SolveRequest(remove=conda), environment, sources)

    def apply(scratch: Path) -> None:
        if pip:
            _uninstall_pip_packages(environment, pip)
        if not solution.changes_nothing:
            engine.change(solution, environment.prefix, scratch, context.reporter)

    gone = tuple(package for package in before.pip if package.name in pip)
    return Change(
        solution,
        (*solution.unlink, *gone),
        solution.link,
        lambda: Footprint(pip_packages.files_of(environment.prefix, set(pip))),
        apply,
    )


def _uninstall_pip_packages(environment: Environment, names: tuple[str, ...]) -> None:
    """Remove pip packages: with uv, and what uv leaves, such as an egg, with the environment's own pip.

    Raises EnvtoolError if one is still there afterwards.
    """
    python = pip_packages.interpreter(environment.prefix)
    installers.uninstall(names, python)
    if left := _still_there(environment, names):
        installers.uninstall_with_pip(left, python)
    if left := _still_there(environment, names):
        raise EnvtoolError(
            tr("pip could not remove {names}: no list of their files exists.", names=", ".join(left)),
            hint=tr("Install the same version again with --force, which writes such a list, then uninstall it."),
        )


def _still_there(environment: Environment, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(package.name for package in packages.read(environment).pip if package.name in names)
