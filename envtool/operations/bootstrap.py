"""``envtool bootstrap``: an environment with the torch build that this machine's GPU and driver can run."""

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from envtool import __version__
from envtool.engines import AUTO
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import read_text
from envtool.gpu import builds, hardware
from envtool.gpu.builds import BuildChoice
from envtool.gpu.hardware import Hardware
from envtool.gpu.search import Found, Search
from envtool.i18n import tr
from envtool.model import Sources, Spec
from envtool.operations import create
from envtool.operations.context import Context
from envtool.operations.create import Created, CreatePlan, CreateRequest, Means
from envtool.operations.steps import pip_packages, torch_sources
from envtool.operations.steps.confirmation import Confirm, accept
from envtool.operations.steps.engine_selection import EngineChoice
from envtool.operations.steps.location import Destination, name_of, refuse_taken
from envtool.operations.steps.package_sources import NO_OPTIONS, SourceOptions, gather
from envtool.operations.verify_gpu import Report, VerifyOptions, VerifyTarget, verify
from envtool.paths import Host
from envtool.prefix import bootstrap_record
from envtool.prefix.layout import site_packages_dir
from envtool.redaction import redact
from envtool.reporter import Reporter

# Installed beside torch. One OpenCV only: two would overwrite each other's cv2. The headless one needs no graphics
# libraries of the system, which servers and containers lack.
COMPANIONS = ("numpy", "pandas", "opencv-python-headless", "matplotlib")
_CUDA_LINE = re.compile(r"^cuda\b[^=\n]*=\s*(?:'(?P<version>[\d.]+)'|None)", re.MULTILINE)


@dataclass(frozen=True)
class BootstrapRequest:
    """The environment to create. ``torch`` and ``python`` are versions, ``""`` for the best there is.

    ``assume_driver`` and ``assume_cc`` ((major, minor) of each GPU) stand in for this machine's hardware.
    """

    where: Destination
    python: str = ""
    torch: str = ""
    cpu: bool = False
    engine: str = AUTO
    sources: SourceOptions = NO_OPTIONS
    allow_large: bool = False
    assume_driver: str = ""
    assume_cc: tuple[tuple[int, int], ...] = ()
    verify: bool = True
    command: str = "envtool bootstrap"


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

    def as_dict(self, environment: Mapping[str, Any], report: Report | None) -> dict[str, Any]:
        """Return what --json shows. Holds no login."""
        wheel = self.found.wheel
        return {
            "envtool": __version__,
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "environment": environment,
            "python": self.found.python,
            "torch": str(self.found.candidate),
            "requirement": self.found.requirement,
            "reason": self.choice.reason,
            "remarks": list(builds.driver_notes(self.hardware, self.found.candidate)),
            "first_choice": str(self.choice.candidates[0]),
            "table": self.choice.dated,
            "sources": dict(self.tried),
            "source": {"kind": self.found.source.kind, "url": redact(self.found.source.url)},
            "wheel": {"url": redact(wheel.url), "sha256": wheel.sha256, "size": wheel.size},
            "hardware": asdict(self.hardware),
            "verification": report.as_dict() if report else None,
        }


@dataclass(frozen=True)
class BootstrapPlan:
    """The torch wheel that would be installed, and the packages of the environment that would be created."""

    selection: Selection
    packages: CreatePlan

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return self.selection.as_dict(self.packages.as_dict(), None)


@dataclass(frozen=True)
class Bootstrapped:
    """The torch wheel that was installed, the environment, and the report of its verification, None without one."""

    selection: Selection
    created: Created
    report: Report | None = None

    @property
    def exit_code(self) -> ExitCode:
        """OK, or VERDICT_NO where checks failed or, as this environment was made for it, torch sees no GPU."""
        return ExitCode.OK if self.report is None or self.report.passed else ExitCode.VERDICT_NO

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return self.selection.as_dict(self.created.as_dict(), self.report)

    def record(self) -> dict[str, Any]:
        """Return what is recorded in the environment: everything but the results of single checks."""
        everything = self.as_dict()
        if everything["verification"]:
            everything["verification"] = {k: v for k, v in everything["verification"].items() if k != "results"}
        return everything


