"""``envtool update``: packages of either half brought to their newest versions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from envtool.engines.protocol import Engine
from envtool.environments.packages import Contents
from envtool.i18n import tr
from envtool.model import Spec
from envtool.operations.context import Context
from envtool.operations.steps import additions, change
from envtool.operations.steps.additions import Additions
from envtool.operations.steps.change import Change, Changed, ChangePlan, ChangeRequest
from envtool.operations.steps.confirmation import Confirm, accept
from envtool.operations.steps.halves import channels_of, sorted_by_half


@dataclass(frozen=True)
class UpdateRequest(ChangeRequest):
    """The packages to update, by name; without any, all but Python."""

    names: tuple[str, ...] = ()
    command: str = field(default="envtool update", kw_only=True)


def plan(context: Context, request: UpdateRequest) -> ChangePlan:
    """Return what would be updated. Raises EnvtoolError."""
    return change.plan(context, request, partial(_prepare, context, request))


def update(context: Context, request: UpdateRequest, confirm: Confirm = accept) -> Changed:
    """Update packages, after ``confirm`` has seen the solution. Raises EnvtoolError; the old state is back then."""
    return change.carry_out(context, request, partial(_prepare, context, request), confirm)


def _prepare(context: Context, request: UpdateRequest, before: Contents) -> Callable[[Engine], Change]:
    if request.names:
        conda, pip = sorted_by_half(request.environment, before, request.names)
    else:
        # No channel has what conda-pypi took from the pip index.
        others = (package for package in before.conda if not package.is_conda_wheel)
        conda = tuple(package.name for package in others if package.name != "python")
        if wheels := [package.name for package in before.conda if package.is_conda_wheel]:
            context.reporter.note(
                tr("Not updated, because conda-pypi installed them from wheels: {names}.", names=", ".join(wheels))
            )
        # No index knows a newer version of what came from a folder or a repository.
        pip = tuple(package.name for package in before.pip if package.origin is None)
    wanted = Additions(Spec(channels=channels_of(before), pip=pip), update=conda, upgrade=True)
    return partial(additions.work_out, context, request, wanted, before)
