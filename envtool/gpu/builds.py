"""The choice of a torch build: one that the driver runs and that has code for every selected GPU."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from envtool.errors import EnvtoolError, ExitCode
from envtool.gpu import errors
from envtool.gpu.hardware import Hardware
from envtool.gpu.probes import Gpu
from envtool.i18n import tr

CPU = "cpu"


@dataclass(frozen=True)
class Candidate:
    """One torch wheel family: a release (``2.13.0``) and its build (``cu130``, ``cpu``)."""

    torch: str
    build: str

    def __str__(self) -> str:
        return f"{self.torch}+{self.build}"


@dataclass(frozen=True)
class BuildRequest:
    """What the user asks for: the CPU build, or a release (``2.13``, ``2.13.0``, ``2.13.0+cu126``)."""

    cpu: bool = False
    torch: str = ""


@dataclass(frozen=True)
class BuildChoice:
    """The builds to look for, best first, and the reason; ``dated`` is the date of the table of builds."""

    candidates: tuple[Candidate, ...]
    reason: str
    dated: str

    @property
    def cpu(self) -> bool:
        """Whether it is the CPU build."""
        return self.candidates[0].build == CPU


@dataclass(frozen=True)
class Kernels:
    """The GPUs that the wheels of one build have code for: machine -> compute capabilities times ten."""

    build: str
    first: Version
    last: Version
    code: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Table:
    """The table of builds in ``builds.yaml``, newest release first."""

    dated: str
    drivers: Mapping[int, str]
    toolkit_drivers: Mapping[str, str]
    kernels: tuple[Kernels, ...]
    releases: Mapping[str, tuple[str, ...]]
    unlabelled: Mapping[str, str]

    def code(self, candidate: Candidate, machine: str) -> tuple[int, ...]:
        """Return the compute capabilities (times ten) that a wheel has code for; none where there is no wheel."""
        release = Version(candidate.torch)
        minor = Version(f"{release.major}.{release.minor}")
        for entry in self.kernels:
            if entry.build == candidate.build and entry.first <= minor <= entry.last:
                return entry.code.get(machine.lower(), ())
        return ()

    def candidates(self) -> Iterable[Candidate]:
        """Yield every CUDA build: newest torch first; of each torch the default index's build, then newest CUDA."""
        for torch, builds in self.releases.items():
            default = self.unlabelled[torch]
            for build in (default, *(other for other in builds if other != default)):
                yield Candidate(torch, build)


@cache
def table() -> Table:
    """Return the table of builds that is part of envtool."""
    import yaml

    data: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("builds.yaml").read_text(encoding="utf-8"))
    machines = ("x86_64", "aarch64")
    return Table(
        dated=str(data["dated"]),
        drivers=data["drivers"],
        toolkit_drivers=data["toolkit_drivers"],
        kernels=tuple(
            Kernels(
                entry["build"],
                Version(entry["torch"][0]),
                Version(entry["torch"][1]),
                {machine: tuple(entry[machine]) for machine in machines if machine in entry},
            )
            for entry in data["kernels"]
        ),
        releases={torch: tuple(entry["builds"]) for torch, entry in data["releases"].items()},
        unlabelled={torch: entry["unlabelled"] for torch, entry in data["releases"].items()},
    )


def choose(hardware: Hardware, request: BuildRequest) -> BuildChoice:
    """Return the builds that this machine runs, best first. Raises EnvtoolError with the fix where there is none.

    The CPU build is chosen only on request or where there is no NVIDIA GPU, never because a driver is missing.
    """
    known = table()
    torch, _, build = request.torch.partition("+")
    releases = _releases(known, torch)
    if request.cpu or build == CPU:
        return BuildChoice(_on_cpu(releases), tr("The CPU build was requested."), known.dated)
    if not (hardware.has_card or hardware.tegra):
        if build:
            raise errors.no_gpu(request.torch)
        return BuildChoice(_on_cpu(releases), _reason_without_gpu(hardware), known.dated)
    if problem := errors.gpu_unusable(hardware):
        raise problem
    fitting = tuple(
        candidate
        for candidate in _all_fitting(known, hardware)
        if candidate.torch in releases and build in ("", candidate.build)
    )
    if not fitting:
        raise _nothing_fits(known, hardware, request)
    return BuildChoice(fitting, _reason(hardware, fitting[0]), known.dated)


def fits(known: Table, hardware: Hardware, candidate: Candidate) -> bool:
    """Whether the driver runs the build and its wheel has code for every selected GPU."""
    return driver_runs(known, hardware, candidate.build) and all(
        runs_on(known.code(candidate, hardware.machine), gpu) for gpu in hardware.selected
    )


