"""How a solution looks to people, and when it is worth a question."""

from collections.abc import Callable, Sequence

from envtool.cli.output import out
from envtool.engines.protocol import Solution
from envtool.model import Package
from envtool.words import tr

WORTH_ASKING = 1_000_000_000  # bytes: what takes a slow link the better part of an hour is worth a question


def solution_table(added: Sequence[Package], removed: Sequence[Package], pip: Sequence[str] = ()) -> str:
    """Return what comes and goes as a table."""
    rows = [("-", p.name, p.version, p.build or "-", p.channel or "-") for p in removed]
    rows += [("+", p.name, p.version, p.build or "-", p.channel or "-") for p in added]
    rows += [("+", *(line.split("==", 1) if "==" in line else (line, "-")), "-", "pip") for line in pip]
    if not rows:
        return tr("Nothing to do.")
    return out.table(("", "name", "version", "build", "source"), rows)


def ask_about(*, yes: bool) -> Callable[[Solution], bool]:
    """Return the question about a solution: put to a person at a terminal when it removes packages or is very large."""

    def agree(solution: Solution) -> bool:
        size = sum(package.size or 0 for package in solution.link)
        names = {package.name for package in solution.link}
        lost = [package for package in solution.unlink if package.name not in names]
        if yes or (size < WORTH_ASKING and not lost):
            return True
        return out.agree(
            tr(
                "{table}\n{size:.1f} GB of packages to fetch at most. Proceed?",
                table=solution_table(solution.link, solution.unlink),
                size=size / 1e9,
            ),
            yes=yes,
            unasked=True,
        )

    return agree
