"""Query of the NVIDIA driver's library: its CUDA version, and the GPUs that it shows to programs.

A program of its own (``python -I libcuda.py [LIBRARY ...]``), since loading a driver can hang or crash. It imports
nothing of envtool and writes one JSON object to stdout. ``CUDA_VISIBLE_DEVICES`` applies, so the GPUs listed are those
that torch will see, in that order.
"""

import ctypes
import json
import sys
import uuid
from contextlib import suppress

COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_*


def load(names: list[str]) -> ctypes.CDLL | None:
    """Return the first library that loads, or None."""
    for name in names:
        with suppress(OSError):
            return ctypes.CDLL(name)
    return None


def loaded_from() -> str:
    """Return the file that libcuda was loaded from, or ``""`` where the system does not say."""
    try:
        with open("/proc/self/maps") as maps:  # noqa: PTH123 - a program this small needs no pathlib
            paths = [line.split(maxsplit=5)[-1].strip() for line in maps if "libcuda.so" in line]
    except OSError:
        return ""
    return paths[0] if paths else ""


def device(cuda: ctypes.CDLL, ordinal: int) -> dict[str, object]:
    """Return the name, UUID, compute capability and memory (bytes) of one GPU, as far as the driver tells."""
    handle, number, size = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    name, identity = ctypes.create_string_buffer(256), ctypes.create_string_buffer(16)
    if cuda.cuDeviceGet(ctypes.byref(handle), ordinal):
        return {}
    found: dict[str, object] = {}
    if not cuda.cuDeviceGetName(name, len(name), handle):
        found["name"] = name.value.decode("utf-8", "replace")
    # _v2, since CUDA 11.4, knows MIG instances.
    get_uuid = getattr(cuda, "cuDeviceGetUuid_v2", None) or getattr(cuda, "cuDeviceGetUuid", None)
    if get_uuid and not get_uuid(identity, handle):
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


def query(names: list[str]) -> dict[str, object]:
    """Return the library's answers: ``version`` (13020 for CUDA 13.2), ``error`` of cuInit (0: none), ``gpus``."""
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
    sys.stdout.write(json.dumps(query(sys.argv[1:])))
