"""``envtool install`` and ``uninstall``: an environment brought to another state, both halves in one call."""

import difflib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envtool.engines import installers
from envtool.engines.installers import InstallOptions
from envtool.engines.protocol import Engine, Solution, SolveRequest
from envtool.environments import packages
from envtool.environments.packages import Contents
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment, Package, Sources, Spec
from envtool.operations.context import Context
from envtool.operations.list import named
from envtool.operations.steps import engine_selection, pip_packages, torch_index
from envtool.operations.steps.package_sources import NOTHING, Asked, gather
from envtool.operations.steps.transaction import Frame, changing, held, refuse_frozen
from envtool.prefix.snapshot import Footprint
from envtool.reporter import Reporter


@dataclass(frozen=True)
class InstallRequest:
    """What is to be added: ``spec`` in both halves, and conda packages to ``update``, from ``sources``.

    ``force`` lets pip overwrite what conda installed; ``command`` is the user's command line.
    """

    environment: Environment
    spec: Spec
    sources: Asked = NOTHING
    update: tuple[str, ...] = ()
    upgrade: bool = False
    force: bool = False
    command: str = "envtool install"
    dry_run: bool = False
    override_frozen: bool = False
    accept_tos: bool = False


@dataclass(frozen=True)
class UninstallRequest:
    """Which packages are to go, by name, whichever half they are in."""

    environment: Environment
    names: tuple[str, ...]
    sources: Asked = NOTHING
    command: str = "envtool uninstall"
    dry_run: bool = False
    override_frozen: bool = False
    accept_tos: bool = False


@dataclass(frozen=True)
class Changed:
    """What a change came to: packages that went and came, in both halves."""

    environment: Environment
    removed: tuple[Package, ...]
    added: tuple[Package, ...]
    dry_run: bool

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""

        def shown(these: Sequence[Package]) -> list[dict[str, str]]:
            return [{"name": p.name, "version": p.version, "build": p.build, "manager": p.manager} for p in these]

        return {
            "name": self.environment.name,
            "prefix": str(self.environment.prefix),
            "removed": shown(self.removed),
            "added": shown(self.added),
            "dry_run": self.dry_run,
        }


Agree = Callable[[Solution], bool]


def install(context: Context, request: InstallRequest, confirm: Agree = lambda _: True) -> Changed:
    """Add packages. All is resolved and fetched before the first write; a failure brings the old state back."""
    environment = request.environment
    _refuse_base(environment)
    if not request.override_frozen:
        refuse_frozen(environment)
    with held(environment, request.command, context.reporter, dry_run=request.dry_run) as scratch:
        before = packages.read(environment)
        sources = gather(context, request.sources, request.spec.channels, environment.prefix)
        choice = engine_selection.for_existing(context, environment)
        context.reporter.note(choice.reason)
        with engine_selection.opened(context, choice, request.command, accept_tos=request.accept_tos) as engine:
            to_solve = SolveRequest(request.spec.conda, update=request.update, archives=request.spec.explicit)
            solution = _solve(engine, to_solve, environment, sources, context.reporter)
            lines = torch_index.localized(context, request.spec.pip, sources)
            half = pip_packages.half(lines, before.inside, force=request.force)
            pins: tuple[str, ...] = ()
            if half.lines:
                python = solution.python or packages.python_version(environment)
                pins, sources = pip_packages.resolve(context, half, python, sources)
            if request.dry_run:
                there = (*before.pip, *before.inside, *solution.link)
                gone, new = pip_packages.foreseen(half, pins, there, upgrade=request.upgrade)
                return _changed(context, environment, (*solution.unlink, *gone), (*solution.link, *new), dry_run=True)
            _ask(confirm, solution)
            frame = Frame(environment.prefix, request.command, scratch)
            met = pip_packages.footprint(environment.prefix, before, half, pins, upgrade=request.upgrade)
            with changing(frame, engine, solution, met, context.reporter):
                if not solution.changes_nothing:
                    engine.change(solution, environment.prefix, scratch, context.reporter)
                if half.lines:
                    options = InstallOptions(upgrade=request.upgrade)
                    pip_packages.install(context, half, environment.prefix, sources, options)
    return _compared(context, environment, before)


def update(context: Context, request: InstallRequest, names: Sequence[str], confirm: Agree = lambda _: True) -> Changed:
    """Bring packages of either half to their newest versions, all of them where no name is given.

    pip packages that came from a folder or a repository stay: their newest version is not known to an index.
    """
    contents = packages.read(request.environment)
    if names:
        conda, pip = _sort_by_half(names, contents, request.environment)
    else:
        conda = tuple(package.name for package in contents.conda if package.name != "python")
        pip = tuple(package.name for package in contents.pip if package.origin is None)
    spec = Spec(channels=_channels_of(contents), pip=pip)
    return install(context, replace(request, spec=spec, update=conda, upgrade=True), confirm)


