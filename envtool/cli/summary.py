"""How a solution looks to people, and when it is worth a question."""

import shlex
from collections.abc import Callable, Sequence

from envtool.cli.formatting import amount
from envtool.cli.output import out
from envtool.engines.protocol import Solution
from envtool.i18n import tr
from envtool.model import Environment, Package

WORTH_ASKING = 1_000_000_000  # bytes: what takes a slow link the better part of an hour is worth a question


def say_how_to_use(environment: Environment) -> None:
    """Say how to go on with a new environment, in words that can be typed as they stand."""
    which = f"-n {environment.name}" if environment.name else f"-p {shlex.quote(str(environment.prefix))}"
    out.note(tr("Use it with: envtool run {which} -- python", which=which))


def solution_table(added: Sequence[Package], removed: Sequence[Package], pip: Sequence[str] = ()) -> str:
    """Return what comes and goes as a table."""
    rows = [
        (sign, p.name, p.version, p.build or "-", _source(p))
        for sign, these in (("-", removed), ("+", added))
        for p in these
    ]
    rows += [("+", *(line.split("==", 1) if "==" in line else (line, "-")), "-", "pip") for line in pip]
    if not rows:
        return tr("Nothing to do.")
    return out.table(("", "name", "version", "build", "source"), rows)


def _source(package: Package) -> str:
    return package.channel or ("pip" if package.manager == "pip" else "-")


def confirm_solution(*, yes: bool) -> Callable[[Solution], bool]:
    """Return the question about a solution: put to a person at a terminal when it removes packages or is very large."""

    def confirm(solution: Solution) -> bool:
        size = sum(package.size or 0 for package in solution.link)
        names = {package.name for package in solution.link}
        lost = [package for package in solution.unlink if package.name not in names]
        if yes or (size < WORTH_ASKING and not lost):
            return True
        template = "{table}\n{size} of packages to fetch at most. Proceed?" if size else "{table}\nProceed?"
        table = solution_table(solution.link, solution.unlink)
        return out.confirm(tr(template, table=table, size=amount(size)), yes=yes, unasked=True)

    return confirm
