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

from envtool.paths import Host
from envtool.prefix.environments_txt import is_registered, prefixes, register, unregister


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
    unregister(here, one)
    assert not listed(tmp_path).exists()
    for prefix in (one, two, one):
        register(here, prefix)
    assert prefixes(tmp_path) == [one, two]
    assert is_registered(here, one)
    unregister(here, one)
    assert listed(tmp_path).read_text() == f"{two}\n"


def test_a_last_line_without_an_end_is_not_joined_to_the_new_one(tmp_path: Path) -> None:
    listed(tmp_path, b"/first")
    register(host(tmp_path), Path("/second"))
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
    register(host(tmp_path), tmp_path / "a\nb")
    assert prefixes(tmp_path) == []


@given(data=st.lists(st.binary(max_size=12), max_size=6).map(b"\n".join) | st.binary(max_size=60))
def test_whatever_is_in_it_foreign_lines_stay_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    home = tmp_path_factory.mktemp("home")
    here, ours = host(home), home / "环境" / "env"
    path = listed(home, data)
    environments.find_all(here)
    register(here, ours)
    assert ours in prefixes(home)
    end = b"" if not data or data.endswith((b"\n", b"\r")) else b"\n"
    assert path.read_bytes() == data + end + os.fsencode(ours) + b"\n"
    unregister(here, ours)
    assert path.read_bytes() == data + end
    shutil.rmtree(home)


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_an_environment_whose_path_is_not_utf8_is_found(tmp_path: Path) -> None:
    prefix = tmp_path / os.fsdecode(b"gbk-\xbb\xb7")
    try:
        conda_env(prefix)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    register(host(tmp_path), prefix)
    assert [environment.prefix for environment in environments.find_all(host(tmp_path))] == [prefix]


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
