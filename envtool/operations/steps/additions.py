"""Packages to add to an environment or to update in it, worked out for both halves."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from envtool.engines.installers import InstallOptions, PipHalf
from envtool.engines.protocol import Engine, Solution, SolveRequest
from envtool.environments import packages
from envtool.environments.packages import Contents
from envtool.model import Environment, Package, Sources, Spec
from envtool.operations.context import Context
from envtool.operations.steps import archives, foreign_files, pip_packages, torch_index
from envtool.operations.steps.change import Change, ChangeRequest, solve
from envtool.operations.steps.package_sources import gather
from envtool.operations.steps.pip_packages import Foreseen
from envtool.prefix import state_file
from envtool.specs import match_spec

_SETTING = re.compile(r"--?(?!e\s|editable)")  # an option that asks for nothing by itself


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
    to_solve = SolveRequest(spec.conda, update=wanted.update, archives=spec.explicit)
    conda = to_solve != SolveRequest()
    asked = None if wanted.update else spec
    if conda:
        engine.prepare()
    sources = gather(context, request.sources, spec.channels, environment.prefix, asked, channels=conda)
    with foreign_files.explaining(context, spec):
        solution = solve(context, engine, to_solve, environment, sources)
    pip = _PipAddition(context, environment, replace(wanted, spec=spec), before, solution)
    foreseen, sources = pip.foretold(sources)

    def apply(scratch: Path) -> None:
        if not solution.changes_nothing:
            engine.change(solution, environment.prefix, scratch, context.reporter)
        pip.install(foreseen, sources)
        if spec.variables:
            state_file.store(environment.prefix, spec.variables)

    removed, added = (foreseen.removed, foreseen.added) if foreseen else ((), pip.requested)
    return Change(
        solution,
        (*solution.unlink, *removed),
        (*solution.link, *added),
        lambda: pip_packages.footprint(environment.prefix, before, pip.half, foreseen),
        apply,
    )


class _PipAddition:
    """The pip half of an addition."""

    def __init__(
        self, context: Context, environment: Environment, wanted: Additions, before: Contents, solution: Solution
    ) -> None:
        self._context = context
        self._environment = environment
        self._wanted = wanted
        self._before = before
        self._solution = solution
        self.half = PipHalf(())

    def foretold(self, sources: Sources) -> tuple[Foreseen | None, Sources]:
        """Return what the half changes (None: unknown), and the sources that have it. Raises EnvtoolError."""
        spec, before, context = self._wanted.spec, self._before, self._context
        lines = torch_index.localized(context, spec.pip, sources)
        if not lines:
            return Foreseen(), sources
        inside = self._conda_distributions()
        there = (*before.pip, *inside)
        self.half = pip_packages.half(replace(spec, pip=lines), inside, force=self._wanted.force)
        pip_packages.refuse_removed_options(self.half, (*self._solution.link, *there))
        prefix, python = self._environment.prefix, packages.python_version(self._environment)
        if not (python and self._keeps_python(python)):
            python = self._solution.python or str(pip_packages.interpreter(prefix))
            pins, sources = pip_packages.resolve(context, self.half, python, sources)
            return pip_packages.foreseen_without_environment(pins, there) if pins else None, sources
        options = InstallOptions(upgrade=self._wanted.upgrade)
        foreseen, sources = pip_packages.foretell(context, self.half, prefix, sources, there, options)
        if foreseen and not self._solution.changes_nothing:
            foreseen = replace(foreseen, exact=None)  # resolved again, once conda has changed the environment
        return foreseen, sources

    def install(self, foreseen: Foreseen | None, sources: Sources) -> None:
        """Install what was foreseen, or else the request."""
        prefix = self._environment.prefix
        if foreseen and foreseen.exact:
            if foreseen.exact.lines:
                cached = foreseen.cached
                pip_packages.install_exactly(self._context, foreseen.exact, prefix, sources, cached=cached)
        elif self.half.lines:
            options = InstallOptions(upgrade=self._wanted.upgrade)
            pip_packages.install(self._context, self.half, prefix, sources, options)

    @property
    def requested(self) -> tuple[Package, ...]:
        """The lines that ask for something, as packages of unknown versions."""
        return tuple(Package(line, "", "pip") for line in self.half.lines if not _SETTING.match(line))

    def _keeps_python(self, python: str) -> bool:
        """Return whether the Python that is there stays: with another one, pip's packages are looked for elsewhere."""
        return self._solution.python in ("", python) or self._solution.python.split(".")[:2] == python.split(".")[:2]

    def _conda_distributions(self) -> tuple[Package, ...]:
        """Return conda's Python packages as they will be; those that a solution brings go by conda's name for them."""
        gone = {package.name for package in self._solution.unlink}
        stay = [package for package in self._before.inside if package.name not in gone]
        owned = {package.name for package in self._before.inside}
        return (*stay, *(package for package in self._solution.link if package.name in owned or _is_pythons(package)))


def _is_pythons(package: Package) -> bool:
    return any(match_spec.name(item) == "python" for item in package.depends)
