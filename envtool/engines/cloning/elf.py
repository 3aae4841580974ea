"""The run paths of a shared library (DT_RPATH and DT_RUNPATH), read without loading the whole file.

Libraries that pip compiled in an environment contain its path there and are in no record. Layout: the
System V ABI, "ELF-64 object file format"; little-endian, as all supported machines are.
"""

import struct
from typing import BinaryIO

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 5, 15, 29
MAGIC = b"\x7fELF\x02\x01"


def run_path(file: BinaryIO) -> bytes:
    """Return the run paths of an ELF file, or ``b""`` if it has none or is not an ELF file."""
    header = file.read(64)
    if len(header) < 64 or not header.startswith(MAGIC):
        return b""
    offset, size, count = (*struct.unpack_from("<Q", header, 32), *struct.unpack_from("<HH", header, 54))
    file.seek(offset)
    table = file.read(size * count)
    segments = [struct.unpack_from("<IIQQQQ", table, i * size) for i in range(len(table) // size)] if size >= 56 else []
    dynamic = next((segment for segment in segments if segment[0] == _PT_DYNAMIC), None)
    if dynamic is None:
        return b""
    file.seek(dynamic[2])
    block = file.read(dynamic[5])
    entries = list(struct.iter_unpack("<QQ", block[: len(block) // 16 * 16]))
    strings = next((value for tag, value in entries if tag == _DT_STRTAB), 0)
    load = next((s for s in segments if s[0] == _PT_LOAD and s[3] <= strings < s[3] + s[5]), None)
    if load is None:
        return b""
    found = []
    for value in (value for tag, value in entries if tag in (_DT_RPATH, _DT_RUNPATH)):
        file.seek(strings - load[3] + load[2] + value)
        found.append(file.read(4096).partition(b"\0")[0])
    return b":".join(found)
