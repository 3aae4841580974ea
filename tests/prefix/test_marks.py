"""envtool's marks: what was begun, by which command, in which folder."""

from pathlib import Path

import pytest
from support.layouts import conda_env, write

from envtool.prefix import marks


def test_a_mark_tells_the_command_and_its_folder_until_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = conda_env(tmp_path / "env")
    monkeypatch.chdir(tmp_path)
    assert (marks.is_unfinished(prefix), marks.unfinished(prefix)) == (False, "")
    marks.mark_unfinished(prefix, "envtool install numpy")
    assert marks.is_unfinished(prefix)
    assert marks.interrupted_command(prefix) == ("envtool install numpy", tmp_path)
    marks.mark_finished(prefix)
    marks.mark_finished(prefix)
    assert marks.interrupted_command(prefix) == ("", Path())


def test_what_was_begun_beside_an_environment_counts_after_the_mark_in_it(tmp_path: Path) -> None:
    prefix = tmp_path / "env"
    marks.mark_begun(prefix, "envtool create env")
    assert marks.unfinished(prefix) == "envtool create env"
    marks.mark_unfinished(prefix, "envtool create env --clone x")
    assert marks.unfinished(prefix) == "envtool create env --clone x"


def test_a_folder_that_is_gone_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    marks.mark_unfinished(tmp_path / "env", "envtool create env")
    assert marks.interrupted_command(tmp_path / "env") == ("envtool create env", Path())


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_a_damaged_mark_still_marks(tmp_path: Path, text: str) -> None:
    write(tmp_path / ".envtool" / "unfinished.json", text)
    assert (marks.is_unfinished(tmp_path), marks.unfinished(tmp_path)) == (True, "?")


def test_the_engine_that_created_an_environment(tmp_path: Path) -> None:
    assert marks.made_by(tmp_path) == ""
    marks.record_maker(tmp_path, "embedded", "1.0")
    assert marks.made_by(tmp_path) == "embedded"
