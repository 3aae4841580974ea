"""``envtool install``: packages added to an environment, both halves in one call."""

from dataclasses import dataclass, field
from functools import partial

from envtool.model import Spec
from envtool.operations.context import Context
from envtool.operations.steps import additions, change
from envtool.operations.steps.additions import Additions
from envtool.operations.steps.change import Changed, ChangePlan, ChangeRequest, Prepare
from envtool.operations.steps.confirmation import Confirm, accept


@dataclass(frozen=True)
class InstallRequest(ChangeRequest):
    """What to add: a spec for both halves.

    ``upgrade`` takes the newest versions of the pip packages named; ``force`` lets pip overwrite what conda installed.
    """

    spec: Spec
    upgrade: bool = False
    force: bool = False
    command: str = field(default="envtool install", kw_only=True)


def plan(context: Context, request: InstallRequest) -> ChangePlan:
    """Return what would be installed. Raises EnvtoolError."""
    return change.plan(context, request, _prepare(context, request))


def install(context: Context, request: InstallRequest, confirm: Confirm = accept) -> Changed:
    """Add packages, after ``confirm`` has seen the solution.

    Everything is resolved and fetched before the first write. Raises EnvtoolError; the old state is back then.
    """
    return change.carry_out(context, request, _prepare(context, request), confirm)


def _prepare(context: Context, request: InstallRequest) -> Prepare:
    wanted = Additions(request.spec, upgrade=request.upgrade, force=request.force)
    return lambda before: partial(additions.work_out, context, request, wanted, before)
