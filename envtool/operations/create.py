"""``envtool create``: a new environment, complete or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from envtool import __version__
from envtool.clients.conda.health import DoesNotStartError
from envtool.engines import AUTO, installers
from envtool.engines.installers import PipHalf
from envtool.engines.protocol import Engine, EngineType, Solution, SolveRequest
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment, Package, Sources, Spec
from envtool.operations.context import Context
from envtool.operations.steps import (
    alternatives,
    archives,
    engine_selection,
    explicit_lists,
    foreign_files,
    pip_packages,
    pypi_names,
    torch_index,
    trust,
)
from envtool.operations.steps.confirmation import Confirm, Proposal, accept, require_confirmation
from envtool.operations.steps.engine_selection import EngineChoice
from envtool.operations.steps.location import Destination, name_of, place
from envtool.operations.steps.package_sources import NO_OPTIONS, SourceOptions, gather, uses_private_channel
from envtool.operations.steps.reservation import reserved
from envtool.prefix import state_file
from envtool.prefix.marks import mark_finished, record_maker
from envtool.reporter import Reporter
from envtool.specs import match_spec

T = TypeVar("T")


@dataclass(frozen=True)
class CreateRequest:
    """The environment to create. ``command`` is the user's command line, for the records.

    ``force`` lets pip overwrite what conda installed. ``compile_bytecode`` writes the .pyc files at once: slower now,
    faster at every first import and for other users. ``accept_tos`` says that the user accepts the terms of service of
    the channels in use, ``run_scripts`` that packages may run their link scripts.
    """

    where: Destination
    spec: Spec
    engine: str = AUTO
    sources: SourceOptions = NO_OPTIONS
    command: str = "envtool create"
    with_pip: bool = True
    force: bool = False
    compile_bytecode: bool = False
    accept_tos: bool = False
    run_scripts: bool = True


@dataclass(frozen=True)
class Means:
    """What an environment is created with: the engine, and where packages come from."""

    choice: EngineChoice
    sources: Sources


@dataclass(frozen=True)
class _Packages:
    """The conda packages of a new environment, and the requirement lines of its pip half: pins where they are known."""

    environment: Environment
    engine: str
    conda: tuple[Package, ...]
    pip: tuple[str, ...]

    dry_run: ClassVar[bool]

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return {
            "name": self.environment.name,
            "prefix": str(self.environment.prefix),
            "engine": self.engine,
            "dry_run": self.dry_run,
            "conda": [
                {"name": p.name, "version": p.version, "build": p.build, "channel": p.channel} for p in self.conda
            ],
            "pip": list(self.pip),
        }


class CreatePlan(_Packages):
    """An environment that would be created."""

    dry_run = True


class Created(_Packages):
    """An environment that was created."""

    dry_run = False


def plan(context: Context, request: CreateRequest, means: Means | None = None) -> CreatePlan:
    """Return what would be created. Raises EnvtoolError where it could not be."""

    def planned(draft: _Draft) -> CreatePlan:
        trust.note_unknown(draft.engine, draft.solution, None, context.reporter)
        return CreatePlan(*draft.packages())

    return _with_fallback(context, request, means, planned)


def create(context: Context, request: CreateRequest, confirm: Confirm = accept, means: Means | None = None) -> Created:
    """Create an environment, after ``confirm`` has seen the solution.

    A caller that has chosen the engine and gathered the sources already passes them as ``means``. Raises EnvtoolError;
    nothing is left behind then, nor after Ctrl-C.
    """
    return _with_fallback(context, request, means, lambda draft: _carry_out(context, draft, confirm))


@dataclass(frozen=True)
class _Draft:
    """A new environment worked out, and nothing of it written."""

    request: CreateRequest
    environment: Environment
    engine: Engine
    solution: Solution
    half: PipHalf
    pins: tuple[str, ...]
    sources: Sources

    def packages(self) -> tuple[Environment, str, tuple[Package, ...], tuple[str, ...]]:
        return self.environment, self.environment.engine, self.solution.link, self.pins or self.half.lines

    def proposal(self) -> Proposal:
        pins = (line.split("==", 1) if "==" in line else (line, "") for line in self.pins or self.half.lines)
        return Proposal((*self.solution.link, *(Package(name, version, "pip") for name, version in pins)))


def _with_fallback(context: Context, request: CreateRequest, means: Means | None, action: Callable[[_Draft], T]) -> T:
    """Work the environment out and return what ``action`` makes of it; without any channel, on the pip index alone."""
    choice = means.choice if means else engine_selection.for_new(context, request.engine)
    sources = means.sources if means else None
    prefix = place(context, request.where, choice.engine.kind)
    context.reporter.note(choice.reason)
    try:
        return _with_working_engine(context, request, choice, prefix, sources, action)
    except EnvtoolError as error:
        spec = _without_channels(context, request, choice.engine, error)
        if spec is None:
            raise
    engine = engine_selection.without_channels(context)
    reason = tr(
        "Engine: {engine}, since no channel can be read and the pip index has all packages.", engine=engine.name
    )
    context.reporter.note(reason)
    prefix, choice = place(context, request.where, engine.kind), EngineChoice(engine, reason)
    with _drafted(context, replace(request, spec=spec), choice, prefix, sources) as draft:
        return action(draft)


def _with_working_engine(
    context: Context,
    request: CreateRequest,
    choice: EngineChoice,
    prefix: Path,
    sources: Sources | None,
    action: Callable[[_Draft], T],
) -> T:
    """Work the environment out and return what ``action`` makes of it; with another engine, if the first is broken."""
    try:
        with _drafted(context, request, choice, prefix, sources) as draft:
            return action(draft)
    except DoesNotStartError as broken:
        if request.engine != AUTO:
            raise
        choice = engine_selection.instead_of(context, choice, broken)
    context.reporter.note(choice.reason)
    with _drafted(context, request, choice, prefix, sources) as draft:
        return action(draft)


@contextmanager
def _drafted(
    context: Context, request: CreateRequest, choice: EngineChoice, prefix: Path, sources: Sources | None
) -> Iterator[_Draft]:
    """Yield a new environment with both halves resolved, so that what cannot be had is known before the first write."""
    spec = archives.checked(context, _with_python(request.spec, choice.engine))
    asked = spec if choice.engine.conda_half else replace(spec, conda=())
    with engine_selection.opened(
        context, choice, request.command, accept_tos=request.accept_tos, run_scripts=request.run_scripts
    ) as engine:
        engine.prepare()
        sources = sources or gather(context, request.sources, spec.channels, asked=asked)
        spec = replace(spec, pip=torch_index.localized(context, spec.pip, sources))
        if choice.engine.conda_half and pip_packages.names_pip(spec.pip):
            spec = _without_bare_pip(spec)
        with_pip = request.with_pip and not spec.explicit and not pip_packages.names_pip(spec.pip)
        with_pip = with_pip and choice.engine.conda_half
        with foreign_files.explaining(context, spec), alternatives.named(context, spec.conda, sources):
            solution = _solve(engine, spec, sources, context.reporter, with_pip=with_pip)
        trust.examine(engine, solution, None, sources, context.reporter)
        lines = _pip_lines(spec, solution, request, choice.engine)
        half = PipHalf(lines, force=request.force, compile=request.compile_bytecode, places=spec.places)
        pip_packages.refuse_removed_options(half, solution.link)
        pins: tuple[str, ...] = ()
        if half.lines:
            pins, sources = pip_packages.resolve(context, half, solution.python, sources)
        environment = Environment(name_of(request.where), prefix, choice.engine.kind, choice.engine.name)
        yield _Draft(replace(request, spec=spec), environment, engine, solution, half, pins, sources)


def _carry_out(context: Context, draft: _Draft, confirm: Confirm) -> Created:
    require_confirmation(confirm(draft.proposal()), tr("Cancelled: nothing was created."))
    request, environment, solution = draft.request, draft.environment, draft.solution
    prefix, reporter = environment.prefix, context.reporter
    with (
        reserved(prefix, environment.name, request.command, reporter, draft.engine.unregister) as scratch,
        _stopped_on_failure(draft.engine),
    ):
        draft.engine.create(solution, prefix, scratch, reporter)
        if draft.half.lines:
            pip_packages.install(context, draft.half, prefix, draft.sources)
        if request.compile_bytecode and solution.python:
            installers.compile_bytecode(pip_packages.interpreter(prefix), reporter)
        if request.spec.variables:
            state_file.store(prefix, request.spec.variables)
        record_maker(prefix, environment.engine, __version__)
        mark_finished(prefix)
    return Created(*draft.packages())


@contextmanager
def _stopped_on_failure(engine: Engine) -> Iterator[None]:
    """Stop what an engine keeps running before anything that it writes is removed."""
    try:
        yield
    except BaseException:
        engine.close()
        raise


def _with_python(spec: Spec, engine: EngineType) -> Spec:
    """Return the spec with Python in it where its pip half needs one, or where nothing at all was asked for."""
    if spec.explicit or any(match_spec.name(item) == "python" for item in spec.conda):
        return spec
    if not engine.conda_half or spec.pip or not spec.conda:
        return replace(spec, conda=("python", *spec.conda))
    return spec


def _without_bare_pip(spec: Spec) -> Spec:
    """Return a spec without a pip of any version among its conda packages: the pip half brings its own."""
    return replace(spec, conda=tuple(item for item in spec.conda if match_spec.split(item)[1:] != ("pip", "")))


def _solve(engine: Engine, spec: Spec, sources: Sources, reporter: Reporter, *, with_pip: bool) -> Solution:
    """Solve the conda half; ``with_pip`` adds pip wherever there is Python."""
    specs = spec.conda
    names = [match_spec.name(item) for item in specs]
    if with_pip and "python" in names and "pip" not in names:
        specs = (*specs, "pip")
    solution = engine.solve(SolveRequest(specs, archives=spec.explicit), None, sources, reporter)
    explicit_lists.require_python(solution)
    if with_pip and solution.python and not any(package.name == "pip" for package in solution.link):
        solution = engine.solve(SolveRequest((*specs, "pip")), None, sources, reporter)
    return solution


def _pip_lines(spec: Spec, solution: Solution, request: CreateRequest, engine: EngineType) -> tuple[str, ...]:
    """Return the lines of the pip half; without a conda half, pip itself is one of them."""
    if spec.pip and not solution.python:
        raise EnvtoolError(
            tr("pip packages need Python, which none of the requested packages installs."),
            hint=tr("Request python, too."),
            code=ExitCode.BAD_INPUT,
        )
    return ("pip", *spec.pip) if request.with_pip and not engine.conda_half else spec.pip


def _without_channels(context: Context, request: CreateRequest, engine: EngineType, error: EnvtoolError) -> Spec | None:
    """Return the spec with pip packages for conda's, where no channel can be read; None where that is not the same.

    Only for a request that left engine and channels to envtool, and whose packages are the same project on the pip
    index.
    """
    if request.engine != AUTO or not engine.conda_half or error.code != ExitCode.NETWORK:
        return None
    spec = request.spec
    named = any(match_spec.split(item).channel for item in spec.conda)
    if named or request.sources.channels or spec.channels or spec.explicit:
        return None  # a channel was named: the packages are wanted from there
    if uses_private_channel(context, request.sources):
        return None
    lines = [pypi_names.requirement(item) for item in spec.conda if match_spec.name(item) not in ("python", "pip")]
    if any(line is None for line in lines):
        return None
    python = tuple(item for item in spec.conda if match_spec.name(item) == "python")
    return replace(spec, conda=python, pip=(*(line for line in lines if line), *spec.pip))
