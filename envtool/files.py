"""Files that people cannot afford to lose: read in any encoding, written whole or not at all, locked while in use."""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode(data: bytes) -> str:
    """Return the text of a file, as PowerShell (UTF-16), Notepad (UTF-8 with a mark) or anything else wrote it.

    Raises UnicodeDecodeError where it is none of them.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding)
    return data.decode("utf-8")


def read_input(path: Path) -> str:
    """Return the text of a file that a user named. Raises EnvtoolError that says what is wrong with it.

    Comments may be in the encoding of a Chinese Windows: nothing depends on them.
    """
    data = b""
    try:
        data = path.read_bytes()
        return decode(data)
    except FileNotFoundError:
        raise EnvtoolError(
            tr("The file {path} does not exist.", path=path),
            hint=tr("Check the path; it is taken from the current folder."),
            code=ExitCode.BAD_INPUT,
        ) from None
    except UnicodeDecodeError as error:
        if text := _with_chinese_comments(data):
            return text
        raise EnvtoolError(
            tr(
                "The file {path} is not text: byte {position} is neither UTF-8 nor UTF-16.",
                path=path,
                position=error.start,
            ),
            hint=tr("Save it as UTF-8 and try again."),
            code=ExitCode.BAD_INPUT,
        ) from None
    except OSError as error:
        raise EnvtoolError(
            tr("The file {path} could not be read: {reason}.", path=path, reason=error.strerror),
            code=ExitCode.BAD_INPUT,
        ) from None


def _with_chinese_comments(data: bytes) -> str:
    """Return a text that is ASCII but for comments in GB18030 (GBK is part of it), or "" where it is something else."""
    with suppress(UnicodeDecodeError):
        text = data.decode("gb18030")
        return text if re.sub(r"#.*", "", text).isascii() and "\0" not in text else ""
    return ""


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where the system can promise that."""
    if os.name == "nt":  # pragma: no cover - Windows has no such call
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems refuse it; they make the promise in another way or not at all
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's content: readers see the old bytes or the new ones, never a mixture, also after a power cut.

    A link is followed (dotfiles are often kept elsewhere), the mode of an existing file is kept, folders are made.
    """
    import tempfile

    target = path.resolve() if path.is_symlink() else path
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".envtool")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask())
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


@contextmanager
def locked(
    path: Path, purpose: str, *, wait: float = 0.0, waiting: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs.

    ``purpose`` is what others are told ("create dl"). Where it is held, ``waiting`` is told by whom, once, and the
    call tries again for ``wait`` seconds before it raises EnvtoolError.

    The system's own file lock decides on one machine, and it goes when its holder dies. Folders shared over NFS may
    keep such locks per machine, so the file also names host and process: where another host's name stands in it, that
    host has it.
    """
    deadline = time.monotonic() + wait
    told = False
    while True:
        holder = _try_lock(path, purpose)
        if isinstance(holder, int):
            break
        if not told and waiting:
            waiting(tr("Waiting for {holder}.", holder=holder))
            told = True
        if time.monotonic() >= deadline:
            raise EnvtoolError(
                tr("{path} is in use by {holder}.", path=path.with_suffix(""), holder=holder),
                hint=tr("Wait for it to end. If you are sure that it is gone, delete {path} and try again.", path=path),
            )
        time.sleep(0.1)
    try:
        yield
    finally:
        # Unlinked while still held: whoever opened the old file sees in _try_lock that it is no longer the lock.
        with suppress(OSError):
            path.unlink()
        os.close(holder)


def _try_lock(path: Path, purpose: str) -> int | str:
    """Return a handle that holds the lock, or words that name its holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        return tr("another envtool that is just ending")  # it took the empty folder along
    try:
        if not _system_lock(handle):
            os.close(handle)
            return _holder(path) or tr("another envtool")
        try:
            same_file = os.fstat(handle).st_ino == path.stat().st_ino
        except FileNotFoundError:
            same_file = False
        holder = _read_holder(path)
        if not same_file:
            os.close(handle)
            return tr("another envtool that is just ending")
        if holder and holder.get("host") != _host_name():
            os.close(handle)
            return _describe(holder)
        os.ftruncate(handle, 0)
        os.pwrite(handle, _self_description(purpose), 0) if hasattr(os, "pwrite") else os.write(
            handle, _self_description(purpose)
        )
        os.fsync(handle)
    except BaseException:
        with suppress(OSError):
            os.close(handle)
        raise
    return handle


def _system_lock(handle: int) -> bool:
    if sys.platform == "win32":  # pragma: no cover - Windows
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # no locks on this file system: the host's name in the file is all there is
    return True


def _self_description(purpose: str) -> bytes:
    return json.dumps({"host": _host_name(), "pid": os.getpid(), "since": time.time(), "purpose": purpose}).encode()


def _host_name() -> str:
    import socket

    return socket.gethostname()


def _read_holder(path: Path) -> dict[str, object] | None:
    try:
        holder = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return holder if isinstance(holder, dict) else None


def _holder(path: Path) -> str:
    holder = _read_holder(path)
    return _describe(holder) if holder else ""


def _describe(holder: dict[str, object]) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(str(holder.get("since", 0)))))
    return tr(
        "envtool {purpose} (process {pid} on {host}, since {since})",
        purpose=holder.get("purpose", "?"),
        pid=holder.get("pid", "?"),
        host=holder.get("host", "?"),
        since=since,
    )
