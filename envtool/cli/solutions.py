"""Solutions for people: the table of what comes and goes, the question before it does, and how to go on."""

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from envtool.cli.formatting import NOTHING, amount, table
from envtool.cli.output import Result, out
from envtool.i18n import tr
from envtool.model import Environment, Package

if TYPE_CHECKING:
    from envtool.operations.steps.change import Changed, ChangePlan
    from envtool.operations.steps.confirmation import Proposal


def solution_table(added: Sequence[Package], removed: Sequence[Package], pip: Sequence[str] = ()) -> str:
    """Return what comes and goes as a table; ``pip`` are requirement lines that come."""
    rows = [
        (sign, p.name, p.version, p.build or NOTHING, _source(p))
        for sign, these in (("-", removed), ("+", added))
        for p in these
    ]
    rows += [("+", *(line.split("==", 1) if "==" in line else (line, NOTHING)), NOTHING, "pip") for line in pip]
    if not rows:
        return tr("Nothing to do.")
    return table(("", "name", "version", "build", "source"), rows)


def plan_result(plan: "ChangePlan") -> Result:
    """Return the result of --dry-run for installing, uninstalling or updating."""
    return Result(plan.as_dict(), solution_table(plan.added, plan.removed))


def change_result(changed: "Changed") -> Result:
    """Return the result of installing, uninstalling or updating."""
    shown = changed.environment.title
    data, text = changed.as_dict(), solution_table(changed.added, changed.removed)
    if not (changed.added or changed.removed):
        return Result(data, closing=(tr("Nothing to change in {name}.", name=shown),))
    return Result(data, text, (tr("Changed {name}.", name=shown),))


def confirm_solution(*, yes: bool) -> "Callable[[Proposal], bool]":
    """Return the question about a change, which a person at a terminal is asked where an answer is needed."""
    from envtool.operations.steps.confirmation import download_size, needs_confirmation

    def confirm(proposal: "Proposal") -> bool:
        if yes or not needs_confirmation(proposal):
            return True
        shown = solution_table(proposal.added, proposal.removed)
        if size := download_size(proposal):
            question = tr("{table}\nUp to {size} to download. Proceed?", table=shown, size=amount(size))
        else:
            question = tr("{table}\nProceed?", table=shown)
        return out.confirm(question, yes=yes, unasked=True)

    return confirm


def how_to_use(environment: Environment) -> str:
    """Return the command that uses a new environment, as it can be typed."""
    return tr("Use it with: envtool run {which} -- python", which=shlex.join(environment.option))


def _source(package: Package) -> str:
    return package.channel or ("pip" if package.manager == "pip" else NOTHING)
