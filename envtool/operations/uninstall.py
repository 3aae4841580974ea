"""``envtool uninstall``: packages removed from an environment, whichever half has them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from envtool.engines import installers
from envtool.engines.protocol import Engine, SolveRequest
from envtool.environments.packages import Contents
from envtool.operations.context import Context
from envtool.operations.steps import change, pip_packages
from envtool.operations.steps.change import Change, Changed, ChangePlan, ChangeRequest, solve
from envtool.operations.steps.confirmation import Confirm, accept
from envtool.operations.steps.halves import channels_of, sorted_by_half
from envtool.operations.steps.package_sources import gather
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
    sources = gather(context, request.sources, channels_of(before), environment.prefix)
    solution = solve(context, engine, SolveRequest(remove=conda), environment, sources)

    def apply(scratch: Path) -> None:
        if pip:
            installers.uninstall(pip, pip_packages.interpreter(environment.prefix))
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
