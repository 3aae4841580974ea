"""``envtool create``: a new environment, whole or not at all."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envtool import __version__
from envtool.engines import AUTO, installers
from envtool.engines.protocol import Engine, EngineType, Solution, SolveRequest
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import write_atomically
from envtool.i18n import tr
from envtool.model import Environment, Package, Sources, Spec
from envtool.operations.context import Context
from envtool.operations.steps import engine_selection, pip_packages, pypi_names, torch_index
from envtool.operations.steps.engine_selection import EngineChoice
from envtool.operations.steps.location import place
from envtool.operations.steps.package_sources import NOTHING, Asked, gather, stays_private
from envtool.operations.steps.prefix_lock import new_prefix
from envtool.prefix.marks import mark_finished, record_maker
from envtool.prefix.state_file import state_file
from envtool.reporter import Reporter


@dataclass(frozen=True)
class CreateRequest:
    """What is to be made. ``name`` or ``prefix`` says where; ``command`` is the user's command line, for the records.

    ``force`` lets pip overwrite what conda installed. ``compile_bytecode`` writes the .pyc files at once: slower now,
    faster at every first import and for other users. ``engine_reason`` is said of the engine where the caller chose it
    for a reason of its own.
    """

    spec: Spec
    name: str = ""
    prefix: Path | None = None
    engine: str = AUTO
    engine_reason: str = ""
    sources: Asked = NOTHING
    command: str = "envtool create"
    with_pip: bool = True
    force: bool = False
    compile_bytecode: bool = False
    dry_run: bool = False
    accept_tos: bool = False


@dataclass(frozen=True)
class Created:
    """What was made, or with ``dry_run`` would be: the conda half, and the pip half's pins where they are known."""

    environment: Environment
    engine: str
    conda: tuple[Package, ...]
    pip: tuple[str, ...]
    dry_run: bool

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


def create(context: Context, request: CreateRequest, confirm: Callable[[Solution], bool] = lambda _: True) -> Created:
    """Make an environment and return it. ``confirm`` sees the solution before anything is written and may say no.

    Raises EnvtoolError; nothing is left behind then, nor after Ctrl-C.
    """
    choice = engine_selection.for_new(context, request.engine)
    prefix = place(context, request.name, request.prefix, choice.engine.kind)
    context.reporter.note(request.engine_reason or choice.reason)
    try:
        return _create(context, request, choice, prefix, confirm)
    except EnvtoolError as error:
        fallback = _without_channels(context, request, choice.engine, error)
        if fallback is None:
            raise
        engine = engine_selection.without_channels(context)
        reason = tr(
            "Engine: {engine}, since no channel can be read and the pip index has everything that was asked for.",
            engine=engine.name,
        )
        context.reporter.note(reason)
        prefix = place(context, fallback.name, fallback.prefix, engine.kind)
        return _create(context, fallback, EngineChoice(engine, reason), prefix, confirm)


def _create(
    context: Context,
    request: CreateRequest,
    choice: EngineChoice,
    prefix: Path,
    confirm: Callable[[Solution], bool],
) -> Created:
    spec = _with_python(request.spec, choice.engine)
    sources = gather(context, request.sources, spec.channels)
    spec = replace(spec, pip=torch_index.localized(context, spec.pip, sources))
    with engine_selection.opened(context, choice, request.command, accept_tos=request.accept_tos) as engine:
        with_pip = request.with_pip and choice.engine.conda_half and not spec.explicit
        solution = _solve(engine, spec, sources, context.reporter, with_pip=with_pip)
        lines = _pip_lines(spec, solution, request, choice.engine)
        half = pip_packages.half(lines, force=request.force, compile_bytecode=request.compile_bytecode)
        pins: tuple[str, ...] = ()
        if lines:  # before anything is linked, so that what cannot be had is known by then
            pins, sources = pip_packages.resolve(context, half, solution.python, sources)
        environment = Environment(request.name, prefix, choice.engine.kind, choice.engine.name)
        created = Created(environment, choice.engine.name, solution.link, pins or lines, request.dry_run)
        if request.dry_run:
            return created
        if not confirm(solution):
            raise EnvtoolError(tr("Nothing was made, as you wished."), code=ExitCode.INTERRUPTED)
        with new_prefix(prefix, request.name, request.command, context.reporter, engine.unregister) as scratch:
            engine.create(solution, prefix, scratch, context.reporter)
            if lines:
                pip_packages.install(context, half, prefix, sources)
            if request.compile_bytecode and solution.python:
                installers.compile_bytecode(pip_packages.interpreter(prefix), context.reporter)
            _store_variables(prefix, spec.variables)
            record_maker(prefix, choice.engine.name, __version__)
            mark_finished(prefix)
    return created


def _with_python(spec: Spec, engine: EngineType) -> Spec:
    """Return the spec with Python in it where its pip half needs one, or where nothing at all was asked for."""
    if spec.explicit or any(_name(item) == "python" for item in spec.conda):
        return spec
    if not engine.conda_half or spec.pip or not spec.conda:
        return replace(spec, conda=("python", *spec.conda))
    return spec


def _name(spec: str) -> str:
    return pypi_names.split(spec)[0]


def _solve(engine: Engine, spec: Spec, sources: Sources, reporter: Reporter, *, with_pip: bool) -> Solution:
    """Solve the conda half; ``with_pip`` adds pip wherever there is Python."""
    specs = spec.conda
    if with_pip and any(_name(item) == "python" for item in specs) and not any(_name(item) == "pip" for item in specs):
        specs = (*specs, "pip")
    solution = engine.solve(SolveRequest(specs, archives=spec.explicit), None, sources, reporter)
    if with_pip and solution.python and not any(package.name == "pip" for package in solution.link):
        solution = engine.solve(SolveRequest((*specs, "pip")), None, sources, reporter)
    return solution


def _pip_lines(spec: Spec, solution: Solution, request: CreateRequest, engine: EngineType) -> tuple[str, ...]:
    """Return the lines of the pip half; without a conda half, pip itself is one of them."""
    if spec.pip and not solution.python:
        raise EnvtoolError(
            tr("pip packages were asked for, and nothing in the request brings a Python."),
            hint=tr("Add python to the request."),
            code=ExitCode.BAD_INPUT,
        )
    return ("pip", *spec.pip) if request.with_pip and not engine.conda_half else spec.pip


def _store_variables(prefix: Path, variables: Mapping[str, str]) -> None:
    """Store variables where conda, and `envtool run`, set them from when the environment is entered."""
    if not variables:
        return
    write_atomically(state_file(prefix), json.dumps({"env_vars": dict(variables)}).encode())


def _without_channels(
    context: Context, request: CreateRequest, engine: EngineType, error: EnvtoolError
) -> CreateRequest | None:
    """Return the request with pip packages for conda's, where no channel can be read; None where that is not the same.

    Only a request that left engine and channels to envtool, and whose packages are the same project on the pip index.
    """
    if request.engine != AUTO or not engine.conda_half or error.code != ExitCode.NETWORK:
        return None
    if request.sources.channels or request.spec.channels or request.spec.explicit:
        return None  # somebody named a channel: that is where it is to come from
    if stays_private(context, request.sources):
        return None
    lines = [pypi_names.requirement(item) for item in request.spec.conda if _name(item) not in ("python", "pip")]
    if any(line is None for line in lines):
        return None
    python = tuple(item for item in request.spec.conda if _name(item) == "python")
    pip = (*(line for line in lines if line), *request.spec.pip)
    return replace(request, spec=replace(request.spec, conda=python, pip=pip))
