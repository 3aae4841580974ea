"""The lock of an environment: its scratch folder, who waits for whom, and what a killed run left behind."""

import os
from pathlib import Path

import pytest
from support.layouts import conda_env, write
from support.reporter import Recorder

from envtool.errors import EnvtoolError
from envtool.operations.steps import prefix_lock
from envtool.operations.steps.prefix_lock import finish_rename, holding
from envtool.prefix.marks import OWN, intent_of, mark_begun, unfinished
from envtool.reporter import Silent


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return tmp_path / "envs" / "dl"


def beside(prefix: Path) -> list[str]:
    folder = prefix.parent / OWN
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_scratch_folder_is_empty_and_beside_the_environment(prefix: Path) -> None:
    with holding(prefix, "envtool create dl", Silent()) as scratch:
        assert scratch.parent == prefix.parent / OWN
        assert list(scratch.iterdir()) == []
        write(scratch / "stage" / "file")
        (scratch / "closed").mkdir(mode=0o555)
    assert beside(prefix) == []
    assert not (prefix.parent / OWN).exists()


def test_a_scratch_folder_goes_after_a_failure_too(prefix: Path) -> None:
    def fail() -> None:
        with holding(prefix, "envtool create dl", Silent()) as scratch:
            write(scratch / "stage" / "file")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert beside(prefix) == []


def test_a_held_lock_is_waited_for_and_its_holder_is_named(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix_lock, "PATIENCE", 0.2)
    heard = Recorder()
    with holding(prefix, "envtool install -n dl scipy", Silent()):
        with pytest.raises(EnvtoolError, match="install -n dl scipy") as caught, holding(prefix, "remove dl", heard):
            pass
        with holding(prefix.with_name("other"), "remove other", heard):
            assert "other.lock" in beside(prefix)  # each environment has a lock of its own
    assert str(os.getpid()) in caught.value.message + caught.value.hint
    assert any("install -n dl scipy" in note for note in heard.notes)
    with holding(prefix, "remove dl", heard):
        pass


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "file")
    with (
        pytest.raises(EnvtoolError, match=r"cannot be written") as caught,
        holding(tmp_path / "file" / "dl", "", Silent()),
    ):
        pass
    assert str(tmp_path / "file") in caught.value.message
    assert "envs_dirs" in caught.value.hint


def test_what_a_killed_create_made_is_removed(prefix: Path) -> None:
    heard = Recorder()
    mark_begun(prefix, "envtool create dl")
    write(prefix / "conda-meta" / "half.json")
    with holding(prefix, "envtool create dl", heard):
        assert not prefix.exists()
    assert not intent_of(prefix).exists()
    assert any(str(prefix) in note for note in heard.notes)


def test_a_folder_that_somebody_put_there_since_is_kept(prefix: Path) -> None:
    mark_begun(prefix, "envtool create dl")
    thesis = write(prefix / "thesis.tex", "mine")
    with holding(prefix, "envtool create dl", Silent()):
        assert thesis.read_text() == "mine"
    assert not intent_of(prefix).exists()


def test_a_finished_environment_is_left_alone(prefix: Path) -> None:
    conda_env(prefix, {"name": "zlib", "files": ["lib/libz.so"]})
    before = sorted(prefix.rglob("*"))
    heard = Recorder()
    with holding(prefix, "envtool install -n dl scipy", heard):
        assert sorted(prefix.rglob("*")) == before
    assert heard.notes == []


def test_only_the_leftovers_of_this_environment_are_cleared_away(prefix: Path) -> None:
    folder = prefix.parent / OWN
    ours, gone = folder / "dl.4711.work", folder / "dl.4711.gone"
    others = [folder / "dl.2.4711.work", folder / "dl2.4711.work", folder / "dl.notes"]
    for path in (ours, gone, *others):
        write(path / "file")
    with holding(prefix, "envtool create dl", Silent()):
        assert (ours.exists(), gone.exists()) == (False, False)
    assert [path.exists() for path in others] == [True, True, True]


def test_no_rename_is_pending_in_an_ordinary_environment(prefix: Path) -> None:
    conda_env(prefix)
    assert not finish_rename(prefix)
    assert not (prefix.parent / OWN).exists()


def test_the_mark_that_an_older_envtool_left_after_a_rename_goes(prefix: Path) -> None:
    conda_env(prefix)
    write(prefix / OWN / "unfinished.json", '{"command": "envtool rename old dl"}')
    assert finish_rename(prefix)
    assert unfinished(prefix) == ""


def test_the_scratch_folder_of_a_longer_name_is_not_taken_for_a_leftover(tmp_path: Path) -> None:
    one, two = conda_env(tmp_path / "t"), conda_env(tmp_path / "t.2")
    with holding(two, "envtool create t.2", Silent()) as scratch:
        (scratch / "stage").mkdir()
        with holding(one, "envtool install -n t", Silent()):
            assert (scratch / "stage").exists()
        assert (scratch / "stage").exists()
