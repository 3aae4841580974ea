"""Selection of a torch wheel: this machine's hardware, the builds that run on it, and the source that has one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from envtool.errors import EnvtoolError, ExitCode
from envtool.gpu import builds, hardware
from envtool.gpu.builds import BuildChoice
from envtool.gpu.hardware import Hardware
from envtool.gpu.search import Found, Search
from envtool.i18n import tr
from envtool.model import Sources
from envtool.operations.context import Context
from envtool.operations.steps import torch_sources
from envtool.operations.steps.engine_selection import EngineChoice
from envtool.paths import Host
from envtool.reporter import Reporter


@dataclass(frozen=True)
class TorchRequest:
    """The torch to look for; ``version`` and ``python`` are ``""`` for the best there is.

    ``assume_driver`` and ``assume_cc`` ((major, minor) of each GPU) stand in for this machine's hardware.
    """

    version: str = ""
    python: str = ""
    cpu: bool = False
    allow_large: bool = False
    assume_driver: str = ""
    assume_cc: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Selection:
    """The torch wheel to install, and why: the hardware, the builds for it, and the outcome of each source tried."""

    hardware: Hardware
    choice: BuildChoice
    found: Found
    tried: Mapping[str, str]

    @property
    def gpu_expected(self) -> bool:
        """Whether the environment's torch should find a GPU on this machine."""
        return not (self.choice.cpu or self.hardware.assumed)


def select(context: Context, request: TorchRequest, engine: str, sources: Sources) -> tuple[Selection, EngineChoice]:
    """Return the wheel to install, and the engine to create its environment with; ``engine`` may be ``auto``.

    Raises EnvtoolError where no build runs on the hardware, or no source has the wheel.
    """
    machine = _hardware(context.host, request)
    choice = builds.choose(machine, builds.BuildRequest(request.cpu, request.version))
    context.reporter.note(choice.reason)
    with context.reporter.bar(tr("Looking for torch")):
        taken = torch_sources.engine(context, engine, sources)
        found, search = _look(context, request, choice, taken, sources)
    _explain(found, choice, search, context.reporter)
    for note in () if choice.cpu else builds.driver_notes(machine, found.candidate):
        context.reporter.warn(note)
    return Selection(machine, choice, found, dict(search.outcomes)), taken


def _hardware(host: Host, request: TorchRequest) -> Hardware:
    if not (request.assume_driver or request.assume_cc):
        return hardware.facts(host)
    if not (request.assume_driver and request.assume_cc):
        raise EnvtoolError(
            tr("--assume-driver and --assume-cc must be given together."),
            hint=tr("For example: --assume-driver 580 --assume-cc 9.0."),
            code=ExitCode.USAGE,
        )
    return hardware.assume(host, request.assume_driver, request.assume_cc)


def _look(
    context: Context, request: TorchRequest, choice: BuildChoice, engine: EngineChoice, sources: Sources
) -> tuple[Found, Search]:
    """Return the wheel to install, and the search that found it. Raises EnvtoolError where no source has one."""
    from packaging.tags import platform_tags

    asked = torch_sources.sources(context, sources.pip, choice.candidates, offline=sources.offline)
    # Offline, the engine may turn out to have no channel in its cache, and the environment becomes a venv.
    own_python = not engine.engine.conda_half or sources.offline
    pythons = torch_sources.pythons(request.python, own=own_python)
    search = Search(torch_sources.indexes(context, sources.pip), pythons, tuple(platform_tags()), context.host.machine)
    found = search.best(choice.candidates, asked)
    if found is None and own_python and not request.python:
        search.pythons = (*pythons, *torch_sources.other_pythons(pythons))
        found = search.best(choice.candidates, asked)
    if found is None and choice.cpu and request.allow_large:
        found = search.default_wheel([candidate.torch for candidate in choice.candidates], asked)
    if found is None:
        raise torch_sources.nothing_found(search, choice.candidates, asked)
    return replace(found, wheel=replace(found.wheel, size=search.indexes.size(found.wheel))), search


def _explain(found: Found, choice: BuildChoice, search: Search, reporter: Reporter) -> None:
    reporter.note(
        tr(
            "torch {torch} ({size}) for Python {python} from {source}. Sources tried: {outcomes}.",
            torch=found.candidate,
            size=torch_sources.size_words(found.wheel.size),
            python=found.python,
            source=found.source.name,
            outcomes=torch_sources.outcomes(search),
        )
    )
    first = choice.candidates[0]
    if found.candidate != first and found.source.is_handpicked:
        reporter.note(
            tr("The wheels in that folder come first; --torch {first} looks for the newer {first}.", first=first)
        )
    elif found.candidate != first:
        reporter.note(tr("The first choice, {first}, is not available.", first=first))
    if choice.cpu and found.candidate.build != builds.CPU:
        reporter.warn(tr("This build includes the CUDA libraries: several GB that the CPU does not use."))
