"""The variables stored in an environment: what else is in the file stays."""

import json
from pathlib import Path

import pytest
from support.layouts import conda_env, write

from envtool.errors import EnvtoolError
from envtool.prefix import state_file


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment in which a package sets two variables, and a person has stored one and hidden one."""
    prefix = conda_env(tmp_path)
    write(prefix / "etc" / "conda" / "env_vars.d" / "package.json", '{"THEIRS": "1", "HIDDEN": "1"}')
    write(prefix / "conda-meta" / "state", '{"version": 7, "env_vars": {"MINE": "值", "HIDDEN": "***unset***"}}')
    return prefix


def content(prefix: Path) -> object:
    return json.loads((prefix / "conda-meta" / "state").read_bytes())


def test_what_is_stored_brought_and_in_force(prefix: Path) -> None:
    assert state_file.stored(prefix) == {"MINE": "值"}
    assert state_file.brought(prefix) == {"THEIRS": "1", "HIDDEN": "1"}
    assert state_file.in_force(prefix) == {"MINE": "值", "THEIRS": "1"}


def test_storing_and_removing_leave_the_rest(prefix: Path) -> None:
    state_file.store(prefix, {"NEW": "\udcbb", "HIDDEN": "2"})
    assert state_file.in_force(prefix) == {"MINE": "值", "THEIRS": "1", "NEW": "\udcbb", "HIDDEN": "2"}
    state_file.remove(prefix, ["NEW", "THEIRS"])
    assert content(prefix) == {"version": 7, "env_vars": {"MINE": "值", "HIDDEN": "2", "THEIRS": "***unset***"}}


def test_the_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path)
    assert state_file.require_stored(prefix) == {}
    state_file.store(prefix, {"A": "1"})
    assert content(prefix) == {"env_vars": {"A": "1"}}


@pytest.mark.parametrize("text", ["", "[]", '{"env_vars": []}', "{"])
def test_what_makes_no_sense_is_not_overwritten(prefix: Path, text: str) -> None:
    path = write(prefix / "conda-meta" / "state", text)
    assert state_file.stored(prefix) == {}
    with pytest.raises(EnvtoolError, match="not a valid state file") as caught:
        state_file.store(prefix, {"A": "1"})
    assert '{"env_vars": {"NAME": "VALUE"}}' in caught.value.hint
    with pytest.raises(EnvtoolError, match="not a valid state file"):
        state_file.remove(prefix, ["A"])
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("name", "value", "closed"),
    [("HF_TOKEN", "abc", True), ("PROXY", "http://me:pw@host", True), ("OMP_NUM_THREADS", "4", False)],
)
def test_a_file_with_a_secret_is_closed_to_others(tmp_path: Path, name: str, value: str, closed: bool) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "usual").touch()
    state_file.store(tmp_path, {name: value})
    mode = (tmp_path / "conda-meta" / "state").stat().st_mode & 0o777
    assert mode == (0o600 if closed else (tmp_path / "usual").stat().st_mode & 0o777)
