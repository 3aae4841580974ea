"""``envtool resume`` and ``envtool rollback``: the interrupted command, and the way back to where it began."""

from functools import partial
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, venv, write

from envtool.cli.retargeting import retargeted
from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Environment
from envtool.operations.resume import Again, resume
from envtool.operations.rollback import rollback
from envtool.operations.steps.guards import can_go_back
from envtool.prefix import snapshot
from envtool.prefix.marks import mark_begun, mark_unfinished, snapshot_of, unfinished
from envtool.prefix.snapshot import Footprint

MODULE = "lib/python3.11/site-packages/six.py"


@pytest.fixture
def interrupted(home: Home) -> Environment:
    """A venv in which ``install six`` was killed half-way, typed in the home."""
    prefix = venv(home.venvs / "dl")
    write(prefix / MODULE, "old")
    snapshot.take(prefix, snapshot_of(prefix), Footprint(frozenset({MODULE})))
    mark(prefix, "envtool install -n dl six", home.path)
    (prefix / MODULE).unlink()
    write(prefix / MODULE, "half of the new")
    return Environment("dl", prefix, "venv", "venv")


def mark(prefix: Path, command: str, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        mark_unfinished(prefix, command)


def test_a_resumed_change_begins_where_the_interrupted_one_did(home: Home, interrupted: Environment) -> None:
    assert resume(home.context, interrupted, retargeted) == Again(("install", "-n", "dl", "six"), home.path)
    assert (interrupted.prefix / MODULE).read_text() == "old"
    assert unfinished(interrupted.prefix) == ""


def test_a_rollback_restores_every_file(home: Home, interrupted: Environment) -> None:
    rollback(home.context, interrupted)
    assert (interrupted.prefix / MODULE).read_text() == "old"
    assert unfinished(interrupted.prefix) == ""
    assert not snapshot_of(interrupted.prefix).exists()


def test_an_interrupted_create_is_begun_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = home.conda_envs / "new"
    monkeypatch.chdir(home.path)
    mark_begun(prefix, "envtool create new 'python=3.12' --pip 'numpy<3'")
    again = resume(home.context, Environment("new", prefix, "conda"), retargeted)
    assert again == Again(("create", "new", "python=3.12", "--pip", "numpy<3"), home.path)


def test_a_finished_environment_has_nothing_to_resume(home: Home) -> None:
    dl = Environment("dl", conda_env(home.conda_envs / "dl"), "conda")
    for verb in (partial(resume, retarget=retargeted), rollback):
        with pytest.raises(EnvtoolError, match="interrupted") as caught:
            verb(home.context, dl)
        assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    "command",
    [
        "envtool remove vic --yes",
        "envtool install -n vic six",
        "envtool install -nvic six",
        "envtool install --name=vic six",
        "envtool install -p {vic} six",
        "envtool uninstall six -n dl -n vic",
        "envtool create vic six",
        "envtool create dl six -p {vic}",
        "envtool create -f vic.yml vic",
        "envtool create vic --clone dl",
        "envtool clone vic -n dl",
        "envtool clone dl vic",
        "envtool update -n vic",
        "envtool bootstrap vic",
        "envtool rename vic dl",
        "envtool vars set A=1 -n dl",
        "envtool run -n dl -- rm -rf x",
        "envtool mirror set two",
        "envtool export dl -o notes.txt",
        "envtool --json remove vic --yes",
        "envtool 'no end of quotes",
        "rm -rf x",
        "sh -c 'envtool install -n dl six'",
    ],
)
def test_only_a_command_that_changes_this_environment_is_repeated(
    home: Home, interrupted: Environment, command: str
) -> None:
    victim = venv(home.venvs / "vic")
    mark(interrupted.prefix, command.format(vic=victim), home.path)
    with pytest.raises(EnvtoolError, match="names no command that creates or changes it"):
        resume(home.context, interrupted, retargeted)
    assert (interrupted.prefix / MODULE).read_text() == "half of the new"
    assert can_go_back(interrupted.prefix)


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("envtool install six", "install -n dl six"),
        ("envtool update", "update -n dl"),
        ("envtool create -f environment.yml", "create -n dl -f environment.yml"),
        ("envtool install -p .local/share/envtool/envs/dl six", "install -p .local/share/envtool/envs/dl six"),
        ("envtool clone base dl", "clone base dl"),
        ("envtool uninstall -n dl -- six", "uninstall -n dl -- six"),
        ("envtool install -- six", "install -n dl -- six"),
    ],
)
def test_a_command_that_left_the_environment_open_gets_this_one(
    home: Home, interrupted: Environment, command: str, again: str
) -> None:
    mark(interrupted.prefix, command, home.path)
    assert resume(home.context, interrupted, retargeted) == Again(tuple(again.split()), home.path)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("envtool create dl -f -", "pipe"),
        ("envtool install -n dl six -i https://***@host/simple", "password"),
    ],
)
def test_a_command_whose_record_is_incomplete_is_not_repeated(
    home: Home, interrupted: Environment, command: str, reason: str
) -> None:
    mark(interrupted.prefix, command, home.path)
    with pytest.raises(EnvtoolError, match=reason) as caught:
        resume(home.context, interrupted, retargeted)
    assert command in caught.value.hint
    assert (interrupted.prefix / MODULE).read_text() == "half of the new"  # nothing was touched
    assert unfinished(interrupted.prefix) == command


def test_a_folder_that_is_gone_is_reported(home: Home, interrupted: Environment, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    mark(interrupted.prefix, "envtool install -n dl -r requirements.txt", folder)
    folder.rmdir()
    with pytest.raises(EnvtoolError, match="no longer exists") as caught:
        resume(home.context, interrupted, retargeted)
    assert str(folder) in caught.value.message


def test_without_a_snapshot_there_is_no_way_back(home: Home, interrupted: Environment) -> None:
    (snapshot_of(interrupted.prefix) / snapshot.INDEX).unlink()
    with pytest.raises(EnvtoolError):
        rollback(home.context, interrupted)
    assert unfinished(interrupted.prefix)


def test_a_damaged_snapshot_is_kept_and_the_mark_too(home: Home, interrupted: Environment) -> None:
    (snapshot_of(interrupted.prefix) / snapshot.INDEX).write_text("{")
    with pytest.raises(EnvtoolError, match="could not be restored") as caught:
        rollback(home.context, interrupted)
    assert "Nothing in that folder was deleted" in caught.value.hint
    assert unfinished(interrupted.prefix)
    assert snapshot_of(interrupted.prefix).is_dir()