def plan(context: Context, request: BootstrapRequest) -> BootstrapPlan:
    """Return the environment that would be created. Raises EnvtoolError where it could not be."""
    selection, means = _select(context, request)
    return BootstrapPlan(selection, create.plan(context, _create_request(request, selection.found), means))


def bootstrap(context: Context, request: BootstrapRequest, confirm: Confirm = accept) -> Bootstrapped:
    """Create an environment with the torch build for this machine, verify it, and record why it was chosen.

    Raises EnvtoolError; nothing is left behind then. Once everything is installed the environment is kept, even if its
    verification fails or is interrupted, or its torch turns out to be another build.
    """
    selection, means = _select(context, request)
    created = create.create(context, _create_request(request, selection.found), confirm, means)
    done = Bootstrapped(selection, created)
    bootstrap_record.write(created.environment.prefix, done.record())
    _compare(created.environment.prefix, selection.found)
    return _verified(context, done) if request.verify else done


def _select(context: Context, request: BootstrapRequest) -> tuple[Selection, Means]:
    """Return the wheel to install, and what to create the environment with: chosen and gathered once."""
    refuse_taken(context, request.where)  # before the network is asked for anything
    if context.host.system != "Linux":
        raise EnvtoolError(
            tr("bootstrap supports Linux only, and this is {system}.", system=context.host.system),
            hint=tr("envtool create NAME --pip torch installs the default index's build for this system."),
            code=ExitCode.MISSING,
        )
    machine = _hardware(context.host, request)
    choice = builds.choose(machine, builds.BuildRequest(request.cpu, request.torch))
    context.reporter.note(choice.reason)
    sources = gather(context, request.sources)
    with context.reporter.bar(tr("Looking for torch")):
        engine = torch_sources.engine(context, request.engine, sources)
        found, search = _look(context, request, choice, engine, sources)
    _explain(found, choice, search, context.reporter)
    for note in () if choice.cpu else builds.driver_notes(machine, found.candidate):
        context.reporter.warn(note)
    places = (*sources.pip.find_links, *torch_sources.links(found))
    means = Means(engine, replace(sources, pip=replace(sources.pip, find_links=places)))
    return Selection(machine, choice, found, dict(search.outcomes)), means


def _hardware(host: Host, request: BootstrapRequest) -> Hardware:
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
    context: Context, request: BootstrapRequest, choice: BuildChoice, engine: EngineChoice, sources: Sources
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


def _create_request(request: BootstrapRequest, found: Found) -> CreateRequest:
    python = f"python={request.python or found.python}"
    return CreateRequest(
        request.where,
        Spec(name=name_of(request.where), conda=(python,), pip=(found.requirement, *COMPANIONS)),
        engine=request.engine,
        sources=request.sources,
        command=request.command,
        compile_bytecode=True,
    )


def _compare(prefix: Path, found: Found) -> None:
    """Raise EnvtoolError where the installed torch is not the chosen build, as its ``torch/version.py`` states it."""
    statement = (site_packages_dir(prefix) or prefix) / "torch/version.py"
    text = read_text(statement) if statement.is_file() else ""
    match = _CUDA_LINE.search(text)
    build = "" if match is None else f"cu{match['version'].replace('.', '')}" if match["version"] else builds.CPU
    if build != found.candidate.build:
        raise EnvtoolError(
            tr(
                "Expected torch {wanted}, but the installed one is a build for {build}.",
                wanted=found.candidate,
                build=build or tr("an unknown platform"),
            ),
            hint=tr(
                "The environment at {prefix} was kept; the wheel came from {source}.",
                prefix=prefix,
                source=found.source.name,
            ),
            code=ExitCode.VERDICT_NO,
        )


def _verified(context: Context, done: Bootstrapped) -> Bootstrapped:
    environment = done.created.environment
    target = VerifyTarget(pip_packages.interpreter(environment.prefix), environment.name)
    options = VerifyOptions(device="gpu" if done.selection.gpu_expected else "cpu")
    try:
        report = verify(context, target, options)
    except KeyboardInterrupt:
        context.reporter.warn(
            tr(
                "{name} is complete, but its verification was interrupted: envtool verify-gpu {name}",
                name=environment.title,
            )
        )
        raise
    verified = replace(done, report=report)
    bootstrap_record.write(environment.prefix, verified.record())
    return verified
