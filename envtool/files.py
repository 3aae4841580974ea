"""Files: read with limits on kind, size and time, and written whole or not at all."""

import errno
import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from envtool.encoding import decode_input
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

LIMIT = 128 << 20  # bytes: several times the largest package record, list of files or history known
INPUT_LIMIT = 8 << 20  # bytes of a file of specs
SETTINGS_LIMIT = 1 << 20  # bytes of a settings file; a hundred times the largest that people have published
WRITER_TIMEOUT = 1.0  # seconds to wait for a program that writes to a named pipe

_FULL = re.compile(r"No space left on|Disk quota exceeded|os error (?:28|122)\b")

_CHUNK = 1 << 16
_PARTS = 1 << 20  # largest read at once: the size that a file claims may be wrong
_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def says_full(text: str) -> bool:
    """Return whether a message of any program says that a disk or a quota is full."""
    return bool(_FULL.search(" ".join(text.split())))


def read_file(path: Path, *, limit: int = LIMIT, pipe: bool = False) -> bytes:
    """Return a file's content: the only way to read files that people, packages or other programs may have written.

    Raises OSError where it cannot be read, or is no regular file (a device that never ends, a pipe without a writer, a
    folder), or is larger than ``limit`` bytes. ``pipe`` allows a pipe, such as a shell's ``<(command)``; it is read to
    its end. The null device reads as an empty file.
    """
    try:
        handle = os.open(path, _OPEN)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise _not_regular(path) from None
        raise
    try:
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode):
            if status.st_size > limit:
                raise _too_large(path, limit)
            return _read_all(handle, path, limit, size=status.st_size)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if pipe and stat.S_ISFIFO(status.st_mode):
            return _read_pipe(handle, path, limit)
        if path.samefile(os.devnull):
            return b""
        raise _not_regular(path)
    finally:
        os.close(handle)


def read_text(path: Path, *, encoding: str = "utf-8", limit: int = LIMIT) -> str:
    """Return a file's text, undecodable bytes replaced, each line ending in ``\\n``. Raises as :func:`read_file`."""
    text = read_file(path, limit=limit).decode(encoding, "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def shebang(program: Path) -> tuple[str, ...]:
    """Return the interpreter of a script with its argument, as the system reads the first line; ``()`` without one."""
    try:
        with program.open("rb") as file:
            first = file.readline(1024)
    except OSError:
        return ()
    return tuple(first[2:].decode("utf-8", "replace").strip().split(None, 1)) if first.startswith(b"#!") else ()


def read_stream(stream: BinaryIO, name: object, *, limit: int = INPUT_LIMIT) -> bytes:
    """Return what comes on a stream, such as stdin. Raises EnvtoolError (BAD_INPUT) beyond ``limit`` bytes."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise EnvtoolError(
            tr("{name} could not be read: {reason}.", name=name, reason=_size_reason(limit)), code=ExitCode.BAD_INPUT
        )
    return data


def _read_all(handle: int, path: Path, limit: int, *, size: int = 0) -> bytes:
    first = os.read(handle, min(size, _PARTS) + 1 if size else _PARTS)  # a byte more shows that it is the end
    if len(first) == size <= _PARTS:
        return first
    parts, total = [first], len(first)
    while parts[-1]:
        if total > limit:
            raise _too_large(path, limit)
        parts.append(os.read(handle, _PARTS))
        total += len(parts[-1])
    return b"".join(parts)


def _read_pipe(handle: int, path: Path, limit: int) -> bytes:
    """Return all that is written to a pipe; nothing where no program opens it for writing in time."""
    import select

    data, deadline = b"", time.monotonic() + WRITER_TIMEOUT
    while len(data) <= limit:
        try:
            part = os.read(handle, _CHUNK)
        except BlockingIOError:  # it has a writer, which takes its time
            deadline = 0.0
            select.select([handle], [], [])
            continue
        if not part and (data or time.monotonic() > deadline):
            return data
        if not part:
            time.sleep(0.02)
        data += part
    raise _too_large(path, limit)


def _not_regular(path: Path) -> OSError:
    return OSError(errno.EINVAL, tr("it is not a regular file"), str(path))


def _too_large(path: Path, limit: int) -> OSError:
    return OSError(errno.EFBIG, _size_reason(limit), str(path))


def _size_reason(limit: int) -> str:
    return tr("it is larger than {size} MiB", size=limit >> 20)


def read_input(path: Path) -> str:
    """Return the text of a file that the user named. Raises EnvtoolError (BAD_INPUT) where it cannot be read."""
    try:
        data = read_file(path, limit=INPUT_LIMIT, pipe=True)
    except FileNotFoundError:
        raise EnvtoolError(
            tr("The file {path} does not exist.", path=path),
            hint=tr("Check the path; it is relative to the current folder."),
            code=ExitCode.BAD_INPUT,
        ) from None
    except OSError as error:
        raise EnvtoolError(
            tr("The file {path} could not be read: {reason}.", path=path, reason=error.strerror),
            code=ExitCode.BAD_INPUT,
        ) from None
    return input_text(data, path)


def input_text(data: bytes, name: object) -> str:
    """Return the text of input that messages call ``name``. Raises EnvtoolError (BAD_INPUT) where it is not text."""
    try:
        return decode_input(data)
    except UnicodeDecodeError as error:
        raise EnvtoolError(
            tr("{name} is not text: byte {position} is neither UTF-8 nor UTF-16.", name=name, position=error.start),
            hint=tr("Save it as UTF-8 and try again."),
            code=ExitCode.BAD_INPUT,
        ) from None


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that new and renamed files survive a power cut. No-op on Windows."""
    if os.name == "nt":  # pragma: no cover - Windows cannot open a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems do not support it
    finally:
        os.close(handle)


def write_private(path: Path, text: str) -> None:
    """Write a file that only this account can read, from its creation on; an older one is replaced. Raises OSError."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def is_special(path: Path) -> bool:
    """Return whether something other than a regular file is at a path: a device, a pipe, a socket or a folder."""
    return path.exists() and not path.is_file()


def write_atomically(path: Path, data: bytes, *, private: bool = False) -> None:
    """Replace a file's content: readers see the old bytes or the new ones, never a mixture, also after a power cut.

    A symbolic link is followed (dotfiles are often kept elsewhere), the mode of an existing file is kept, and missing
    folders are created. A ``private`` file is one that only this account can read, at every moment. Raises OSError,
    also where the path leads to a device, a pipe or a folder: root could replace ``/dev/null`` by a file.
    """
    import tempfile

    target = path.resolve() if path.is_symlink() else path
    if is_special(target):
        raise OSError(errno.EINVAL, tr("it is not a regular file"), str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".envtool")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask()
        temporary.chmod(mode & 0o700 if private else mode)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(target.parent)


def _umask() -> int:
    # The only way to read it is to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
