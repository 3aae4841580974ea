"""conda's environments.txt: any bytes may be in it, and lines of others are kept as they are."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import environments
from support.home import Home
from support.layouts import conda_env
from support.reporter import Recorder

from envtool.model import Environment
from envtool.operations.clone import CloneRequest, clone
from envtool.operations.context import Context
from envtool.operations.remove import RemoveRequest, remove
from envtool.operations.rename import RenameRequest, rename
from envtool.paths import Host
from envtool.prefix.environments_txt import is_registered, prefixes, register, unregister
from envtool.prefix.marks import record_maker
from envtool.reporter import Silent

SILENT = Silent()


def host(home: Path) -> Host:
    return Host({"PATH": ""}, home, "Linux", "x86_64")


def listed(home: Path, data: bytes | None = None) -> Path:
    path = home / ".conda" / "environments.txt"
    if data is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return path


def test_an_environment_is_registered_once_and_taken_out_again(tmp_path: Path) -> None:
    here, one, two = host(tmp_path), tmp_path / "one", tmp_path / "two"
    assert not is_registered(here, one)
    unregister(here, one, SILENT)
    assert not listed(tmp_path).exists()
    for prefix in (one, two, one):
        register(here, prefix, SILENT)
    assert prefixes(tmp_path) == [one, two]
    assert is_registered(here, one)
    unregister(here, one, SILENT)
    assert listed(tmp_path).read_text() == f"{two}\n"


def test_a_last_line_without_an_end_is_not_joined_to_the_new_one(tmp_path: Path) -> None:
    listed(tmp_path, b"/first")
    register(host(tmp_path), Path("/second"), SILENT)
    assert listed(tmp_path).read_bytes() == b"/first\n/second\n"


def test_comments_blank_lines_and_what_no_path_can_be_are_passed_over(tmp_path: Path) -> None:
    listed(tmp_path, b"# by hand\n\n  /padded  \r\n/cut\0off\n/last")
    assert prefixes(tmp_path) == [Path("/padded"), Path("/last")]
    assert prefixes(tmp_path / "nobody") == []


def test_a_line_that_is_too_long_for_a_path_hides_no_environment(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "env")
    listed(tmp_path, b"/" + b"x" * 5000 + b"\n" + os.fsencode(prefix) + b"\n")
    assert [environment.prefix for environment in environments.find_all(host(tmp_path))] == [prefix]


def test_a_path_with_a_line_end_in_it_is_not_registered_as_two_others(tmp_path: Path) -> None:
    register(host(tmp_path), tmp_path / "a\nb", SILENT)
    assert prefixes(tmp_path) == []


@given(data=st.lists(st.binary(max_size=12), max_size=6).map(b"\n".join) | st.binary(max_size=60))
def test_whatever_is_in_it_foreign_lines_stay_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    home = tmp_path_factory.mktemp("home")
    here, ours = host(home), home / "环境" / "env"
    path = listed(home, data)
    environments.find_all(here)
    register(here, ours, SILENT)
    assert ours in prefixes(home)
    end = b"" if not data or data.endswith((b"\n", b"\r")) else b"\n"
    assert path.read_bytes() == data + end + os.fsencode(ours) + b"\n"
    unregister(here, ours, SILENT)
    assert path.read_bytes() == data + end
    shutil.rmtree(home)


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_an_environment_whose_path_is_not_utf8_is_found(tmp_path: Path) -> None:
    prefix = tmp_path / os.fsdecode(b"gbk-\xbb\xb7")
    try:
        conda_env(prefix)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    register(host(tmp_path), prefix, SILENT)
    assert [environment.prefix for environment in environments.find_all(host(tmp_path))] == [prefix]


def close_list(home: Path, how: str) -> Path:
    """Make the list impossible to write, for root, too, and return its path."""
    path = listed(home)
    if how == "its folder is a file":
        path.parent.write_bytes(b"")
    elif how == "it is a folder":
        path.mkdir(parents=True)
    else:
        path.parent.mkdir()
        path.symlink_to(path)
    return path


CLOSED = pytest.mark.parametrize("how", ["its folder is a file", "it is a folder", "it is a link to itself"])


@CLOSED
def test_a_list_that_cannot_be_written_is_warned_of_and_stops_nothing(tmp_path: Path, how: str) -> None:
    path, here, heard = close_list(tmp_path, how), host(tmp_path), Recorder()
    register(here, tmp_path / "env", heard)
    unregister(here, tmp_path / "env", heard)
    assert not is_registered(here, tmp_path / "env")
    assert prefixes(tmp_path) == []
    assert [str(path) in warning and str(tmp_path / "env") in warning for warning in heard.warnings] == [True, True]


@CLOSED
def test_with_such_a_list_environments_are_cloned_renamed_and_removed(home: Home, how: str) -> None:
    path, dl = close_list(home.path, how), conda_env(home.path / "envs" / "dl")
    record_maker(dl, "embedded", "1")
    heard = Recorder()
    context = Context(home.host, heard)
    source = Environment("", dl, "conda", "embedded")
    copied = clone(context, CloneRequest(source, home.path / "envs" / "copy")).environment
    moved = rename(context, RenameRequest(copied, home.path / "envs" / "moved")).plan.environment
    removed = remove(context, RemoveRequest(moved)).environment
    assert (dl.exists(), copied.prefix.exists(), removed.prefix.exists()) == (True, False, False)
    assert [str(path) in warning for warning in heard.warnings] == [True] * 3


def test_renaming_beside_a_line_that_is_not_utf8(home: Home) -> None:
    old = conda_env(home.path / ".conda" / "envs" / "old")
    foreign = b"/data/\xbb\xb7\xbe\xb3\n"
    path = listed(home.path, foreign + os.fsencode(old) + b"\n")
    ran = home.envtool("rename", "old", "new")
    assert ran.code == 0, ran.err
    assert path.read_bytes() == foreign + os.fsencode(old.parent / "new") + b"\n"
    ran = home.envtool("remove", "new", "--yes", env={"PATH": "/usr/bin:/bin"})
    assert ran.code == 0, ran.err
    assert path.read_bytes() == foreign
