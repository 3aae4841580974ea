"""A broken environment, or junk in environments.txt, never gets in the way of the others."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from support import environments
from support.home import Home
from support.layouts import conda_env, venv, write

from envtool.errors import EnvtoolError
from envtool.operations.info import info
from envtool.prefix.marks import intent_of, lock_of, place

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="links, pipes")]


def pipe(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(path)


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir(parents=True)


def text(content: str) -> Callable[[Path], None]:
    def put(path: Path) -> None:
        path.unlink(missing_ok=True)
        write(path, content)

    return put


JUNK = {
    "empty": text(""),
    "not JSON": text("junk"),
    "another shape": text("[1, null]"),
    "wrong types": text('{"version": "x", "command": 7, "engine": [], "folder": {}, "root": "x", "env_vars": 3}'),
    "deep": text("[" * 5000),
    "binary": text("\x00\x01\x02"),
    "a pipe": pipe,
    "endless": endless,
    "a loop": loop,
    "a folder": folder,
}
PLACES: dict[str, Callable[[Path], list[Path]]] = {
    "records": lambda prefix: [prefix / "conda-meta" / name for name in ("zlib-1.0-0.json", "python-3.11.7-h1_0.json")],
    "conda's files": lambda prefix: [prefix / "conda-meta" / name for name in ("state", "pinned", "frozen")],
    "envtool's files": lambda prefix: [prefix / ".envtool" / name for name in ("bootstrap.json", "environment.json")],
    "marks": lambda prefix: [prefix / ".envtool/unfinished.json", place(prefix, "unfinished.json"), intent_of(prefix)],
    "locks": lambda prefix: [lock_of(prefix), prefix / ".envtool" / "lock"],
    "Python": lambda prefix: [prefix / "bin" / "python", prefix / "lib"],
}


def the_others_work(home: Home, name: str) -> None:
    """Do everything with other environments: list, show, make and remove them."""
    for command in (
        ("list",),
        ("list", "--size"),
        ("info", "whole"),
        ("clone", "whole", name),
        ("remove", name, "--yes"),
    ):
        ran = home.envtool(*command, "--json", timeout=60)
        assert ran.code == 0, (command, ran.err, ran.out)
        assert "Traceback" not in ran.err, command


@pytest.mark.parametrize("where", PLACES)
def test_broken_environments_do_not_hide_the_others(home: Home, where: str) -> None:
    venv(home.venvs / "whole")
    for number, how in enumerate(JUNK):
        python = {"name": "python", "version": "3.11.7", "build": "h1_0"}
        prefix = conda_env(home.conda_envs / f"broken{number}", {"name": "zlib"}, python)
        for path in PLACES[where](prefix):
            JUNK[how](path)
    the_others_work(home, "fresh")
    for number in range(len(JUNK)):
        with suppress(EnvtoolError):  # whatever else is raised is a fault
            info(home.context, environments.resolve(home.host, f"broken{number}"))


LINES = [
    b"",
    b"# a comment",
    b"\xff\xfe\x00bytes",
    b"relative/path",
    b"../../..",
    b"~nobody/envs",
    b"/" + b"x" * 5000,
    b"/" + b"/".join([b"y" * 200] * 30),
    b"/dev/zero",
    b"/proc/1/root" + b"/etc",
    b"/etc/passwd/below/a/file",
    b"/tmp/\ttab",
    b"C:\\Users\\somebody\\envs",
    "/home/用户/环境".encode(),
    b"/\x1b[31mred",
    b"{json: [",
]


def test_junk_in_environments_txt_hides_nothing(home: Home) -> None:
    venv(home.venvs / "whole")
    other = conda_env(home.path / "elsewhere" / "mine")
    registry = home.path / ".conda" / "environments.txt"
    registry.parent.mkdir()
    registry.write_bytes(b"\r\n".join([*LINES, bytes(other), *LINES]))
    the_others_work(home, "fresh")
    assert str(other) in home.envtool("list").out
    assert registry.read_bytes().startswith(b"\r\n".join(LINES))
    ran = home.envtool("remove", str(other), "--yes")
    assert ran.code == 0, ran.err
    assert registry.read_bytes() == b"\r\n".join([*LINES, *LINES])


@pytest.mark.parametrize("how", ["a pipe", "endless"])
def test_an_environments_txt_that_is_no_file(home: Home, how: str) -> None:
    venv(home.venvs / "whole")
    JUNK[how](home.path / ".conda" / "environments.txt")
    the_others_work(home, "fresh")


def test_the_list_tells_what_is_broken(home: Home) -> None:
    prefix = conda_env(home.conda_envs / "broken", {"name": "zlib"})
    write(prefix / "conda-meta" / "zlib-1.0-0.json", "{")
    ran = home.envtool("list", "--size", "--json")
    assert json.loads(ran.out)["data"]["environments"][0]["broken"] != []
