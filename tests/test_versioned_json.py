"""State files and the version of their form: each kind is written with it, and refused where it is newer."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, venv, write

from envtool import journal, versioned_json
from envtool.engines.cloning.rename import Move
from envtool.model import FileEdit
from envtool.prefix import bootstrap_record, marks, snapshot
from envtool.versioned_json import NewerVersionError


def test_what_is_written_is_read_back_without_its_version(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.json"
    assert versioned_json.read(path) == {}
    versioned_json.write(path, {"a": [1]})
    assert json.loads(path.read_bytes()) == {"version": 1, "a": [1]}
    assert versioned_json.read(path) == {"a": [1]}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\udcff"])
def test_what_makes_no_sense_is_empty(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert versioned_json.read(path) == {}


@pytest.mark.parametrize("version", [2, 10**9, -1, "1", None, 1.5])
def test_a_version_that_is_not_known_is_refused(tmp_path: Path, version: object) -> None:
    path = write(tmp_path / "state.json", json.dumps({"version": version, "a": 1}))
    with pytest.raises(NewerVersionError, match="newer envtool"):
        versioned_json.read(path)
    assert versioned_json.read(write(path, '{"a": 1}')) == {"a": 1}, "0.1.0 wrote no version"


# -- each kind of file -------------------------------------------------------------------------------------------------
Kind = Callable[[Home, Path], Path]  # writes a file of its kind for an environment, and returns the file


def _maker(home: Home, prefix: Path) -> Path:
    marks.record_maker(prefix, "embedded", "9")
    return prefix / ".envtool" / "environment.json"


def _mark(home: Home, prefix: Path) -> Path:
    marks.mark_unfinished(prefix, "envtool install -n dl numpy")
    return marks.place(prefix, "unfinished.json")


def _intent(home: Home, prefix: Path) -> Path:
    marks.mark_begun(prefix, "envtool create dl")
    return marks.intent_of(prefix)


def _bootstrap(home: Home, prefix: Path) -> Path:
    bootstrap_record.write(prefix, {"requirement": "torch==2.13.0+cpu", "reason": "No card."})
    return prefix / ".envtool" / "bootstrap.json"


def _snapshot(home: Home, prefix: Path) -> Path:
    snapshot.take(prefix, marks.snapshot_of(prefix), snapshot.Footprint())
    _mark(home, prefix)
    return marks.snapshot_of(prefix) / snapshot.INDEX


def _old_state(home: Home, prefix: Path) -> Path:
    _mark(home, prefix)
    return write(
        prefix / ".envtool" / "before.json", '{"version": 1}'
    )  # 0.1.0 wrote none; no later one writes it at all


def _rename(home: Home, prefix: Path) -> Path:
    Move(prefix, prefix.with_name("other"), "envtool rename dl other").prepare(lambda done, total: None)
    return marks.renaming_of(prefix) / marks.JOURNAL


def _edits(home: Home, prefix: Path) -> Path:
    journal.apply(home.host, "mirror", "a title", [FileEdit(home.path / ".condarc", None, b"a: 1\n")])
    (entry,) = (home.host.data_dir / "journal").glob("*.json")
    return entry


def _begun_edits(home: Home, prefix: Path) -> Path:
    entry = _edits(home, prefix)
    return entry.rename(entry.with_suffix(".begun"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "commands"),
    [
        (_maker, ["info dl", "install -n dl six", "remove dl --yes", "clone dl other", "run -n dl -- true"]),
        (_mark, ["info dl", "resume dl", "rollback dl", "remove dl --yes", "rename dl other", "export dl"]),
        (_intent, ["info dl", "resume dl", "remove dl --yes", "vars set A=1 -n dl"]),
        (_snapshot, ["rollback dl", "resume dl"]),
        (_old_state, ["rollback dl", "resume dl"]),
        (_rename, ["install -n dl six", "remove dl --yes", "rollback dl", "rename dl other"]),
        (_edits, ["mirror undo", "mirror undo --dry-run"]),
        (_begun_edits, ["mirror undo", "mirror set tsinghua", "mirror unset"]),
    ],
)
def test_a_newer_file_of_any_kind_is_named_and_left_alone(home: Home, kind: Kind, commands: list[str]) -> None:
    prefix = conda_env(home.path / ".conda" / "envs" / "dl", {"name": "zlib"})
    path = kind(home, prefix)
    written = json.loads(path.read_bytes())
    assert written["version"] == 1
    path.write_text(json.dumps(written | {"version": 2}))
    before = {file: file.read_bytes() for file in home.path.rglob("*") if file.is_file()}
    for command in commands:
        ran = home.envtool(*command.split())
        assert ran.code == 1, (command, ran.err)
        assert str(path) in ran.err
        assert "newer envtool" in ran.err
        assert "Traceback" not in ran.err
        assert {file: file.read_bytes() for file in before if file.is_file()} == before


@pytest.mark.slow
def test_a_newer_environment_among_others_is_listed_and_named(home: Home) -> None:
    conda_env(home.path / ".conda" / "envs" / "one")
    path = _maker(home, conda_env(home.path / ".conda" / "envs" / "two"))
    path.write_text('{"version": 2, "engine": "quantum"}')
    ran = home.envtool("list", "--json")
    assert ran.code == 0, ran.err
    assert [(item["name"], item["engine"]) for item in ran.data["environments"]] == [("one", ""), ("two", "")]
    assert any(str(path) in warning for warning in json.loads(ran.out)["warnings"])
    assert home.envtool("export", "one").code == 0
    assert home.envtool("export", env={"CONDA_PREFIX": str(path.parent.parent)}).code == 1


@pytest.mark.slow
def test_a_newer_record_of_bootstrap_hides_nothing_else(home: Home) -> None:
    path = _bootstrap(home, venv(home.host.data_dir / "envs" / "dl"))
    assert home.envtool("info", "dl", "--json").data["bootstrap"]["reason"] == "No card."
    path.write_text('{"version": 2}')
    ran = home.envtool("info", "dl", "--json")
    assert (ran.code, ran.data["bootstrap"]) == (0, None)
    assert any(str(path) in warning for warning in json.loads(ran.out)["warnings"])