def runs_on(code: Iterable[int], gpu: Gpu) -> bool:
    """Whether compiled code runs on a GPU: same major compute capability, and a minor one no newer than the GPU's.

    Source: CUDA C++ Programming Guide, "Binary Compatibility".
    """
    if gpu.capability is None:
        return False
    major, minor = gpu.capability
    return any(compiled // 10 == major and compiled % 10 <= minor for compiled in code)


def driver_runs(known: Table, hardware: Hardware, build: str) -> bool:
    """Whether the driver runs a build, by the CUDA version that it reports, else by its own version.

    The reported version takes account of a forward-compatibility package and of the Windows driver under WSL.
    """
    major = _cuda_major(build)
    if hardware.cuda:
        return hardware.cuda[0] >= major
    return bool(hardware.driver) and Version(hardware.driver) >= Version(known.drivers[major])


def _on_cpu(releases: Iterable[str]) -> tuple[Candidate, ...]:
    return tuple(Candidate(torch, CPU) for torch in releases)


def _releases(known: Table, torch: str) -> tuple[str, ...]:
    """Return the releases that ``2.13`` or ``2.13.0`` means; all of them for an empty text."""
    found = tuple(release for release in known.releases if not torch or f"{release}.".startswith(f"{torch}."))
    if found:
        return found
    newest, oldest = next(iter(known.releases)), next(reversed(list(known.releases)))
    try:
        Version(torch)
    except InvalidVersion:
        message = tr("{torch} is not a version of torch.", torch=torch)
    else:
        message = tr("envtool's table of builds, of {dated}, has no torch {torch}.", torch=torch, dated=known.dated)
    raise EnvtoolError(
        message,
        hint=tr("The table has {oldest} to {newest}; try --torch {newest}.", oldest=oldest, newest=newest),
        code=ExitCode.BAD_INPUT,
    )


def _reason_without_gpu(hardware: Hardware) -> str:
    if hardware.wsl:
        return tr("No NVIDIA GPU was found (WSL shows one once Windows has NVIDIA's driver), so the CPU build is used.")
    return tr("No NVIDIA GPU was found, so the CPU build is used.")


def _reason(hardware: Hardware, best: Candidate) -> str:
    return tr(
        "{gpus} with driver {driver}: torch {candidate} is the first choice among the builds that run on both.",
        gpus=errors.gpu_names(hardware.selected),
        driver=errors.driver_name(hardware),
        candidate=best,
    )


def driver_notes(hardware: Hardware, taken: Candidate) -> tuple[str, ...]:
    """Return what a newer driver would make possible, one sentence each; nothing for the CPU build."""
    if taken.build == CPU:
        return ()
    known = table()
    found = []
    newest = _all_fitting(known, _with_any_driver(hardware))[0]
    if not driver_runs(known, hardware, newest.build) and Version(newest.torch) > Version(taken.torch):
        needed = known.drivers[_cuda_major(newest.build)]
        found.append(tr("With driver {needed} or newer, torch {newest} would run.", needed=needed, newest=newest))
    complete = known.toolkit_drivers[taken.build]
    if hardware.driver and not hardware.wsl and Version(hardware.driver) < Version(complete):
        found.append(
            tr(
                "Driver {driver} runs {build} without some features; driver {complete} has all of them.",
                driver=hardware.driver,
                build=taken.build,
                complete=complete,
            )
        )
    return tuple(found)


def _nothing_fits(known: Table, hardware: Hardware, request: BuildRequest) -> EnvtoolError:
    """Return the error for the cause: the requested release, the driver, one GPU, or GPUs with no common build."""
    if request.torch and (others := _all_fitting(known, hardware)):
        return errors.release_unsupported(hardware, request.torch, str(others[0]))
    unlimited = _with_any_driver(hardware)
    if possible := _all_fitting(known, unlimited):
        return errors.driver_too_old(
            hardware, known.drivers[min(_cuda_major(candidate.build) for candidate in possible)]
        )
    alone = {gpu: _all_fitting(known, replace(unlimited, selected=(gpu,))) for gpu in hardware.selected}
    for gpu, candidates in alone.items():
        if not candidates:
            return errors.gpu_unsupported(gpu)
    return errors.no_common_build({gpu: str(candidates[0]) for gpu, candidates in alone.items()})


def _all_fitting(known: Table, hardware: Hardware) -> tuple[Candidate, ...]:
    return tuple(candidate for candidate in known.candidates() if fits(known, hardware, candidate))


def _with_any_driver(hardware: Hardware) -> Hardware:
    return replace(hardware, cuda=(999, 0))


def _cuda_major(build: str) -> int:
    return int(build[2:-1])
