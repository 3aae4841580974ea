"""Reading text in any encoding, and atomic writes."""

import io
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.errors import EnvtoolError
from envtool.files import (
    input_text,
    read_file,
    read_input,
    read_stream,
    read_text,
    write_atomically,
    write_private,
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_as_notepad_and_powershell_write_it(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "environment.yml"
    file.write_bytes("name: 环境\r\n".encode(encoding))
    assert read_input(file) == "name: 环境\r\n"


def test_only_comments_may_be_in_gbk(tmp_path: Path) -> None:
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


def test_input_from_a_pipe_follows_the_same_rules() -> None:
    assert input_text("\ufeff# 数值\n".encode(), "stdin") == "# 数值\n"
    with pytest.raises(EnvtoolError, match="stdin is not text: byte 6"):
        input_text("name: 环境\n".encode("gbk"), "stdin")


# -- what a file may be ----------------------------------------------------------------------------------------------


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.symlink_to("/dev/tty"), "not a regular file|[Nn]o such device"),
        (lambda path: path.mkdir(), "[Ii]s a directory"),
        (socket_at, "not a regular file"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to("/proc/self/pagemap"), "larger than 0 MiB"),
        (lambda path: path.write_bytes(b"x" * 2001), "larger than 0 MiB"),
        (lambda path: path.symlink_to(path.name), "[Tt]oo many"),
    ],
    ids=["endless", "terminal", "folder", "socket", "pipe", "endless in /proc", "large", "loop"],
)
def test_only_regular_files_of_a_sane_size_are_read(
    tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    make(tmp_path / "f")
    with pytest.raises(OSError, match=reason):
        read_file(tmp_path / "f", limit=2000)


def test_what_reads_as_usual(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 2000)
    assert read_file(tmp_path / "f", limit=2000) == b"x" * 2000
    (tmp_path / "empty").touch()
    assert read_file(tmp_path / "empty") == b""
    assert read_file(Path(os.devnull)) == b""
    assert read_file(Path("/proc/self/cmdline")) == Path("/proc/self/cmdline").read_bytes()
    (tmp_path / "large").write_bytes(os.urandom(3 << 20))
    assert read_file(tmp_path / "large") == (tmp_path / "large").read_bytes()
    (tmp_path / "windows").write_bytes(b"a\r\nb\xff\r")
    assert read_text(tmp_path / "windows") == "a\nb\ufffd\n"


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = "".join(f"package{number}\n" for number in range(20_000))

    def write() -> None:
        time.sleep(0.2)
        with (tmp_path / "pipe").open("w") as pipe:
            pipe.write(text[:100_000])
            pipe.flush()
            time.sleep(0.2)
            pipe.write(text[100_000:])

    writer = threading.Thread(target=write)
    writer.start()
    assert read_input(tmp_path / "pipe") == text
    writer.join()
    assert read_input(tmp_path / "pipe") == ""  # nobody writes: it is given up


def test_stdin_has_a_limit() -> None:
    assert read_stream(io.BytesIO(b"x" * 10), "stdin", limit=10) == b"x" * 10
    with Path("/dev/zero").open("rb") as endless, pytest.raises(EnvtoolError, match=r"stdin.*larger"):
        read_stream(endless, "stdin")


def test_a_private_file_is_closed_from_its_creation(tmp_path: Path) -> None:
    for path in (tmp_path / "new", tmp_path / "old"):
        (tmp_path / "old").touch(mode=0o644)
        write_private(path, "secret")
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("secret", 0o600)
        path.chmod(0o644)
        write_atomically(path, b"another", private=True)
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"another", 0o600)
        write_atomically(path, b"third")  # not opened again
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_only_a_regular_file_is_replaced(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "settings"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link, tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            write_atomically(path, b"x")
    assert pipe.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe", "settings"]