def uninstall(context: Context, request: UninstallRequest, confirm: Agree = lambda _: True) -> Changed:
    """Remove packages from whichever half has them. Raises EnvtoolError where one is in neither."""
    environment = request.environment
    _refuse_base(environment)
    if not request.override_frozen:
        refuse_frozen(environment)
    with held(environment, request.command, context.reporter, dry_run=request.dry_run) as scratch:
        before = packages.read(environment)
        conda, pip = _sort_by_half(request.names, before, environment)
        choice = engine_selection.for_existing(context, environment)
        context.reporter.note(choice.reason)
        with engine_selection.opened(context, choice, request.command, accept_tos=request.accept_tos) as engine:
            sources = gather(context, request.sources, _channels_of(before), environment.prefix)
            solution = _solve(engine, SolveRequest(remove=conda), environment, sources, context.reporter)
            if request.dry_run:
                gone = tuple(package for package in before.pip if package.name in pip)
                return _changed(context, environment, (*solution.unlink, *gone), solution.link, dry_run=True)
            _ask(confirm, solution)
            frame = Frame(environment.prefix, request.command, scratch)
            met = Footprint(pip_packages.files_of(environment.prefix, set(pip)))
            with changing(frame, engine, solution, met, context.reporter):
                if pip:
                    installers.uninstall(pip, pip_packages.interpreter(environment.prefix))
                if not solution.changes_nothing:
                    engine.change(solution, environment.prefix, scratch, context.reporter)
    return _compared(context, environment, before)


def _ask(confirm: Agree, solution: Solution) -> None:
    if not confirm(solution):
        raise EnvtoolError(tr("Nothing was changed, as you wished."), code=ExitCode.INTERRUPTED)


def _refuse_base(environment: Environment) -> None:
    if environment.name == "base":
        raise EnvtoolError(
            tr("{prefix} is conda's own installation; a mistake in it breaks conda itself.", prefix=environment.prefix),
            hint=tr("Make an environment for your packages: envtool create NAME ..."),
            code=ExitCode.USAGE,
        )
    if environment.prefix.resolve() == Path(sys.prefix).resolve():
        raise EnvtoolError(
            tr("{prefix} is where envtool itself is installed; a mistake in it breaks envtool.", prefix=sys.prefix),
            hint=tr("Name another environment with -n; what envtool needs is changed by its own pip."),
            code=ExitCode.USAGE,
        )


def _solve(
    engine: Engine, to_solve: SolveRequest, environment: Environment, sources: Sources, reporter: Reporter
) -> Solution:
    if not (to_solve.specs or to_solve.remove or to_solve.update or to_solve.archives):
        return Solution(to_solve)
    return engine.solve(to_solve, environment.prefix, sources, reporter)


def _channels_of(contents: Contents) -> tuple[str, ...]:
    """Return the channels that an environment's packages came from: what is left is solved from the same ones."""
    return tuple(dict.fromkeys(package.channel for package in contents.conda if package.channel))


def _sort_by_half(
    names: Sequence[str], contents: Contents, environment: Environment
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of the names are conda's and which are pip's. Raises EnvtoolError for one that is neither's."""
    conda_names = {package.name for package in contents.conda}
    pip_names = {package.name for package in contents.pip}
    conda = tuple(name for name in names if name.lower() in conda_names)
    pip = tuple(name for name in names if name not in conda and _normalized(name) in pip_names)
    if missing := [name for name in names if name not in conda and name not in pip]:
        raise EnvtoolError(
            tr(
                "Not installed in {environment}: {names}. Nothing was changed.",
                environment=environment.name or environment.prefix,
                names=", ".join(missing),
            ),
            hint=_what_is(environment, missing, conda_names | pip_names),
        )
    return conda, pip


def _what_is(environment: Environment, missing: Sequence[str], names: set[str]) -> str:
    shown = environment.name or environment.prefix
    close = [match for name in missing for match in difflib.get_close_matches(_normalized(name), names, 1)]
    if close:
        return tr("Did you mean {names}? `envtool list {name}` shows what is.", names=", ".join(close), name=shown)
    return tr("`envtool list {name}` shows what is.", name=shown)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _compared(context: Context, environment: Environment, before: Contents) -> Changed:
    """Return what came and went since ``before``."""

    def identities(contents: Contents) -> dict[tuple[str, str, str, str], Package]:
        both = (*contents.conda, *contents.pip)
        return {(package.name, package.version, package.build, package.manager): package for package in both}

    old, new = identities(before), identities(packages.read(environment))
    removed = tuple(package for key, package in old.items() if key not in new)
    added = tuple(package for key, package in new.items() if key not in old)
    return _changed(context, environment, removed, added, dry_run=False)


def _changed(
    context: Context, environment: Environment, removed: Sequence[Package], added: Sequence[Package], *, dry_run: bool
) -> Changed:
    return Changed(environment, named(context, environment, removed), named(context, environment, added), dry_run)
