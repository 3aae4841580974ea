"""``envtool bootstrap``: an environment with the torch build that this machine's GPU and driver can run."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from envtool import __version__
from envtool.engines.protocol import Solution
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import write_atomically
from envtool.gpu import builds, hardware
from envtool.gpu.builds import Choice
from envtool.gpu.hardware import Hardware
from envtool.gpu.search import Found, Search
from envtool.i18n import tr
from envtool.model import Sources, Spec
from envtool.operations.context import Context
from envtool.operations.create import Created, CreateRequest, create
from envtool.operations.steps import engine_selection, names, pip_packages, torch_sources
from envtool.operations.steps.package_sources import NOTHING, Asked, gather
from envtool.operations.verify_gpu import Report, VerifyOptions, VerifyTarget, verify
from envtool.paths import Host
from envtool.prefix.layout import kind_of, site_packages
from envtool.prefix.marks import OWN
from envtool.redaction import redact
from envtool.reporter import Reporter

# What the field's first hour needs. One OpenCV only: two would overwrite each other's cv2. The headless one needs no
# graphics libraries of the system, which servers and containers lack.
COMPANIONS = ("numpy", "pandas", "opencv-python-headless", "matplotlib")
RECORD = "bootstrap.json"
_CUDA_LINE = re.compile(r"^cuda\b[^=\n]*=\s*(?:'(?P<version>[\d.]+)'|None)", re.MULTILINE)


@dataclass(frozen=True)
class BootstrapRequest:
    """What is to be made. ``torch`` and ``python`` are versions, ``""`` for the best there is.

    ``assume_driver`` and ``assume_cc`` ((major, minor) of each GPU) stand in for this machine's hardware.
    """

    name: str = ""
    prefix: Path | None = None
    python: str = ""
    torch: str = ""
    cpu: bool = False
    engine: str = "auto"
    sources: Asked = NOTHING
    allow_large: bool = False
    assume_driver: str = ""
    assume_cc: tuple[tuple[int, int], ...] = ()
    verify: bool = True
    dry_run: bool = False
    command: str = "envtool bootstrap"


@dataclass(frozen=True)
class Bootstrapped:
    """What was made and why, and what its verification said (None where there was none)."""

    created: Created
    hardware: Hardware
    choice: Choice
    found: Found
    tried: dict[str, str]
    report: Report | None = None

    @property
    def gpu_expected(self) -> bool:
        """Whether the environment's torch should find a GPU on this machine."""
        return not (self.choice.cpu or self.hardware.assumed)

    @property
    def exit_code(self) -> ExitCode:
        """OK, or VERDICT_NO where checks failed or, as this environment was made for it, torch sees no GPU."""
        return ExitCode.OK if self.report is None or self.report.passed else ExitCode.VERDICT_NO

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows. Holds no login."""
        wheel = self.found.wheel
        return {
            "envtool": __version__,
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "environment": self.created.as_dict(),
            "python": self.found.python,
            "torch": str(self.found.candidate),
            "requirement": self.found.requirement,
            "reason": self.choice.reason,
            "remarks": list(builds.remarks(self.hardware, self.found.candidate)),
            "first_choice": str(self.choice.candidates[0]),
            "table": self.choice.dated,
            "sources": self.tried,
            "source": {"kind": self.found.source.kind, "url": redact(self.found.source.url)},
            "wheel": {"url": redact(wheel.url), "sha256": wheel.sha256, "size": wheel.size},
            "hardware": asdict(self.hardware),
            "verification": self.report.as_dict() if self.report else None,
        }

    def record(self) -> dict[str, Any]:
        """Return what is kept beside the environment: all but the checks one by one."""
        everything = self.as_dict()
        if everything["verification"]:
            everything["verification"] = {k: v for k, v in everything["verification"].items() if k != "results"}
        return everything


def bootstrap(
    context: Context, request: BootstrapRequest, confirm: Callable[[Solution], bool] = lambda _: True
) -> Bootstrapped:
    """Make an environment with the torch build for this machine, verify it, and record why it is that one.

    Raises EnvtoolError; what was begun is gone then. Once everything is installed the environment is kept, also where
    its verification fails, is interrupted, or finds torch to be another build than the one asked for.
    """
    _refuse_taken(context, request)
    if context.host.system != "Linux":
        raise EnvtoolError(
            tr("bootstrap knows the torch builds of Linux only, and this is {system}.", system=context.host.system),
            hint=tr("envtool create NAME --pip torch takes what the default index has for this system."),
            code=ExitCode.MISSING,
        )
    machine = _hardware(context.host, request)
    choice = builds.choose(machine, builds.Wanted(request.cpu, request.torch))
    context.reporter.note(choice.reason)
    everything = gather(context, request.sources)
    with context.reporter.bar(tr("Looking for torch")):
        engine, why = torch_sources.engine(context, request.engine, everything)
        found, search = _look(context, request, choice, engine, everything)
    _explain(found, choice, search, context.reporter)
    for remark in () if choice.cpu else builds.remarks(machine, found.candidate):
        context.reporter.warn(remark)
    created = create(context, _create_request(request, found, engine, why), confirm)
    made = Bootstrapped(created, machine, choice, found, dict(search.outcomes))
    if request.dry_run:
        return made
    _write_record(made)
    _compare(created.environment.prefix, found)
    return _verified(context, made) if request.verify else made


def _refuse_taken(context: Context, request: BootstrapRequest) -> None:
    """Refuse a name or place that cannot be had before anything is asked of the network."""
    if request.prefix:
        names.refuse_existing(request.prefix.expanduser().absolute(), "")
        return
    names.check(request.name)
    for folder in context.folders.every:
        if kind_of(folder / request.name):
            names.refuse_existing(folder / request.name, request.name)


def _hardware(host: Host, request: BootstrapRequest) -> Hardware:
    if not (request.assume_driver or request.assume_cc):
        return hardware.facts(host)
    if not (request.assume_driver and request.assume_cc):
        raise EnvtoolError(
            tr("--assume-driver and --assume-cc describe another machine together, and only one was given."),
            hint=tr("For example: --assume-driver 580 --assume-cc 9.0."),
            code=ExitCode.USAGE,
        )
    return hardware.assume(host, request.assume_driver, request.assume_cc)


def _look(
    context: Context, request: BootstrapRequest, choice: Choice, engine: str, everything: Sources
) -> tuple[Found, Search]:
    """Return the wheel to install, and the search that found it. Raises EnvtoolError where no source has one."""
    from packaging.tags import platform_tags

    asked = torch_sources.sources(context, everything.pip, choice.candidates, offline=everything.offline)
    # Without network it may still come to a venv: then when the engine finds no channel in its cache.
    own_python = engine_selection.uses_local_python(engine) or everything.offline
    pythons = torch_sources.pythons(request.python, own=own_python)
    search = Search(
        torch_sources.indexes(context, everything.pip), pythons, tuple(platform_tags()), context.host.machine
    )
    found = search.best(choice.candidates, asked)
    if found is None and own_python and not request.python:
        search.pythons = (*pythons, *torch_sources.other_pythons(pythons))
        found = search.best(choice.candidates, asked)
    if found is None and choice.cpu and request.allow_large:
        found = search.default_wheel([candidate.torch for candidate in choice.candidates], asked)
    if found is None:
        raise torch_sources.nothing_found(search, choice.candidates, asked)
    return replace(found, wheel=replace(found.wheel, size=search.indexes.size(found.wheel))), search


def _explain(found: Found, choice: Choice, search: Search, reporter: Reporter) -> None:
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
    if found.candidate != first and found.source.chosen_by_hand:
        reporter.note(
            tr("Wheels laid out there win; {first} would be newer: --torch {first} looks for it.", first=first)
        )
    elif found.candidate != first:
        reporter.note(tr("The first choice, {first}, was not to be had.", first=first))
    if choice.cpu and found.candidate.build != builds.CPU:
        reporter.warn(tr("This build brings the CUDA libraries: several GB, of no use to the CPU."))


def _create_request(request: BootstrapRequest, found: Found, engine: str, why: str) -> CreateRequest:
    python = f"python={request.python or found.python}"
    return CreateRequest(
        spec=Spec(name=request.name, conda=(python,), pip=(found.requirement, *COMPANIONS)),
        name=request.name,
        prefix=request.prefix,
        engine=engine,
        engine_reason=why,
        sources=replace(request.sources, find_links=(*request.sources.find_links, *torch_sources.links(found))),
        command=request.command,
        compile_bytecode=True,
        dry_run=request.dry_run,
    )


def _compare(prefix: Path, found: Found) -> None:
    """Raise EnvtoolError where the installed torch is not the chosen build, by its own word (``torch/version.py``)."""
    own_word = (site_packages(prefix) or prefix) / "torch/version.py"
    text = own_word.read_text(encoding="utf-8") if own_word.is_file() else ""
    match = _CUDA_LINE.search(text)
    build = "" if match is None else f"cu{match['version'].replace('.', '')}" if match["version"] else builds.CPU
    if build != found.candidate.build:
        raise EnvtoolError(
            tr(
                "torch was to be {wanted}, and the installed one says that it is a build for {build}.",
                wanted=found.candidate,
                build=build or tr("nothing known"),
            ),
            hint=tr(
                "The environment at {prefix} was kept; the wheel came from {source}.",
                prefix=prefix,
                source=found.source.name,
            ),
            code=ExitCode.VERDICT_NO,
        )


def _verified(context: Context, made: Bootstrapped) -> Bootstrapped:
    environment = made.created.environment
    target = VerifyTarget(pip_packages.interpreter(environment.prefix), environment.name)
    try:
        report = verify(context, target, VerifyOptions(device="gpu" if made.gpu_expected else "cpu"))
    except KeyboardInterrupt:
        shown = environment.name or environment.prefix
        context.reporter.warn(
            tr("{name} is whole; only its verification was interrupted: envtool verify-gpu {name}", name=shown)
        )
        raise
    verified = replace(made, report=report)
    _write_record(verified)
    return verified


def _write_record(made: Bootstrapped) -> None:
    path = made.created.environment.prefix / OWN / RECORD
    write_atomically(path, json.dumps(made.record(), indent=1).encode() + b"\n")
