"""Why no GPU build can be chosen on a machine, and what mends it.

Never "install the CUDA toolkit": the wheels bring their own, a driver is all they need.
"""

from collections.abc import Mapping, Sequence

from envtool.errors import EnvtoolError, ExitCode
from envtool.gpu.hardware import Hardware
from envtool.gpu.probes import Gpu
from envtool.i18n import tr

NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


def unusable(hardware: Hardware) -> EnvtoolError | None:
    """Return why no program on this machine can use its card as it stands, or None where one can."""
    if hardware.tegra:
        return _jetson()
    if hardware.assumed:
        return None
    if hardware.cuda_error is None:
        return _no_driver(hardware)
    if hardware.cuda_error not in (0, NO_DEVICE):
        return _broken(hardware, hardware.cuda_error)
    return None if hardware.selected else _nothing_selected(hardware)


def _nothing_selected(hardware: Hardware) -> EnvtoolError:
    if hardware.visible is not None:
        return _refusal(
            tr("CUDA_VISIBLE_DEVICES={value} hides every GPU from programs.", value=repr(hardware.visible)),
            tr("Unset it, or name a GPU in it: a number from 0 on, or a uuid that `nvidia-smi -L` shows."),
        )
    if any(card.mig for card in hardware.gpus):
        return _refusal(
            tr("The GPU is in MIG mode and has no instance, so no program can use it."),
            tr("Ask its administrator to create one (`nvidia-smi mig -cgi ... -C`), or to leave MIG mode."),
        )
    return _broken(hardware, NO_DEVICE)


def _no_driver(hardware: Hardware) -> EnvtoolError:
    if hardware.gpus:
        message = tr(
            "nvidia-smi sees {gpus}, but libcuda, which programs need, was not found.", gpus=described(hardware.gpus)
        )
    else:
        message = tr("This machine has an NVIDIA card, but no working driver was found.")
    if hardware.wsl:
        hint = tr(
            "In WSL the driver is the Windows one: install NVIDIA's driver in Windows, then run `wsl --shutdown`. "
            "Install no Linux driver inside WSL."
        )
    elif hardware.container and (hardware.gpus or hardware.nodes):
        hint = tr(
            "Start the container with NVIDIA_DRIVER_CAPABILITIES=compute,utility, "
            "so that it is lent the driver's libcuda."
        )
    elif hardware.container:
        hint = tr(
            "Start the container with its GPUs (`docker run --gpus all ...`); "
            "the host needs the nvidia-container-toolkit for that."
        )
    elif hardware.module:
        hint = tr(
            "The kernel module is loaded (version {version}), its libraries are missing: "
            "install the same version's libcuda, on Debian and Ubuntu in libcuda1 or libnvidia-compute-*.",
            version=hardware.module,
        )
    else:
        hint = tr(
            "Install the driver from your distribution (Ubuntu: `sudo ubuntu-drivers install`) and restart, "
            "or ask the machine's administrator."
        )
    return _refusal(message, tr("{fix} For an environment without GPU use --cpu.", fix=hint))


def _broken(hardware: Hardware, error: int) -> EnvtoolError:
    fixes = {
        NO_DEVICE: tr("No GPU answers: look at `nvidia-smi` and at the system log (`dmesg`) for the word NVRM or Xid."),
        802: tr("A machine with NVSwitch needs nvidia-fabricmanager of the driver's own version running."),
        803: tr("Library and kernel module are of different versions, as after an update: restart the machine."),
        804: tr("A cuda-compat library is in use that this card does not support: take it out of LD_LIBRARY_PATH."),
        999: tr("After a suspend, `sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm` helps; else restart."),
    }
    return _refusal(
        tr(
            "The driver's library {library} is there, but does not start: cuInit answers {error}.",
            library=hardware.libcuda or "libcuda",
            error=error,
        ),
        tr(
            "{fix} For an environment without GPU use --cpu.",
            fix=fixes.get(error) or tr("Look at what `nvidia-smi` says, then restart the machine."),
        ),
    )


def _jetson() -> EnvtoolError:
    return _refusal(
        tr("This is a Jetson: the official torch wheels carry no code for its GPU and do not match its driver."),
        tr("Use the wheels that NVIDIA publishes for your JetPack version, or --cpu."),
    )


def no_card(wanted: str) -> EnvtoolError:
    """A CUDA build was asked for where no card is."""
    return _refusal(
        tr("torch {wanted} needs an NVIDIA card, and this machine has none.", wanted=wanted),
        tr("To build for another machine say which: --assume-driver 580 --assume-cc 9.0."),
    )


def release(hardware: Hardware, wanted: str, other: str) -> EnvtoolError:
    """The release asked for does not run here, another one does."""
    return _refusal(
        tr(
            "torch {wanted} has no build for {gpus} with driver {driver}.",
            wanted=wanted,
            gpus=described(hardware.selected),
            driver=hardware.driver or cuda_words(hardware),
        ),
        tr("The newest that runs here is {other}: --torch {other}.", other=other),
    )


def gpu(card: Gpu) -> EnvtoolError:
    """No build carries code for a GPU."""
    return _refusal(
        tr("No official torch build carries code for {gpu}.", gpu=described([card])),
        tr("Hide it with CUDA_VISIBLE_DEVICES if there are others, or use --cpu."),
    )


def driver(hardware: Hardware, needed: str) -> EnvtoolError:
    """The driver is older than any build that has code for the GPUs."""
    return _refusal(
        tr(
            "Driver {driver} is too old for every torch build that has code for {gpus}.",
            driver=hardware.driver or cuda_words(hardware),
            gpus=described(hardware.selected),
        ),
        tr("Update the driver to {needed} or newer; nothing else of CUDA needs to be installed.", needed=needed),
    )


def mixed(best: Mapping[Gpu, str]) -> EnvtoolError:
    """Each GPU has a build, but none serves them all."""
    groups: dict[tuple[int, int] | None, list[Gpu]] = {}
    for card in best:
        groups.setdefault(card.capability, []).append(card)
    offers = [
        tr(
            "CUDA_VISIBLE_DEVICES={devices} for torch {torch}",
            devices=",".join(card.uuid or "?" for card in group),
            torch=best[group[0]],
        )
        for group in groups.values()
    ]
    return _refusal(
        tr("No single torch build carries code for all of {gpus}.", gpus=described(list(best))),
        tr(
            "Take conda-forge's build for CUDA 12.9, which has code for 5.0 to 12.0 "
            "(envtool create NAME -c conda-forge 'pytorch=2.13=cuda129*'), "
            "or use only some of the GPUs by setting one of these first: {offers}.",
            offers="; ".join(offers),
        ),
    )


def described(gpus: Sequence[Gpu]) -> str:
    """Return GPUs in words: ``2 x NVIDIA A100 (8.0), Tesla T4 (7.5)``."""
    words: dict[str, int] = {}
    for card in gpus:
        capability = f" ({card.capability[0]}.{card.capability[1]})" if card.capability else ""
        text = f"{card.name}{capability}"
        words[text] = words.get(text, 0) + 1
    return ", ".join(text if count == 1 else f"{count} x {text}" for text, count in words.items())


def cuda_words(hardware: Hardware) -> str:
    """Return what is known of a driver whose own version is not."""
    return tr("for CUDA {major}.{minor}", major=hardware.cuda[0], minor=hardware.cuda[1]) if hardware.cuda else "?"


def _refusal(message: str, hint: str) -> EnvtoolError:
    return EnvtoolError(message, hint=hint, code=ExitCode.MISSING)
