"""Probes of the machine, one per function. Every probe returns something; none raises."""

import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from envtool.documents import parse_json
from envtool.errors import EnvtoolError
from envtool.files import read_file
from envtool.i18n import tr
from envtool.paths import Host
from envtool.process import Command, capture, find

PATIENCE = 30.0  # seconds: a driver that wakes eight sleeping GPUs takes ten
NVIDIA = "0x10de"  # PCI vendor
_DRIVER = re.compile(r"\b\d{3,}\.\d{2,}(?:\.\d+)?\b")
_LIBRARIES = (
    "usr/lib/wsl/lib/libcuda.so.1",
    "usr/lib/x86_64-linux-gnu/libcuda.so.1",
    "usr/lib/aarch64-linux-gnu/libcuda.so.1",
    "usr/lib64/libcuda.so.1",
    "usr/lib64/nvidia/libcuda.so.1",
    "run/opengl-driver/lib/libcuda.so.1",  # NixOS
)
# Old drivers do not know the last two, and then refuse the whole query.
_FIELDS = ("name", "uuid", "driver_version", "memory.total", "compute_cap", "mig.mode.current")
_OLD_FIELDS = _FIELDS[:4]


@dataclass(frozen=True)
class Gpu:
    """One GPU as the driver shows it. ``capability`` is (major, minor), ``memory`` is in bytes; None means unknown."""

    name: str
    uuid: str = ""
    capability: tuple[int, int] | None = None
    memory: int | None = None
    mig: bool | None = None


@dataclass(frozen=True)
class Libcuda:
    """The answers of the driver's library; ``error`` is None where there are none, and ``remark`` says why."""

    gpus: tuple[Gpu, ...] = ()
    version: tuple[int, int] | None = None
    error: int | None = None
    path: str = ""
    remark: str = ""


@dataclass(frozen=True)
class NvidiaSmi:
    """The answers of nvidia-smi; where there are none, ``remark`` says why."""

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    remark: str = ""


