"""Locks that hold, writes that are whole."""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envtool.errors import EnvtoolError
from envtool.files import decode, locked, read_input, write_atomically

HOLD = """
import sys, time
from pathlib import Path
from envtool.files import locked
with locked(Path(sys.argv[1]), "test"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_as_notepad_and_powershell_write_it(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "environment.yml"
    file.write_bytes("name: 环境\r\n".encode(encoding))
    assert read_input(file) == decode(file.read_bytes()) == "name: 环境\r\n"


def test_comments_of_a_chinese_windows_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes("# 深度学习\r\nnumpy  # 数值\r\n".encode("gbk"))
    assert read_input(tmp_path / "f").splitlines()[1].startswith("numpy  #")
    (tmp_path / "f").write_bytes("name: 环境\n".encode("gbk"))
    with pytest.raises(EnvtoolError, match="byte 6"):
        read_input(tmp_path / "f")


def test_what_is_not_text_is_refused_with_its_position(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"name: \xff\xfe\x00")
    with pytest.raises(EnvtoolError, match="byte 6"):
        read_input(tmp_path / "f")


def test_a_write_keeps_mode_and_link_and_leaves_no_second_file(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "condarc"
    real.parent.mkdir()
    real.write_bytes(b"old")
    real.chmod(0o600)
    link = tmp_path / ".condarc"
    link.symlink_to(real)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (b"new", 0o600)
    assert sorted(path.name for path in real.parent.iterdir()) == ["condarc"]


def test_a_failed_write_leaves_the_old_bytes(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomically(file, "not bytes")  # type: ignore[arg-type]
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"old")]


def holder(path: Path) -> "subprocess.Popen[str]":
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


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
    with locked(tmp_path / "dl.lock", "mine"):
        content = json.loads((tmp_path / "dl.lock").read_text())
    assert content["pid"] == os.getpid()
    assert not (tmp_path / "dl.lock").exists()


def test_another_hosts_lock_is_not_taken(tmp_path: Path) -> None:
    lock = tmp_path / "dl.lock"
    lock.write_text(json.dumps({"host": "another-" + socket.gethostname(), "pid": 1, "since": 0, "purpose": "create"}))
    with pytest.raises(EnvtoolError, match="another-"), locked(lock, "mine"):
        pass
    assert lock.exists()


def _count(path: str, rounds: int) -> None:
    for _ in range(rounds):
        with locked(Path(path, "lock"), "count", wait=60):
            counter = Path(path, "counter")
            value = int(counter.read_text())
            time.sleep(0.001)
            counter.write_text(str(value + 1))


def test_eight_processes_never_hold_it_together(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count, args=(str(tmp_path), 10)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert (tmp_path / "counter").read_text() == "80"
