"""File locks: one holder at a time, whatever lies at the path and whatever the file system supports.

A file system that refuses flock is simulated by making ``fcntl.flock`` fail: no test machine has one to mount.
"""

import errno
import fcntl
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.errors import EnvtoolError
from envtool.file_lock import locked, make_folder

REFUSED = "no flock"
HOLD = """
import fcntl, sys, time
from pathlib import Path
from envtool.file_lock import locked
def refuse(*_):
    raise OSError(int(sys.argv[2]), "no flock")
if int(sys.argv[2]):
    fcntl.flock = refuse
with locked(Path(sys.argv[1]), "test"):
    print("held", flush=True)
    time.sleep(60)
"""
JUNK = (
    b"",
    b"\x00\xff" * 5000,
    b"[" * 4000,
    b"[]",
    b'{"host": 1, "pid": []}',
    b'{"host": "x", "pid": -1}',
    b"pid 7",
)


def holder(path: Path, error: int = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HOLD, str(path), str(error)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def refuse_flock(number: int) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise OSError(number, REFUSED)

    return refuse


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def no_flock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    number: int = request.param
    monkeypatch.setattr(fcntl, "flock", refuse_flock(number))
    return number


def named(path: Path, **values: object) -> None:
    path.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": 0, **values}))


def take(path: Path, wait: float = 0.0) -> dict[str, object]:
    """Take the lock and return the content of its file meanwhile."""
    with locked(path, "mine", wait=wait):
        said: dict[str, object] = json.loads(path.read_bytes())
    return said


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    with holder(tmp_path / "dl.lock") as child:
        told: list[str] = []
        with (
            pytest.raises(EnvtoolError, match=f"process {child.pid}"),
            locked(tmp_path / "dl.lock", "mine", wait=0.3, waiting=told.append),
        ):
            pass
        child.kill()
    assert len(told) == 1


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with holder(tmp_path / "dl.lock") as child:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert take(tmp_path / "dl.lock")["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_programs_that_outlive_a_killed_holder_still_hold_its_lock(tmp_path: Path) -> None:
    starting = HOLD.replace('print("held"', 'print(subprocess.Popen(["sleep", "60"], close_fds=False).pid').replace(
        "import fcntl", "import subprocess, fcntl"
    )
    command = [sys.executable, "-c", starting, str(tmp_path / "dl.lock"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        started = int(child.stdout.readline())
        child.kill()
        child.wait()
        with pytest.raises(
            EnvtoolError, match=f"started by envtool test .process {child.pid} .*, which has ended"
        ) as caught:
            take(tmp_path / "dl.lock")
        os.kill(started, signal.SIGKILL)
        assert take(tmp_path / "dl.lock", wait=30)["pid"] == os.getpid()
    assert "delete" not in caught.value.hint


def test_a_lock_waited_for_is_taken_as_soon_as_it_is_free(tmp_path: Path) -> None:
    with holder(tmp_path / "dl.lock") as child:
        child.terminate()
        assert take(tmp_path / "dl.lock", wait=30)["pid"] == os.getpid()


@pytest.mark.parametrize("place", ["file", "nothing", "folder"])
def test_a_symbolic_link_is_refused_and_its_target_untouched(tmp_path: Path, place: str) -> None:
    target = tmp_path / "precious"
    if place == "file":
        target.write_bytes(b"data")
    elif place == "folder":
        target.mkdir()
    (tmp_path / "dl.lock").symlink_to(target)
    with pytest.raises(EnvtoolError, match="symbolic link"):
        take(tmp_path / "dl.lock")
    assert (tmp_path / "dl.lock").is_symlink()
    assert {"file": target.is_file() and target.read_bytes() == b"data", "folder": target.is_dir()}.get(
        place, not target.exists()
    )


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    lock = tmp_path / "dl.lock"
    os.mkfifo(lock) if kind == "pipe" else lock.mkdir()
    with pytest.raises(EnvtoolError, match="no file"):
        take(lock)
    assert lock.exists()


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_in_a_free_lock_is_replaced(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "dl.lock").write_bytes(junk)
    assert take(tmp_path / "dl.lock")["purpose"] == "mine"


def test_junk_in_a_held_lock_is_no_obstacle_to_saying_that_it_is_held(tmp_path: Path) -> None:
    with holder(tmp_path / "dl.lock") as child:
        (tmp_path / "dl.lock").write_bytes(b'{"host": "h", "pid": 1, "since": "x", "purpose": "\\u001b[31mred\\n"}')
        with pytest.raises(EnvtoolError, match=r"held by envtool \[31mred \(process 1 on h, since 1970"):
            take(tmp_path / "dl.lock")
        (tmp_path / "dl.lock").write_bytes(b'{"host": "h", "pid": 1, "since": 1e300}')
        with pytest.raises(EnvtoolError, match=r"process 1 on h, since \?\)"):
            take(tmp_path / "dl.lock")
        child.kill()


@pytest.mark.parametrize("error", [0, errno.ENOLCK])
def test_another_hosts_lock_is_told_at_once_and_stays(
    tmp_path: Path, error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if error:
        monkeypatch.setattr(fcntl, "flock", refuse_flock(error))
    lock = tmp_path / "dl.lock"
    named(lock, host="another-" + socket.gethostname(), pid=1, purpose="create")
    begun = time.monotonic()
    with pytest.raises(EnvtoolError, match=r"create \(process 1 on another-.* since 1970") as caught:
        take(lock, wait=60)
    assert time.monotonic() - begun < 5
    assert str(lock) in caught.value.hint
    assert lock.exists()


def test_without_flock_a_running_holder_keeps_its_lock(tmp_path: Path, no_flock: int) -> None:
    with holder(tmp_path / "dl.lock", no_flock) as child:
        with pytest.raises(EnvtoolError, match=f"process {child.pid}"):
            take(tmp_path / "dl.lock", wait=0.3)
        child.kill()
        child.wait()
        assert take(tmp_path / "dl.lock")["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_without_flock_a_later_process_with_the_same_id_is_not_the_holder(tmp_path: Path, no_flock: int) -> None:
    lock = tmp_path / "dl.lock"
    with locked(lock, "mine"):
        ours = json.loads(lock.read_bytes())
    named(lock, **{**ours, "started": "before/1"})
    assert take(lock)["started"] == ours["started"]
    named(lock, **ours)
    with pytest.raises(EnvtoolError, match=f"process {os.getpid()}"):
        take(lock)


def test_without_flock_a_process_of_another_container_is_not_judged(tmp_path: Path, no_flock: int) -> None:
    lock = tmp_path / "dl.lock"
    named(lock, pid=(1 << 22) + 5, started="x/1", namespace="pid:[1]")  # no process has this id
    with pytest.raises(EnvtoolError, match="is held by"):
        take(lock)


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_without_flock_a_lock_that_names_nobody_is_not_taken(tmp_path: Path, junk: bytes, no_flock: int) -> None:
    lock = tmp_path / "dl.lock"
    lock.write_bytes(junk)
    with pytest.raises(EnvtoolError, match="does not say") as caught:
        take(lock, wait=60)
    assert f"delete {lock}" in caught.value.hint
    assert lock.read_bytes() == junk


def test_a_file_system_without_hard_links_has_locks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links")

    monkeypatch.setattr(os, "link", no_links)
    with locked(tmp_path / "dl.lock", "mine"):
        with pytest.raises(EnvtoolError, match="is held by"):
            take(tmp_path / "dl.lock")
        assert [path.name for path in tmp_path.iterdir()] == ["dl.lock"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_while_it_made_a_lock_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".dl.lock.1.abcd.new").write_bytes(b"{")
    (tmp_path / ".other.lock.1.abcd.new").write_bytes(b"{")
    take(tmp_path / "dl.lock")
    assert [path.name for path in tmp_path.iterdir()] == [".other.lock.1.abcd.new"]


def test_a_folder_that_others_remove_meanwhile_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, mkdir = tmp_path / "locks" / "dl.lock", os.mkdir
    removed: list[Path] = []

    def removed_at_once(path: Path, *mode: int) -> None:  # another process made it, and has left it again
        if len(removed) < 3:
            removed.append(path)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        mkdir(path, *mode)

    monkeypatch.setattr(os, "mkdir", removed_at_once)
    assert take(lock)["purpose"] == "mine"
    assert len(removed) == 3


@pytest.mark.parametrize("kind", ["file", "broken link"])
def test_a_folder_that_is_no_folder_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "locks"
    if kind == "file":
        place.write_text("")
    else:
        place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match="locks"):
        make_folder(place)


def _count(path: str, rounds: int, error: int) -> None:
    if error:
        fcntl.flock = refuse_flock(error)
    for _ in range(rounds):
        with locked(Path(path, "lock"), "count", wait=60):
            counter = Path(path, "counter")
            value = int(counter.read_text())
            time.sleep(0.001)
            counter.write_text(str(value + 1))


@pytest.mark.slow
@pytest.mark.parametrize("error", [0, errno.ENOLCK])
def test_eight_processes_never_hold_it_together(tmp_path: Path, error: int) -> None:
    (tmp_path / "counter").write_text("0")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count, args=(str(tmp_path), 10, error)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert (tmp_path / "counter").read_text() == "80"


def _die_holding(path: str, error: int) -> None:
    fcntl.flock = refuse_flock(error)
    with locked(Path(path, "lock"), "die", wait=60):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_without_flock_a_stale_lock_is_taken_over_by_one_of_many(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    context = multiprocessing.get_context("spawn")
    dead = context.Process(target=_die_holding, args=(str(tmp_path), errno.ENOLCK))
    dead.start()
    dead.join(60)
    assert (tmp_path / "lock").exists()
    workers = [context.Process(target=_count, args=(str(tmp_path), 5, errno.ENOLCK)) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 6
    assert (tmp_path / "counter").read_text() == "30"
    assert [path.name for path in tmp_path.iterdir()] == ["counter"]
