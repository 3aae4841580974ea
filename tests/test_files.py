"""Reading text in any encoding, and atomic writes."""

from pathlib import Path

import pytest

from envtool.errors import EnvtoolError
from envtool.files import input_text, read_input, write_atomically


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
