"""``~/.conda/environments.txt``: the list by which conda finds environments outside its own folders.

conda appends to it and reads it line by line (``conda/core/envs_manager.py``). Lines are kept as bytes: a path may hold
any byte but NUL and a line end, and what somebody else wrote there stays as it is.
"""

import sys
from pathlib import Path

from envtool.files import write_atomically
from envtool.paths import Host


def register(host: Host, prefix: Path) -> None:
    """Add an environment, so that conda and its relatives list it. Raises OSError where the file cannot be written."""
    entry, data = _encoded(prefix), _read(_path(host.home))
    # A path with a line end in it would come back as two others.
    if any(_is(line, entry) for line in _lines(data)) or b"\n" in entry or b"\r" in entry:
        return
    gap = b"" if not data or data.endswith((b"\n", b"\r")) else b"\n"
    path = _path(host.home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:  # one write at the end, as conda does it: entries made meanwhile stay
        file.write(gap + entry + b"\n")


def unregister(host: Host, prefix: Path) -> None:
    """Remove an environment; all other lines stay as they are. Raises OSError where the file cannot be written."""
    entry, lines = _encoded(prefix), _lines(_read(_path(host.home)))
    kept = [line for line in lines if not _is(line, entry)]
    if kept != lines:
        write_atomically(_path(host.home), b"".join(kept))


def is_registered(host: Host, prefix: Path) -> bool:
    """Return whether an environment is in the list."""
    entry = _encoded(prefix)
    return any(_is(line, entry) for line in _lines(_read(_path(host.home))))


def prefixes(home: Path) -> list[Path]:
    """Return the paths in the list of the account with this home; none where the list cannot be read."""
    try:
        lines = _lines(_read(_path(home)))
    except OSError:
        return []
    entries = (line.strip() for line in lines)
    return [_decoded(entry) for entry in entries if entry and not entry.startswith(b"#") and b"\0" not in entry]


def _path(home: Path) -> Path:
    return home / ".conda" / "environments.txt"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _lines(data: bytes) -> list[bytes]:
    """Return the lines with their ends, split as conda's text mode splits them."""
    return data.splitlines(keepends=True)


def _is(line: bytes, entry: bytes) -> bool:
    """Return whether a line names an environment: exactly, or with the white space that conda ignores around it."""
    return entry in (line.rstrip(b"\r\n"), line.strip())


# The encoding of the file system, undecodable bytes included; os.fsencode itself refuses some of them on Windows.


def _encoded(prefix: Path) -> bytes:
    return str(prefix).encode(sys.getfilesystemencoding(), "surrogateescape")


def _decoded(entry: bytes) -> Path:
    return Path(entry.decode(sys.getfilesystemencoding(), "surrogateescape"))
