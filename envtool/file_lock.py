"""A lock file that one process holds at a time, over network file systems and without flock, too."""

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from envtool.errors import EnvtoolError
from envtool.i18n import tr

# What flock answers where a file system has no locks: Lustre without -o flock, NFS without a lock daemon, some FUSE.
_UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}
_HOLDER_SIZE = 4096  # bytes: a lock file is a line of JSON, and whatever else it may hold is not read


@dataclass(frozen=True)
class _Holder:
    """The process that a lock file names. ``started`` tells it apart from a later process with the same id.

    ``namespace`` is the process id namespace in which ``pid`` counts: containers may share a host's name.
    """

    host: str
    pid: int
    started: str = ""
    namespace: str = ""
    since: float = 0.0
    purpose: str = "?"

    @property
    def values(self) -> dict[str, object]:
        """What sentences say about the process."""
        try:
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        except (OverflowError, ValueError, OSError):
            since = "?"
        return {"purpose": self.purpose or "?", "pid": self.pid, "host": self.host, "since": since}


class _BusyError(Exception):
    """The lock is held by somebody who may end soon: by ``holder``, None where the lock does not name it.

    With ``outlived``, that process is gone, and programs that it started hold the lock.
    """

    def __init__(self, holder: _Holder | None = None, *, outlived: bool = False) -> None:
        super().__init__()
        self.holder, self.outlived = holder, outlived


