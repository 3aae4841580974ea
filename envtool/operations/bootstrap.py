"""``envtool bootstrap``: an environment with the torch build that this machine's GPU and driver can run."""

import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from envtool import __version__
from envtool.engines import AUTO
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import read_text
from envtool.gpu import builds
from envtool.gpu.search import Found
from envtool.i18n import tr
from envtool.model import Spec
from envtool.operations import create
from envtool.operations.context import Context
from envtool.operations.create import Created, CreatePlan, CreateRequest, Means
from envtool.operations.steps import pip_packages, torch_sources
from envtool.operations.steps.confirmation import Confirm, accept
from envtool.operations.steps.location import Destination, name_of, refuse_taken
from envtool.operations.steps.package_sources import NO_OPTIONS, SourceOptions, gather
from envtool.operations.steps.torch_selection import Selection, TorchRequest, select
from envtool.operations.steps.verification import Report, VerifyOptions, VerifyTarget
from envtool.operations.verify_gpu import verify
from envtool.prefix import bootstrap_record
from envtool.prefix.layout import site_packages_dir
from envtool.redaction import redact

# Installed beside torch. One OpenCV only: two would overwrite each other's cv2. The headless one needs no graphics
# libraries of the system, which servers and containers lack.
COMPANIONS = ("numpy", "pandas", "opencv-python-headless", "matplotlib")
_CUDA_LINE = re.compile(r"^cuda\b[^=\n]*=\s*(?:'(?P<version>[\d.]+)'|None)", re.MULTILINE)


@dataclass(frozen=True)
class BootstrapRequest:
    """The environment to create, and the torch to have in it.

    ``run_scripts`` says that packages may run their link scripts.
    """

    where: Destination
    torch: TorchRequest
    engine: str = AUTO
    sources: SourceOptions = NO_OPTIONS
    verify: bool = True
    command: str = "envtool bootstrap"
    run_scripts: bool = True


@dataclass(frozen=True)
class BootstrapPlan:
    """The torch wheel that would be installed, and the packages of the environment that would be created."""

    selection: Selection
    packages: CreatePlan

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return _shown(self.selection, self.packages.as_dict(), None)


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
        return _shown(self.selection, self.created.as_dict(), self.report)

    def record(self) -> dict[str, Any]:
        """Return what is recorded in the environment: everything but the results of single checks."""
        everything = self.as_dict()
        if everything["verification"]:
            everything["verification"] = {k: v for k, v in everything["verification"].items() if k != "results"}
        return everything


def _shown(selection: Selection, environment: Mapping[str, Any], report: Report | None) -> dict[str, Any]:
    """Return what --json shows of a bootstrap. Holds no login."""
    found = selection.found
    return {
        "envtool": __version__,
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "environment": environment,
        "python": found.python,
        "torch": str(found.candidate),
        "requirement": found.requirement,
        "reason": selection.choice.reason,
        "remarks": list(builds.driver_notes(selection.hardware, found.candidate)),
        "first_choice": str(selection.choice.candidates[0]),
        "table": selection.choice.dated,
        "sources": dict(selection.tried),
        "source": {"kind": found.source.kind, "url": redact(found.source.url)},
        "wheel": {"url": redact(found.wheel.url), "sha256": found.wheel.sha256, "size": found.wheel.size},
        "hardware": asdict(selection.hardware),
        "verification": report.as_dict() if report else None,
    }


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
    sources = gather(context, request.sources)
    selection, engine = select(context, request.torch, request.engine, sources)
    places = (*sources.pip.find_links, *torch_sources.links(selection.found))
    return selection, Means(engine, replace(sources, pip=replace(sources.pip, find_links=places)))


def _create_request(request: BootstrapRequest, found: Found) -> CreateRequest:
    python = f"python={request.torch.python or found.python}"
    return CreateRequest(
        request.where,
        Spec(name=name_of(request.where), conda=(python,), pip=(found.requirement, *COMPANIONS)),
        engine=request.engine,
        sources=request.sources,
        command=request.command,
        compile_bytecode=True,
        run_scripts=request.run_scripts,
    )


def _compare(prefix: Path, found: Found) -> None:
    """Raise EnvtoolError where the installed torch is not the chosen build, as its ``torch/version.py`` states it."""
    statement = (site_packages_dir(prefix) or prefix) / "torch/version.py"
    text = read_text(statement) if statement.is_file() else ""
    match = _CUDA_LINE.search(text)
    build = "" if match is None else f"cu{match['version'].replace('.', '')}" if match["version"] else builds.CPU
    wanted = found.candidate
    if build != wanted.build:
        raise EnvtoolError(
            tr("Expected torch {wanted}, but the installed one is a build for {build}.", wanted=wanted, build=build)
            if build
            else tr("Expected torch {wanted}, but the installed one does not say which build it is.", wanted=wanted),
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
    on_cpu = () if done.selection.gpu_expected else ("--device", "cpu")
    try:
        report = verify(context, target, options)
    except KeyboardInterrupt:
        context.reporter.warn(
            tr(
                "{name} is complete, but its verification was interrupted. To verify it: {command}",
                name=environment.title,
                command=shlex.join(["envtool", "verify-gpu", environment.title, *on_cpu]),
            )
        )
        raise
    verified = replace(done, report=report)
    bootstrap_record.write(environment.prefix, verified.record())
    return verified
