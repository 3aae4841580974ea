"""Packages to add to an environment or to update in it, worked out for both halves."""

from dataclasses import dataclass
from pathlib import Path

from envtool.engines.installers import InstallOptions
from envtool.engines.protocol import Engine, SolveRequest
from envtool.environments import packages
from envtool.environments.packages import Contents
from envtool.model import Spec
from envtool.operations.context import Context
from envtool.operations.steps import archives, pip_packages, torch_index
from envtool.operations.steps.change import Change, ChangeRequest, solve
from envtool.operations.steps.package_sources import gather
from envtool.prefix import state_file


@dataclass(frozen=True)
class Additions:
    """What is to come: a spec for both halves, and conda packages to ``update``, by name.

    ``upgrade`` takes the newest versions of the pip packages named; ``force`` lets pip overwrite what conda installed.
    """

    spec: Spec
    update: tuple[str, ...] = ()
    upgrade: bool = False
    force: bool = False


def work_out(context: Context, request: ChangeRequest, wanted: Additions, before: Contents, engine: Engine) -> Change:
    """Return the change that adds packages. Both halves are resolved: what cannot be had is known by then."""
    environment, spec = request.environment, archives.checked(context, wanted.spec)
    sources = gather(context, request.sources, spec.channels, environment.prefix, spec.conda)
    to_solve = SolveRequest(spec.conda, update=wanted.update, archives=spec.explicit)
    solution = solve(context, engine, to_solve, environment, sources)
    lines = torch_index.localized(context, spec.pip, sources)
    half = pip_packages.half(lines, before.inside, force=wanted.force)
    pins: tuple[str, ...] = ()
    if half.lines:
        python = solution.python or packages.python_version(environment)
        pins, sources = pip_packages.resolve(context, half, python, sources)

    def apply(scratch: Path) -> None:
        if not solution.changes_nothing:
            engine.change(solution, environment.prefix, scratch, context.reporter)
        if half.lines:
            options = InstallOptions(upgrade=wanted.upgrade)
            pip_packages.install(context, half, environment.prefix, sources, options)
        if spec.variables:
            state_file.store(environment.prefix, spec.variables)

    there = (*before.pip, *before.inside, *solution.link)
    removed, added = pip_packages.foreseen(half, pins, there, upgrade=wanted.upgrade)
    return Change(
        solution,
        (*solution.unlink, *removed),
        (*solution.link, *added),
        lambda: pip_packages.footprint(environment.prefix, before, half, pins, upgrade=wanted.upgrade),
        apply,
    )
