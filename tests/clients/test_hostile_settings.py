"""Settings files that would take a parser for ever, or its stack: refused with the file's name, by every client."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.home import Home

from envtool.clients import pip, toml_text
from envtool.clients.conda.condarc import read_layer
from envtool.errors import EnvtoolError, ExitCode

READERS: dict[str, Callable[[Path], object]] = {"condarc": read_layer, "pip": pip.read_layer, "toml": toml_text.values}
ODD_FILES: dict[str, Callable[[Path], object]] = {
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "pipe": os.mkfifo,
    "large": lambda path: path.write_bytes(b"a = 1\n" * 300_000),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
@pytest.mark.parametrize("make", ODD_FILES.values(), ids=ODD_FILES.keys())
def test_a_file_that_is_none_is_refused(
    tmp_path: Path, read: Callable[[Path], object], make: Callable[[Path], object]
) -> None:
    make(tmp_path / "settings")
    with pytest.raises(EnvtoolError, match="settings") as caught:
        read(tmp_path / "settings")
    assert caught.value.code == ExitCode.BAD_INPUT


@pytest.mark.parametrize(
    "text",
    [
        f"a = {'[' * 100_000}",
        f"a = {'[' * 3000}{']' * 3000}",
        f"a = {'{a=' * 100_000}",
        f"a = {'9' * 5000}",
        f"{'a.' * 100_000}a = 1",
        f"[{'a.' * 100_000}a]",
        "a = 2026-99-99",
        '"' * 100_001,
    ],
)
def test_toml_beyond_all_limits_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "uv.toml").write_text(text)
    with pytest.raises(EnvtoolError, match=r"uv\.toml") as caught:
        toml_text.values(tmp_path / "uv.toml")
    assert caught.value.code == ExitCode.BAD_INPUT
    with pytest.raises(EnvtoolError, match=r"uv\.toml"):
        toml_text.parse(text, "uv.toml")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"),
    [(".condarc", f"channels: {'[' * 20_000}"), (".condarc", f"a: {'9' * 5000}"), (".config/pip/pip.conf", "[global")],
)
def test_the_command_line_names_the_file(home: Home, name: str, text: str) -> None:
    path = home.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    ran = home.envtool("create", "dl", "python", "--dry-run", "--offline", "--engine", "embedded")
    assert ran.code == ExitCode.BAD_INPUT, ran.err
    assert str(path) in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.mkdir(), "directory"),
        (lambda path: path.write_bytes(b"a" * 5_000_000), "at most"),
        (lambda path: path.write_text(f"numpy{' ' * 20_000}x"), "not a valid requirement"),
        (lambda path: path.write_text(f"dependencies: {'[' * 5000}"), "nested too deeply"),
    ],
    ids=["endless", "folder", "long line", "blanks", "nested"],
)
def test_a_hostile_file_of_packages_is_refused(home: Home, make: Callable[[Path], object], reason: str) -> None:
    make(home.path / "packages")
    for command in (("create", "dl", "-f"), ("create", "dl", "--engine", "venv", "-f")):
        ran = home.envtool(*command, "packages")
        assert ran.code == ExitCode.BAD_INPUT, ran.err
        assert reason in ran.err
        assert len(ran.err) < 3000


@pytest.mark.slow
def test_endless_stdin_is_refused(home: Home) -> None:
    ran = home.envtool("create", "dl", "-f", "-", stdin="numpy\n" * 2_000_000)
    assert ran.code == ExitCode.BAD_INPUT, ran.err
    assert "larger than 8 MiB" in ran.err
