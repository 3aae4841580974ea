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


def test_marks_lie_where_no_package_can_put_a_file(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "env")
    before = sorted(prefix.rglob("*"))
    marks.mark_unfinished(prefix, "envtool install numpy")
    assert sorted(prefix.rglob("*")) == before
    assert marks.place(prefix, "unfinished.json").parent == tmp_path / ".envtool"


def test_an_environment_has_one_mark_whatever_path_leads_to_it(tmp_path: Path) -> None:
    prefix, link = conda_env(tmp_path / "envs" / "env"), tmp_path / "link"
    link.symlink_to(prefix)
    marks.mark_unfinished(link, "envtool install numpy")
    assert marks.unfinished(prefix) == marks.unfinished(link) == "envtool install numpy"
    assert marks.lock_of(prefix) == marks.lock_of(link)
    marks.mark_finished(prefix)
    assert not marks.is_unfinished(link)


LISTED = [".envtool/unfinished.json", "./.envtool//unfinished.json", "lib/../.envtool/unfinished.json"]


@pytest.mark.parametrize("listed", [*LISTED, "loop/unfinished.json"])
@pytest.mark.parametrize("how", ["files", "paths_data", "cut off", "RECORD"])
def test_what_a_package_lists_is_no_mark(tmp_path: Path, listed: str, how: str) -> None:
    """Not even where another program than envtool put it there."""
    prefix = conda_env(tmp_path / "env", {"name": "evil"})
    (prefix / "loop").symlink_to(".envtool")
    write(prefix / ".envtool" / "unfinished.json", '{"command": "envtool remove vic --yes", "version": 9}')
    assert marks.is_unfinished(prefix)
    (prefix / "lib").mkdir()
    record = {"files": f'"files": ["{listed}"]', "paths_data": f'"paths_data": {{"paths": [{{"_path": "{listed}"}}]}}'}
    if how == "RECORD":
        folder = prefix / "lib" / "python3.11" / "site-packages" / "evil-1.0.dist-info"
        write(folder / "RECORD", f"../../../{listed},,\n")
    else:
        text = "{" + record.get(how, record["files"]) + ("}" if how != "cut off" else "")
        write(prefix / "conda-meta" / "evil-1.0-0.json", text)
    assert (marks.is_unfinished(prefix), marks.unfinished(prefix)) == (False, "")
    marks.mark_finished(prefix)
    assert (prefix / ".envtool" / "unfinished.json").exists()  # it is the package's


def test_a_link_is_no_mark(tmp_path: Path) -> None:
    prefix, elsewhere = conda_env(tmp_path / "env"), tmp_path / "elsewhere"
    write(elsewhere / "unfinished.json", '{"command": "envtool remove vic --yes"}')
    (prefix / ".envtool").symlink_to(elsewhere)
    assert not marks.is_unfinished(prefix)


def test_a_package_with_the_record_of_a_newer_envtool_keeps_nobody_out(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "env", {"name": "evil", "files": [".envtool/environment.json"]})
    write(prefix / ".envtool" / "environment.json", '{"version": 99}')
    assert marks.made_by(prefix) == ""
    marks.require_known(prefix)
