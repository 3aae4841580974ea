"""``envtool install``: packages added to an environment, both halves in one call."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from envtool.engines.protocol import Engine
from envtool.environments.packages import Contents
from envtool.i18n import tr
from envtool.model import Spec
from envtool.operations.context import Context
from envtool.operations.steps import additions, change
from envtool.operations.steps.additions import Additions
from envtool.operations.steps.change import Change, Changed, ChangePlan, ChangeRequest, Prepare
from envtool.operations.steps.confirmation import Confirm, accept


@dataclass(frozen=True)
class InstallRequest(ChangeRequest):
    """What to add: a spec for both halves.

    ``upgrade`` takes the newest versions of the packages named; ``force`` lets pip overwrite what conda installed.
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
    def prepared(before: Contents) -> Callable[[Engine], Change]:
        wanted = Additions(request.spec, upgrade=request.upgrade, force=request.force)
        if request.upgrade:
            wanted = _upgraded(context, request, wanted, before)
        return partial(additions.work_out, context, request, wanted, before)

    return prepared


def _upgraded(context: Context, request: InstallRequest, wanted: Additions, before: Contents) -> Additions:
    """Return additions that update the conda packages named without a version; engines do not both install and update.

    ``pip install -U numpy`` means the newest numpy, whichever half it is in.
    """
    there = {package.name for package in before.conda}
    named = [spec.lower() for spec in request.spec.conda if spec.lower() in there]
    if named and len(named) == len(request.spec.conda):
        return replace(wanted, spec=replace(request.spec, conda=()), update=tuple(named))
    for name in named:
        context.reporter.warn(
            tr(
                "{name} is installed and stays as it is. To update it: envtool update {which} {name}",
                name=name,
                which=shlex.join(request.environment.option),
            )
        )
    return wanted
