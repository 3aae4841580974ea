"""Facts about the environment: the interpreter, torch, its GPUs, and whether the machine has an NVIDIA GPU."""

from __future__ import annotations

import glob
import os
import platform
import sys
import time
import traceback
import warnings
from typing import Any, Dict, List, Tuple

from .tolerances import CALIBRATION

NVIDIA = "0x10de"  # PCI vendor id
DISPLAY = "0x03"  # PCI class of display controllers


def nvidia_card() -> bool:
    """Return whether the machine has an NVIDIA GPU, even one that torch does not see."""
    if any(os.path.exists(p) for p in ("/dev/nvidia0", "/proc/driver/nvidia/version", "/usr/lib/wsl/lib/libcuda.so.1")):
        return True
    for vendor in glob.glob("/sys/bus/pci/devices/*/vendor"):
        folder = os.path.dirname(vendor)
        if _read(vendor) == NVIDIA and _read(os.path.join(folder, "class")).startswith(DISPLAY):
            return True
    return False


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


def torch_version(torch: Any) -> Tuple[int, int]:
    """Return torch's major and minor version."""
    major, minor = str(torch.__version__).split(".")[:2]
    return int(major), int(minor)


def collect_facts(device: str) -> Dict[str, Any]:
    """Import torch and return the ``facts`` event. ``error`` is ``no-torch`` or ``broken`` if the import fails."""
    facts: Dict[str, Any] = {
        "event": "facts",
        "python": platform.python_version(),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "platform": platform.platform(),
    }
    start = time.perf_counter()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            import torch
    except ModuleNotFoundError as error:
        sys.modules.pop("torch", None)
        if error.name == "torch":
            return {**facts, "error": "no-torch", "message": "torch is not installed"}
        return {**facts, "error": "broken", "message": "import torch: %s" % error}
    except Exception as error:
        sys.modules.pop("torch", None)
        last = traceback.format_exception_only(type(error), error)[-1].strip()
        return {**facts, "error": "broken", "message": "import torch: %s" % last.splitlines()[0]}
    seconds = time.perf_counter() - start
    facts.update(
        torch=str(torch.__version__),
        cuda=torch.version.cuda,
        hip=getattr(torch.version, "hip", None),
        import_seconds=round(seconds, 2),
        import_warnings=sorted({str(w.message).split("\n")[0] for w in caught}),
        gpus=_gpus(torch) if device == "gpu" else [],
        calibration=CALIBRATION[device],
    )
    return facts


def _gpus(torch: Any) -> List[Dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not torch.cuda.is_available():
            return []
        gpus = []
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            gpus.append(
                {
                    "name": card.name,
                    "capability": "%d.%d" % (card.major, card.minor),
                    "memory": card.total_memory,
                    "processors": card.multi_processor_count,
                }
            )
        return gpus
