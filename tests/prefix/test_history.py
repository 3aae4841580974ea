"""conda's history file: entries that are appended are read back, by envtool and by conda's rules."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layouts import conda_env

from envtool.model import Package
from envtool.prefix.history import append, revisions
from envtool.redaction import redact


def package(name: str, version: str = "1.0") -> Package:
    return Package(name, version, "conda", "h0_0", "conda-forge", "linux-64")


def test_one_change_as_conda_writes_it(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path)
    append(prefix, "envtool install b", [package("b", "2.0"), package("a")], [package("b")], ["b>=2"], ["c"])
    head, *lines = (prefix / "conda-meta/history").read_text("utf-8").splitlines()
    assert re.fullmatch(r"==> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d <==", head)
    assert lines == [
        "# cmd: envtool install b",
        "-conda-forge/linux-64::b-1.0-h0_0",
        "+conda-forge/linux-64::a-1.0-h0_0",
        "+conda-forge/linux-64::b-2.0-h0_0",
        "# update specs: ['b>=2']",
        "# remove specs: ['c']",
    ]


_NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True)


@given(
    commands=st.lists(
        st.text(max_size=30) | st.sampled_from(["a\n==> 2000 <==\n+b", "-c https://u:p@h/x"]), max_size=3
    ),
    names=st.lists(_NAMES, max_size=4, unique=True),
)
def test_what_is_appended_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, commands: list[str], names: list[str]
) -> None:
    prefix = conda_env(tmp_path_factory.mktemp("env"))
    packages = [package(name) for name in names]
    for command in commands:
        append(prefix, command, packages[:2], packages[2:], names)
    read = revisions(prefix)
    assert [revision.command for revision in read] == [
        redact(" ".join(command.splitlines()).strip()) for command in commands
    ]
    expected = tuple(sorted(f"conda-forge/linux-64::{name}-1.0-h0_0" for name in names[:2]))
    assert all(revision.added == expected and len(revision.removed) == len(names[2:]) for revision in read)


def test_a_command_line_that_is_not_utf8_leaves_a_file_that_conda_can_read(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path)
    append(prefix, "envtool create gbk-\udcbb")
    (revision,) = revisions(prefix)
    assert "\\udcbb" in (prefix / "conda-meta/history").read_text("utf-8")
    assert revision.command.startswith("envtool create gbk-")


def test_none_is_no_revision(tmp_path: Path) -> None:
    assert revisions(conda_env(tmp_path)) == ()
    assert revisions(tmp_path / "gone") == ()
