"""The environment that a command is about: one answer for every command."""

from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, venv

from envtool.errors import EnvtoolError, ExitCode
from envtool.operations.context import Context
from envtool.operations.steps import scope
from envtool.operations.steps.target import is_active, named, target
from envtool.operations.verify_gpu import target_of
from envtool.reporter import Silent


@pytest.fixture
def dl(home: Home) -> Path:
    return conda_env(home.conda_envs / "dl", {"name": "python", "files": ["bin/python"]})


def in_shell(home: Home, prefix: Path) -> Context:
    return Context(home.host_with(CONDA_PREFIX=str(prefix)), Silent())


def test_a_name_a_path_or_the_active_one(home: Home, dl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(dl.parent)
    for found in (
        target(home.context, "dl"),
        target(home.context, str(dl)),
        target(home.context, prefix=Path("dl")),
        target(in_shell(home, dl)),
        named(home.context, "./dl"),
    ):
        assert (found.name, found.prefix) == ("dl", dl)


def test_a_name_and_a_path_exclude_each_other(home: Home, dl: Path) -> None:
    with pytest.raises(EnvtoolError, match="Several environments were given: dl, ") as raised:
        target(home.context, "dl", dl)
    assert raised.value.code == ExitCode.USAGE


def test_where_none_is_meant_every_command_says_the_same(home: Home) -> None:
    context, errors = home.context, []
    for ask in (
        lambda: target(context),
        lambda: target_of(context),
        lambda: scope.from_options(context, "env"),
    ):
        with pytest.raises(EnvtoolError) as raised:
            ask()
        errors.append(raised.value)
    assert {error.message for error in errors} == {"No environment is active, and none was named."}
    assert [error.code for error in errors] == [ExitCode.USAGE, ExitCode.MISSING, ExitCode.USAGE]
    assert "--python" in errors[1].hint


@pytest.mark.parametrize("word", ["dl", "numpy"])
@pytest.mark.parametrize("command", ["install", "uninstall", "update", "run"])
def test_an_environment_named_without_an_option_is_recognised(home: Home, dl: Path, command: str, word: str) -> None:
    ran = home.envtool(command, word, "idna")
    assert ran.code == ExitCode.USAGE
    assert (f"{word} is an environment: write -n {word}." in ran.err) == (word == "dl")
    assert "-n NAME" in ran.err or word == "dl"


def test_the_active_one_may_be_gone(home: Home, tmp_path: Path) -> None:
    with pytest.raises(EnvtoolError, match="No environment is active"):
        target(in_shell(home, tmp_path / "deleted"))


def test_verify_and_mirror_find_the_same_environment(home: Home, dl: Path) -> None:
    assert target_of(home.context, name="dl").python == dl / "bin" / "python"
    assert target_of(in_shell(home, dl)).name == "dl"
    assert scope.from_options(in_shell(home, dl), "env").prefix == dl
    assert scope.from_options(home.context, "user", "dl").prefix == dl


def test_active_is_active_by_whatever_path(home: Home, dl: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(dl)
    other = venv(tmp_path / "other")
    context = in_shell(home, tmp_path / "link")
    assert is_active(context, named(context, "dl"))
    assert not is_active(context, named(context, str(other)))
    assert not is_active(home.context, named(context, "dl"))