def libcuda(host: Host, root: Path) -> Libcuda:
    """Query libcuda, in a process of its own: it can hang, and must see the user's CUDA_VISIBLE_DEVICES."""
    # torch asks the loader for the bare name; with another root, that would find this machine's library.
    names = (*(["libcuda.so.1"] if root == Path("/") else []), *(str(root / path) for path in _LIBRARIES))
    script = Path(__file__).with_name("libcuda.py")
    try:
        done = capture(Command((sys.executable, "-I", str(script), *names), _environment(host)), timeout=PATIENCE)
    except EnvtoolError as error:
        return Libcuda(remark=f"libcuda: {error.message}")
    try:
        said = parse_json(done.stdout)
    except ValueError:
        return Libcuda(
            remark=tr("The query of libcuda ended with exit code {code} and no answer.", code=done.returncode)
        )
    if not said["loaded"]:
        return Libcuda(remark=tr("No libcuda was found."))
    version = divmod(said["version"] // 10, 100) if said.get("version") else None
    return Libcuda(tuple(map(_gpu, said["gpus"])), version, said["error"], said["path"])


def _gpu(said: dict[str, object]) -> Gpu:
    capability, memory, uuid = said.get("capability"), said.get("memory"), said.get("uuid")
    name = str(said.get("name", ""))
    prefix = "MIG-" if " MIG " in name else "GPU-"
    return Gpu(
        name=name,
        uuid=f"{prefix}{uuid}" if uuid else "",
        capability=(capability[0], capability[1]) if isinstance(capability, list) else None,
        memory=memory if isinstance(memory, int) else None,
    )


def nvidia_smi(host: Host, root: Path) -> NvidiaSmi:
    """Query nvidia-smi for every GPU, selected or not, and for the driver's full version."""
    in_wsl = root / "usr/lib/wsl/lib/nvidia-smi"  # not on PATH under sudo and cron
    program = find("nvidia-smi", host.environ.get("PATH", "")) or (str(in_wsl) if in_wsl.is_file() else "")
    if not program:
        return NvidiaSmi(remark=tr("No nvidia-smi was found."))
    said = ""
    for fields in (_FIELDS, _OLD_FIELDS):
        query = (program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")
        try:
            done = capture(Command(query, _environment(host)), timeout=PATIENCE)
        except EnvtoolError as error:
            return NvidiaSmi(remark=f"nvidia-smi: {error.message}")
        if done.returncode == 0:
            return parse_smi(done.stdout, fields)
        said = next(iter((done.stdout + done.stderr).strip().splitlines()), said)
    return NvidiaSmi(remark=f"nvidia-smi: {said}" if said else tr("nvidia-smi failed without a message."))


def parse_smi(text: str, fields: tuple[str, ...] = _FIELDS) -> NvidiaSmi:
    """Return what the table of ``--query-gpu`` says; ``[N/A]`` and ``[Not Supported]`` mean unknown."""
    gpus, driver = [], ""
    for cells in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(cells) < len(fields):
            continue
        row = {field: cell.strip() for field, cell in zip(fields, cells, strict=False)}
        capability = re.fullmatch(r"(\d+)\.(\d+)", row.get("compute_cap", ""))
        memory, mode = row["memory.total"], row.get("mig.mode.current", "")
        driver = driver or row["driver_version"]
        gpus.append(
            Gpu(
                name=row["name"],
                uuid=row["uuid"],
                capability=(int(capability[1]), int(capability[2])) if capability else None,
                memory=int(memory) * 2**20 if memory.isdecimal() else None,
                mig={"Enabled": True, "Disabled": False}.get(mode),
            )
        )
    return NvidiaSmi(tuple(gpus), driver if _DRIVER.fullmatch(driver) else "")


def _environment(host: Host) -> dict[str, str | None]:
    """Return the user's environment; CUDA_VISIBLE_DEVICES is as it is there, also where it is unset."""
    return {**host.environ, "CUDA_VISIBLE_DEVICES": host.environ.get("CUDA_VISIBLE_DEVICES")}


def kernel_module(root: Path) -> str:
    """Return the version of the loaded kernel module, or ``""``. In a container it is the host's."""
    for path in ("proc/driver/nvidia/version", "sys/module/nvidia/version"):
        if found := _DRIVER.search(_text(root / path)):
            return found[0]
    return ""


def pci_cards(root: Path) -> int | None:
    """Count the NVIDIA display controllers on the PCI bus (class 03, vendor 10de); None if it cannot be read.

    NVIDIA's audio functions, bridges and NVSwitches are of other classes.
    """
    devices = root / "sys/bus/pci/devices"
    try:
        folders = list(devices.iterdir())
    except OSError:
        return None
    return sum(
        _text(folder / "vendor").strip().lower() == NVIDIA and _text(folder / "class").strip().startswith("0x03")
        for folder in folders
    )


def device_nodes(root: Path) -> tuple[str, ...]:
    """Return the device files of GPUs: ``/dev/nvidia0``, ..."""
    try:
        names = [path.name for path in (root / "dev").iterdir()]
    except OSError:
        return ()
    return tuple(sorted(f"/dev/{name}" for name in names if re.fullmatch(r"nvidia\d+", name)))


def is_wsl(root: Path) -> bool:
    """Whether this Linux runs in WSL."""
    return "microsoft" in _text(root / "proc/sys/kernel/osrelease").lower()


def has_wsl_driver(root: Path) -> bool:
    """Whether Windows provides this WSL with an NVIDIA driver. WSL shows no PCI bus to count GPUs on."""
    wsl = root / "usr/lib/wsl"
    return any((wsl / "lib").glob("libcuda.so*")) or any((wsl / "drivers").glob("nv*"))


def is_tegra(root: Path) -> bool:
    """Whether this is a Jetson, whose GPU is not on the PCI bus and whose driver is part of the system image."""
    return (root / "etc/nv_tegra_release").exists() or "nvidia,tegra" in _text(root / "proc/device-tree/compatible")


def is_container(root: Path) -> bool:
    """Whether this runs in a container."""
    marks = (root / ".dockerenv", root / "run/.containerenv", root / "run/systemd/container", root / ".singularity.d")
    return any(mark.exists() for mark in marks) or bool(
        re.search(r"docker|kubepods|containerd|lxc", _text(root / "proc/1/cgroup"))
    )


def _text(path: Path) -> str:
    try:
        return read_file(path).decode("utf-8", "replace")
    except OSError:
        return ""
