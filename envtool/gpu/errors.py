"""Errors for machines on which no GPU build of torch can be chosen, each with its fix.

The fix is never to install the CUDA toolkit: wheels contain what they need of it, and only the driver is missing.
"""

from collections.abc import Mapping, Sequence

from envtool.errors import EnvtoolError, ExitCode
from envtool.gpu.hardware import Hardware
from envtool.gpu.probes import Gpu
from envtool.i18n import tr

NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


def gpu_unusable(hardware: Hardware) -> EnvtoolError | None:
    """Return the error for a machine whose GPU no program can use, or None where programs can."""
    if hardware.tegra:
        return _jetson()
    if hardware.assumed:
        return None
    if hardware.cuda_error is None:
        return _no_driver(hardware)
    if hardware.cuda_error not in (0, NO_DEVICE):
        return _driver_fails(hardware, hardware.cuda_error)
    return None if hardware.selected else _nothing_selected(hardware)


def _nothing_selected(hardware: Hardware) -> EnvtoolError:
    if hardware.visible is not None:
        return _error(
            tr("CUDA_VISIBLE_DEVICES={value} hides every GPU from programs.", value=repr(hardware.visible)),
            tr("Unset it, or set it to a GPU: a number from 0 on, or a UUID that `nvidia-smi -L` shows."),
        )
    if any(card.mig for card in hardware.gpus):
        return _error(
            tr("The GPU is in MIG mode and has no instance, so no program can use it."),
            tr("Ask its administrator to create one (`nvidia-smi mig -cgi ... -C`), or to turn MIG mode off."),
        )
    return _driver_fails(hardware, NO_DEVICE)


def _no_driver(hardware: Hardware) -> EnvtoolError:
    if hardware.gpus:
        message = tr(
            "nvidia-smi sees {gpus}, but libcuda, which programs need, was not found.", gpus=gpu_names(hardware.gpus)
        )
    else:
        message = tr("This machine has an NVIDIA GPU, but no working driver was found.")
    if hardware.wsl:
        hint = tr(
            "WSL uses the Windows driver: install NVIDIA's driver in Windows, then run `wsl --shutdown`. "
            "Do not install a Linux driver inside WSL."
        )
    elif hardware.container and (hardware.gpus or hardware.nodes):
        hint = tr(
            "Start the container with NVIDIA_DRIVER_CAPABILITIES=compute,utility, so that it gets the driver's libcuda."
        )
    elif hardware.container:
        hint = tr(
            "Start the container with its GPUs (`docker run --gpus all ...`); the host needs the "
            "nvidia-container-toolkit for that."
        )
    elif hardware.module:
        hint = tr(
            "The kernel module is loaded (version {version}), its libraries are missing: install libcuda of the same "
            "version, on Debian and Ubuntu from libcuda1 or libnvidia-compute-*.",
            version=hardware.module,
        )
    else:
        hint = tr(
            "Install your distribution's driver (Ubuntu: `sudo ubuntu-drivers install`) and restart, or ask the "
            "machine's administrator."
        )
    return _error(message, _or_cpu(hint))


def _or_cpu(fix: str) -> str:
    return " ".join((fix, tr("For an environment without GPU use --cpu.")))


def _driver_fails(hardware: Hardware, error: int) -> EnvtoolError:
    hints = {
        NO_DEVICE: tr("No GPU responds: look at `nvidia-smi`, and for NVRM or Xid in the system log (`dmesg`)."),
        802: tr("A machine with NVSwitch needs nvidia-fabricmanager, in the driver's version, to be running."),
        803: tr("Library and kernel module have different versions, as after an update: restart the machine."),
        804: tr("LD_LIBRARY_PATH names a cuda-compat library that this GPU does not support: remove it from there."),
        999: tr(
            "After a suspend, run `sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm`; otherwise restart the machine."
        ),
    }
    other = tr("See what `nvidia-smi` says, then restart the machine.")
    return _error(
        tr(
            "The driver's library {library} was found but does not start: cuInit returns error {error}.",
            library=hardware.libcuda or "libcuda",
            error=error,
        ),
        _or_cpu(hints.get(error, other)),
    )


