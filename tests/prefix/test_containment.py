"""Paths that lead out of an environment: by ``..``, absolute, through links on the disk and through links to come."""

from pathlib import Path
from typing import Any

import pytest
from support.layouts import conda_env, write

from envtool.errors import EnvtoolError
from envtool.prefix import bootstrap_record, conda_meta, frozen, history, marks, pinned, state_file
from envtool.prefix.containment import LeadsOutError, inside, leading_out

SECRET = '{"env_vars": {"A": "geheim"}, "message": "geheim", "# cmd": "geheim", "version": 1}'


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    write(tmp_path / "home" / "notes", "mine")
    prefix = conda_env(tmp_path / "envs" / "dl")
    (prefix / "lib").mkdir()
    (prefix / "lib64").symlink_to("lib")
    (prefix / "full").symlink_to(prefix / "lib")
    (prefix / "out").symlink_to(tmp_path / "home")
    (prefix / "lib" / "up").symlink_to("../../../home")
    (prefix / "loop").symlink_to("loop")
    (prefix / "second").symlink_to("lib64/up")
    return prefix


@pytest.mark.parametrize("path", ["lib/x", "new/x", "lib64/x", "full/x", "a b/ü", "out", "lib/..x", "..lib/x", "x"])
def test_what_lies_inside(prefix: Path, path: str) -> None:
    assert leading_out(prefix, [path]) == []


@pytest.mark.parametrize(
    "path",
    "../x|../../home/notes|lib/../../x|/etc/passwd|out/notes|lib/up/notes|lib64/up/notes|second/notes|loop/x||..|lib/.."
    "|lib/.|lib/|a\0b|full/up/x|./../x".split("|"),
)
def test_what_leads_out(prefix: Path, path: str) -> None:
    assert leading_out(prefix, [path]) == [path]


@pytest.mark.parametrize(
    ("links", "leads_out"),
    [
        ({"share/data": "/home"}, True),
        ({"share/data": "../../.."}, True),
        ({"share/data": "../lib"}, False),
        ({"share/data": "other", "share/other": "/home"}, True),
        ({"share/data": "data"}, True),
    ],
)
def test_links_that_are_still_to_come_count(prefix: Path, links: dict[str, str], leads_out: bool) -> None:
    assert bool(leading_out(prefix, ["share/data/x"], links)) is leads_out


def test_an_environment_behind_a_link_is_inside_itself(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "short").symlink_to(prefix)
    assert leading_out(tmp_path / "short", ["full/x", "lib/x"]) == []
    assert inside(tmp_path / "short", "full/x").name == "x"
    with pytest.raises(LeadsOutError):
        inside(tmp_path / "short", "out/notes")


@pytest.mark.parametrize("name", ["history", "state", "pinned", "frozen"])
def test_a_link_out_of_the_environment_is_not_read(prefix: Path, name: str) -> None:
    target = write(prefix.parent / "outside", SECRET)
    (prefix / "conda-meta" / name).unlink(missing_ok=True)
    (prefix / "conda-meta" / name).symlink_to(target)
    assert history.revisions(prefix) == ()
    assert (state_file.stored(prefix), state_file.in_force(prefix)) == ({}, {})
    assert frozen.message(prefix) in (None, "")
    if name == "pinned":
        with pytest.raises(LeadsOutError):
            pinned.specs(prefix)


def test_variables_and_records_are_not_read_through_links(prefix: Path) -> None:
    target = write(prefix.parent / "outside", '{"A": "geheim"}')
    for path in ("etc/conda/env_vars.d/x.json", ".envtool/bootstrap.json"):
        (prefix / path).parent.mkdir(parents=True)
        (prefix / path).symlink_to(target)
    assert state_file.brought(prefix) == {}
    assert bootstrap_record.read(prefix) is None


def test_nothing_is_written_through_links(prefix: Path) -> None:
    target = write(prefix.parent / "outside", "mine")
    record = {"name": "zlib", "version": "1.0", "build": "0"}
    for name in ("history", "state", "zlib-1.0-0.json"):
        (prefix / "conda-meta" / name).unlink(missing_ok=True)
        (prefix / "conda-meta" / name).symlink_to(target)
    (prefix / ".envtool").symlink_to(prefix.parent / "home")
    writes: tuple[tuple[Any, list[Any]], ...] = (
        (history.append, ["envtool install"]),
        (state_file.store, [{"A": "1"}]),
        (conda_meta.write, [record]),
        (marks.record_maker, ["embedded", "1"]),
        (bootstrap_record.write, [{}]),
    )
    for write_it, arguments in writes:
        with pytest.raises(EnvtoolError, match="leads out of its environment"):
            write_it(prefix, *arguments)
    assert target.read_text() == "mine"
    assert not (prefix.parent / "home").exists()
