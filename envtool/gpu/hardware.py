"""Hardware of this machine: NVIDIA GPUs, their driver, and whether this is WSL, a Jetson or a container.

What cannot be found out has a value of its own (None or ``""``), and a remark says why; finding out raises nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from envtool.errors import EnvtoolError, ExitCode
from envtool.gpu import probes
from envtool.gpu.probes import Gpu
from envtool.i18n import tr
from envtool.paths import Host


@dataclass(frozen=True)
class Hardware:
    """The facts about one machine.

    ``gpus`` are all GPUs that the driver knows, ``selected`` those that torch will see. ``visible`` is the value of
    CUDA_VISIBLE_DEVICES, None if unset. ``driver`` is the full version, ``cuda`` the newest CUDA (major, minor) that
    the driver supports. ``cuda_error`` is the result of cuInit (0: success), None without libcuda. ``cards`` counts
    NVIDIA display controllers on the PCI bus, None if the bus cannot be read. ``assumed`` facts are those of another
    machine, as the user described it.
    """

    system: str
    machine: str
    gpus: tuple[Gpu, ...] = ()
    selected: tuple[Gpu, ...] = ()
    driver: str = ""
    cuda: tuple[int, int] | None = None
    cuda_error: int | None = None
    libcuda: str = ""
    cards: int | None = None
    module: str = ""
    nodes: tuple[str, ...] = ()
    wsl: bool = False
    wsl_driver: bool = False
    tegra: bool = False
    container: bool = False
    visible: str | None = None
    assumed: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def has_card(self) -> bool:
        """Whether there is an NVIDIA GPU, with or without a driver."""
        return bool(self.gpus or self.selected or self.cards or self.nodes or self.wsl_driver)


def facts(host: Host, *, root: Path = Path("/")) -> Hardware:
    """Return the hardware of this machine, with ``root`` as its file system and the programs on the host's PATH."""
    cuda = probes.libcuda(host, root)
    smi = probes.nvidia_smi(host, root)
    module = probes.kernel_module(root)
    return Hardware(
        system=host.system,
        machine=host.machine,
        gpus=smi.gpus or cuda.gpus,
        # libcuda applies CUDA_VISIBLE_DEVICES itself, and CUDA orders devices differently from nvidia-smi.
        selected=_with_details(cuda.gpus, smi.gpus),
        driver=smi.driver or module,
        cuda=cuda.version,
        cuda_error=cuda.error,
        libcuda=cuda.path,
        cards=probes.pci_cards(root),
        module=module,
        nodes=probes.device_nodes(root),
        wsl=probes.is_wsl(root),
        wsl_driver=probes.has_wsl_driver(root),
        tegra=probes.is_tegra(root),
        container=probes.is_container(root),
        visible=host.environ.get("CUDA_VISIBLE_DEVICES"),
        remarks=tuple(remark for remark in (cuda.remark, smi.remark) if remark),
    )


def assume(host: Host, driver: str, capabilities: Sequence[tuple[int, int]]) -> Hardware:
    """Return the hardware of another machine, to create an environment for it where there is no GPU.

    Raises EnvtoolError where ``driver`` is not a version.
    """
    try:
        Version(driver)
    except InvalidVersion:
        raise EnvtoolError(
            tr("{driver} is not the version of a driver.", driver=driver),
            hint=tr("Write it as nvidia-smi shows it, such as 580 or 580.95.05."),
            code=ExitCode.USAGE,
        ) from None
    gpus = tuple(
        Gpu(
            name=tr("an assumed GPU"),
            capability=(major, minor),
        )
        for major, minor in capabilities
    )
    return Hardware(host.system, host.machine, gpus=gpus, selected=gpus, driver=driver, assumed=True)


def _with_details(selected: Sequence[Gpu], known: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Return the GPUs that libcuda lists, with what only nvidia-smi knows: MIG mode."""
    by_uuid: Mapping[str, Gpu] = {gpu.uuid: gpu for gpu in known if gpu.uuid}
    return tuple(
        Gpu(gpu.name, gpu.uuid, gpu.capability, gpu.memory, _mig(gpu, by_uuid.get(gpu.uuid))) for gpu in selected
    )


def _mig(gpu: Gpu, known: Gpu | None) -> bool | None:
    if gpu.mig is not None:
        return gpu.mig
    # An instance has a UUID of its own, and "MIG 1g.10gb" in its name.
    if " MIG " in gpu.name:
        return True
    return known.mig if known else None
