"""``~/.conda/environments.txt``: the list by which conda finds environments outside its own folders.

conda appends to it and reads it line by line (``conda/core/envs_manager.py``). Lines are kept as bytes: a path may hold
any byte but NUL and a line end, and what somebody else wrote there stays as it is. Like conda, envtool does without
an entry that it cannot write, and warns: the environment itself is complete.
"""

import sys
from pathlib import Path

from envtool.files import read_file, write_atomically
from envtool.i18n import tr
from envtool.paths import Host
from envtool.reporter import Reporter


def register(host: Host, prefix: Path, reporter: Reporter) -> None:
    """Add an environment, so that conda and its relatives list it; warn where that fails."""
    path = _path(host.home)
    try:
        _add(path, _encoded(prefix))
    except OSError as error:
        reporter.warn(
            tr(
                "{prefix} could not be added to {path} ({reason}). conda and envtool list it only if it lies in one of"
                " their environment folders; its path always works.",
                prefix=prefix,
                path=path,
                reason=error.strerror,
            )
        )


def unregister(host: Host, prefix: Path, reporter: Reporter) -> None:
    """Remove an environment; all other lines stay as they are. Warn where that fails."""
    path = _path(host.home)
    try:
        _remove(path, _encoded(prefix))
    except OSError as error:
        reporter.warn(
            tr(
                "{path} could not be changed ({reason}) and may still list {prefix}. conda skips entries that have no"
                " environment.",
                path=path,
                reason=error.strerror,
                prefix=prefix,
            )
        )


def is_registered(host: Host, prefix: Path) -> bool:
    """Return whether an environment is in the list; False where the list cannot be read."""
    entry = _encoded(prefix)
    try:
        return any(_is(line, entry) for line in _lines(_read(_path(host.home))))
    except OSError:
        return False


def prefixes(home: Path) -> list[Path]:
    """Return the paths in the list of the account with this home; none where the list cannot be read."""
    try:
        lines = _lines(_read(_path(home)))
    except OSError:
        return []
    entries = (line.strip() for line in lines)
    return [_decoded(entry) for entry in entries if entry and not entry.startswith(b"#") and b"\0" not in entry]


def _add(path: Path, entry: bytes) -> None:
    data = _read(path)
    # A path with a line end in it would come back as two others.
    if any(_is(line, entry) for line in _lines(data)) or b"\n" in entry or b"\r" in entry:
        return
    gap = b"" if not data or data.endswith((b"\n", b"\r")) else b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:  # one write at the end, as conda does it: entries made meanwhile stay
        file.write(gap + entry + b"\n")


def _remove(path: Path, entry: bytes) -> None:
    lines = _lines(_read(path))
    kept = [line for line in lines if not _is(line, entry)]
    if kept != lines:
        write_atomically(path, b"".join(kept))


def _path(home: Path) -> Path:
    return home / ".conda" / "environments.txt"


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
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
