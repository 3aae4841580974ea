"""What the NVIDIA driver's own library says: its CUDA version, and the GPUs it shows to a program.

Runs by itself (``python -I libcuda.py [LIBRARY ...]``) because loading a driver can hang or crash: the parent has a
time limit, and loses nothing. Imports nothing of envtool; writes one JSON object to stdout. ``CUDA_VISIBLE_DEVICES``
counts, so the GPUs listed are the ones that torch will see, in the order in which it will see them.
"""

import ctypes
import json
import sys
import uuid
from contextlib import suppress
from typing import Any

COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_*


def load(names: list[str]) -> Any:
    """Return the first of the libraries that loads, or None."""
    for name in names:
        with suppress(OSError):
            return ctypes.CDLL(name)
    return None


def loaded_from() -> str:
    """Return the file that libcuda was really loaded from, or ``""`` where the system does not say."""
    try:
        with open("/proc/self/maps") as maps:  # noqa: PTH123 - small and alone
            paths = [line.split(maxsplit=5)[-1].strip() for line in maps if "libcuda.so" in line]
    except OSError:
        return ""
    return paths[0] if paths else ""


def device(cuda: Any, ordinal: int) -> dict[str, object]:
    """Return the name, uuid, compute capability and memory (bytes) of one GPU; what cannot be asked is left out."""
    handle, number, size = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    name, identity = ctypes.create_string_buffer(256), ctypes.create_string_buffer(16)
    if cuda.cuDeviceGet(ctypes.byref(handle), ordinal):
        return {}
    found: dict[str, object] = {}
    if not cuda.cuDeviceGetName(name, len(name), handle):
        found["name"] = name.value.decode("utf-8", "replace")
    # The second form, of CUDA 11.4, knows MIG instances.
    ask = getattr(cuda, "cuDeviceGetUuid_v2", None) or getattr(cuda, "cuDeviceGetUuid", None)
    if ask and not ask(identity, handle):
        found["uuid"] = str(uuid.UUID(bytes=identity.raw))
    if not cuda.cuDeviceTotalMem_v2(ctypes.byref(size), handle):
        found["memory"] = size.value
    capability = [
        number.value
        for attribute in (COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR)
        if not cuda.cuDeviceGetAttribute(ctypes.byref(number), attribute, handle)
    ]
    if len(capability) == 2:
        found["capability"] = capability
    return found


def ask(names: list[str]) -> dict[str, object]:
    """Return what the library says: ``version`` (13020 for CUDA 13.2), ``error`` of cuInit (0 is none), ``gpus``."""
    cuda = load(names)
    if cuda is None:
        return {"loaded": False}
    version, count = ctypes.c_int(), ctypes.c_int()
    said: dict[str, object] = {"loaded": True, "path": loaded_from(), "gpus": []}
    if not cuda.cuDriverGetVersion(ctypes.byref(version)):
        said["version"] = version.value
    said["error"] = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
    said["gpus"] = [found for ordinal in range(count.value) if (found := device(cuda, ordinal))]
    return said


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(sys.argv[1:])))