@contextmanager
def locked(
    path: Path, purpose: str, *, wait: float = 0.0, waiting: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs.

    ``purpose`` tells others what for ("create dl"). Where a process of this host has the lock, ``waiting`` is told
    which one, once, and the call tries again for up to ``wait`` seconds before it raises EnvtoolError. A lock held on
    another host raises at once: from here nobody can see whether its holder still runs.

    The system's file lock (flock) decides, and ends with its holder. Network file systems may keep it per host or not
    have it at all, so the file itself counts, too: it is created whole or not at all, and names host and process.
    Without flock, it is taken over only from a process of this host that is gone.
    """
    handle = _acquire_within(wait, path, purpose, waiting)
    # The programs we start hold it as well: if we are killed, it is free when the last of them has stopped writing.
    os.set_inheritable(handle, True)
    try:
        yield
    finally:
        # Unlinked while still held: whoever opened the old file finds in _take_over that it is no longer the lock.
        with suppress(OSError):
            if _is_at(handle, path):
                path.unlink()
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create the folder of a lock, and its parents, where they are missing. Raises OSError.

    The last process that leaves such a folder removes it. If that happens while ``Path.mkdir`` looks at what it could
    not create, it raises FileExistsError for a folder that is gone: only then is it called again.
    """
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            if os.path.lexists(folder) and not folder.is_dir():
                raise
        else:
            return


def holder(path: Path) -> tuple[int, str] | None:
    """Return the process of this host that holds a lock file, and its purpose. None where nobody here does.

    Nothing is locked and nobody waits: the answer may be out of date at once.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        found = _read_holder(handle)
    finally:
        os.close(handle)
    if found is None or found.host != _host_name() or found.namespace != _namespace() or _is_gone(found):
        return None
    return found.pid, found.purpose


def _acquire_within(wait: float, path: Path, purpose: str, waiting: Callable[[str], None] | None) -> int:
    deadline = time.monotonic() + wait
    told = False
    while True:
        try:
            return _acquire(path, purpose)
        except _BusyError as busy:
            if not told and waiting:
                waiting(_waiting(busy))
                told = True
            if time.monotonic() >= deadline:
                raise _held(path, busy) from None
        time.sleep(0.1)


def _waiting(busy: _BusyError) -> str:
    if busy.holder is None:
        return tr("Waiting for another envtool.")
    if busy.outlived:
        return tr(
            "Waiting for programs that were started by envtool {purpose}"
            " (process {pid} on {host}, since {since}), which has ended.",
            **busy.holder.values,
        )
    return tr("Waiting for envtool {purpose} (process {pid} on {host}, since {since}).", **busy.holder.values)


def _held(path: Path, busy: _BusyError) -> EnvtoolError:
    if busy.holder is None:
        message = tr("The lock {path} is held by another envtool.", path=path)
    elif busy.outlived:
        message = tr(
            "The lock {path} is held by programs that were started by envtool {purpose}"
            " (process {pid} on {host}, since {since}), which has ended.",
            path=path,
            **busy.holder.values,
        )
    else:
        message = _held_by(path, busy.holder)
    return EnvtoolError(
        message,
        hint=tr(
            "Wait until it ends, then try again. `fuser {path}` shows which processes still have it open.", path=path
        ),
    )


def _held_by(path: Path, holder: _Holder) -> str:
    return tr(
        "The lock {path} is held by envtool {purpose} (process {pid} on {host}, since {since}).",
        path=path,
        **holder.values,
    )


def _held_elsewhere(path: Path, holder: _Holder) -> EnvtoolError:
    return EnvtoolError(
        _held_by(path, holder),
        hint=tr(
            "This host cannot see whether that process still runs. "
            "Wait until it ends; if it is gone, delete {path} and try again.",
            path=path,
        ),
    )


def _held_by_unknown(path: Path) -> EnvtoolError:
    return EnvtoolError(
        tr("The lock {path} does not say which process holds it.", path=path),
        hint=tr("Its file system has no file locks to ask. If no envtool is running, delete {path}.", path=path),
    )


def _acquire(path: Path, purpose: str) -> int:
    """Return a handle that holds the lock. Raises _BusyError, or EnvtoolError where waiting would be of no use."""
    make_folder(path.parent)
    try:
        handle = _open(path)
        if handle is None:
            return _create(path, purpose)
        try:
            if _take_over(handle, path):
                _write_holder(handle, purpose)
                _sweep(path)
                return handle
        except BaseException:
            os.close(handle)
            raise
        try:
            _remove_stale(handle, path)
        finally:
            os.close(handle)
        return _create(path, purpose)
    except FileNotFoundError:
        # whoever ended took the empty folder along
        raise _BusyError from None
    except OSError as error:
        raise EnvtoolError(
            tr("The lock {path} could not be taken: {reason}.", path=path, reason=error.strerror or error),
            hint=tr("Check who owns it, and whether its file system is writable."),
        ) from error


def _open(path: Path) -> int | None:
    """Return a handle of an existing lock file, or None. Raises EnvtoolError where anything but a file is there."""
    try:
        if not path.is_symlink():  # O_NOFOLLOW says the same where the system has it, without a moment in between
            flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            handle = os.open(path, flags)
            if stat.S_ISREG(os.fstat(handle).st_mode):
                return handle
            os.close(handle)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO):
            raise
    raise EnvtoolError(
        tr("{path} should be a lock file, but is a symbolic link or no file at all. It was not touched.", path=path),
        hint=tr("Find out who put it there, remove it and try again."),
    )


def _create(path: Path, purpose: str) -> int:
    """Create the lock file: it appears under its name with its holder in it, or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.new")
    handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        _flock(handle)
        _write_holder(handle, purpose)
        try:
            os.link(temporary, path)
        except (FileExistsError, FileNotFoundError):
            raise
        except OSError:  # no hard links here (FAT)
            os.close(handle)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            _flock(handle)
            _write_holder(handle, purpose)
    except BaseException as error:
        os.close(handle)
        if isinstance(error, FileExistsError):
            raise _BusyError from None
        raise
    finally:
        temporary.unlink(missing_ok=True)
    _sweep(path)
    return handle


def _sweep(path: Path) -> None:
    """Remove what processes left that were killed while they created the lock. One still at it just tries again."""
    prefix = f".{path.name}."
    for leftover in path.parent.iterdir():
        if leftover.name.startswith(prefix) and leftover.name.endswith(".new"):
            with suppress(OSError):
                leftover.unlink()


def _take_over(handle: int, path: Path) -> bool:
    """Return whether an existing lock file is ours now; False where its holder is gone and flock is of no help.

    Raises _BusyError where it is held, EnvtoolError where nobody here can know whether it is.
    """
    has_flock = _flock(handle)
    holder = _read_holder(handle)
    if has_flock is False:
        if holder and holder.host == _host_name() and _is_gone(holder):
            raise _BusyError(holder, outlived=True)
        raise _BusyError(holder)
    if not _is_at(handle, path):
        raise _BusyError  # its holder is just ending
    if holder and holder.host != _host_name():
        raise _held_elsewhere(path, holder)
    if has_flock:
        return True
    if holder is None:
        raise _held_by_unknown(path)
    if not _is_gone(holder):
        raise _BusyError(holder)
    return False


def _remove_stale(handle: int, path: Path) -> None:
    """Remove a lock file whose holder is gone, unless another process was quicker."""
    breaker = path.with_name(f"{path.name}.break")
    turn = _create(breaker, "break")
    try:
        if _is_at(handle, path):
            path.unlink()
    finally:
        breaker.unlink(missing_ok=True)
        os.close(turn)


def _is_at(handle: int, path: Path) -> bool:
    """Return whether ``path`` is still the file that a handle was opened on."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _flock(handle: int) -> bool | None:
    """Lock a file and return True; False where another process has it locked, None where files cannot be locked."""
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
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        raise
    return True


def _write_holder(handle: int, purpose: str) -> None:
    pid = os.getpid()
    holder = _Holder(_host_name(), pid, _started(pid) or "", _namespace(), time.time(), purpose)
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(asdict(holder)).encode())
    os.fsync(handle)  # other hosts are to see it, too


def _read_holder(handle: int) -> _Holder | None:
    """Return whom a lock file names, None where it is empty or holds anything else."""
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        said = json.loads(os.read(handle, _HOLDER_SIZE))
    except (OSError, ValueError, RecursionError):
        return None
    return _parsed(said) if isinstance(said, dict) else None


def _parsed(said: Mapping[str, object]) -> _Holder | None:
    host, pid, since = said.get("host"), said.get("pid"), said.get("since")
    if not (isinstance(host, str) and type(pid) is int and 0 < pid < 1 << 31):
        return None
    texts = {name: _printable(said.get(name)) for name in ("started", "namespace", "purpose")}
    return _Holder(_printable(host), pid, since=since if isinstance(since, (int, float)) else 0.0, **texts)


def _printable(value: object) -> str:
    return "".join(filter(str.isprintable, value))[:200] if isinstance(value, str) else ""


def _is_gone(holder: _Holder) -> bool:
    """Return whether a process of this host has ended: no process has its id, or one that started at another time."""
    if holder.namespace != _namespace():
        return False  # its id means nothing here
    started = _started(holder.pid)
    return started is None or bool(started and holder.started and started != holder.started)


def _started(pid: int) -> str | None:
    """Return when a process of this host started, in the system's terms: "" if unknown, None if it is gone."""
    try:
        os.kill(pid, 0)  # asks only: /proc may hide the processes of others
    except ProcessLookupError:
        return None
    except OSError:
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    return None if fields[0] in (b"Z", b"X") else f"{boot}/{fields[19].decode()}"


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _host_name() -> str:
    import socket

    return socket.gethostname()