def _jetson() -> EnvtoolError:
    return _error(
        tr("This is a Jetson: the official torch wheels have no code for its GPU and do not match its driver."),
        tr("Use the wheels that NVIDIA publishes for your JetPack version, or --cpu."),
    )


def no_gpu(wanted: str) -> EnvtoolError:
    """Return the error for a CUDA build that was asked for where there is no GPU."""
    return _error(
        tr("torch {wanted} needs an NVIDIA GPU, and this machine has none.", wanted=wanted),
        tr("To build for another machine, describe it: --assume-driver 580 --assume-cc 9.0."),
    )


def release_unsupported(hardware: Hardware, wanted: str, newest: str) -> EnvtoolError:
    """Return the error for a release that does not run here, where ``newest`` is the newest one that does."""
    return _error(
        tr(
            "torch {wanted} has no build for {gpus} with driver {driver}.",
            wanted=wanted,
            gpus=gpu_names(hardware.selected),
            driver=driver_name(hardware),
        ),
        tr("The newest one that runs here is {newest}: --torch {newest}.", newest=newest),
    )


def gpu_unsupported(card: Gpu) -> EnvtoolError:
    """Return the error for a GPU that no build has code for."""
    return _error(
        tr("No official torch build has code for {gpu}.", gpu=gpu_names([card])),
        tr("If there are other GPUs, hide this one with CUDA_VISIBLE_DEVICES. Otherwise use --cpu."),
    )


def driver_too_old(hardware: Hardware, needed: str) -> EnvtoolError:
    """Return the error for a driver that is older than every build with code for the GPUs needs."""
    return _error(
        tr(
            "Driver {driver} is too old for every torch build that has code for {gpus}.",
            driver=driver_name(hardware),
            gpus=gpu_names(hardware.selected),
        ),
        tr("Update the driver to {needed} or newer; nothing else of CUDA needs to be installed.", needed=needed),
    )


def no_common_build(newest: Mapping[Gpu, str]) -> EnvtoolError:
    """Return the error for GPUs each of which has a build (``newest``), but not a common one."""
    groups: dict[tuple[int, int] | None, list[Gpu]] = {}
    for card in newest:
        groups.setdefault(card.capability, []).append(card)
    choices = [
        f"CUDA_VISIBLE_DEVICES={','.join(card.uuid or '?' for card in group)} (torch {newest[group[0]]})"
        for group in groups.values()
    ]
    return _error(
        tr("No single torch build has code for all of {gpus}.", gpus=gpu_names(list(newest))),
        tr(
            "Use conda-forge's build for CUDA 12.9, which has code for 5.0 to 12.0 "
            "(envtool create NAME -c conda-forge 'pytorch=2.13=cuda129*'), "
            "or only some of the GPUs, by first setting one of: {choices}.",
            choices="; ".join(choices),
        ),
    )


def gpu_names(gpus: Sequence[Gpu]) -> str:
    """Return GPUs in words: ``2 x NVIDIA A100 (8.0), Tesla T4 (7.5)``."""
    counts: dict[str, int] = {}
    for card in gpus:
        capability = f" ({card.capability[0]}.{card.capability[1]})" if card.capability else ""
        text = f"{card.name}{capability}"
        counts[text] = counts.get(text, 0) + 1
    return ", ".join(text if count == 1 else f"{count} x {text}" for text, count in counts.items())


def driver_name(hardware: Hardware) -> str:
    """Return the driver's version, or where it is not known the CUDA version that it supports: ``(CUDA 12.8)``."""
    if hardware.driver or not hardware.cuda:
        return hardware.driver or "?"
    return "(CUDA {}.{})".format(*hardware.cuda)


def _error(message: str, hint: str) -> EnvtoolError:
    return EnvtoolError(message, hint=hint, code=ExitCode.MISSING)
