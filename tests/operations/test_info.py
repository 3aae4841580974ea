"""``envtool info`` and ``envtool list --size``."""

import os
import time
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, dist, venv, write
from support.terminal import Terminal

from envtool.prefix.history import revisions
from envtool.prefix.marks import mark_finished, mark_unfinished, record_maker

SP = "lib/python3.11/site-packages"
PYTHON = {
    "name": "python",
    "version": "3.11.7",
    "build": "h1_0_cpython",
    "channel": "https://conda.anaconda.org/conda-forge/linux-64",
    "files": ["bin/python"],
}
ZLIB = {"name": "zlib", "channel": "https://repo.anaconda.com/pkgs/main/linux-64"}
HISTORY = """\
a line before any header
==> 2025-01-02 03:04:05 <==
# cmd: conda create -n dl python=3.11 -c https://me:geheim@host/t/abc-123/mine
# conda version: 25.1.2
+conda-forge/linux-64::python-3.11.7-h1_0_cpython
+conda-forge/linux-64::zlib-1.2-0
# update specs: ['python=3.11']
==> 2025-02-02 03:04:05 <==
# cmd: conda install zlib
-conda-forge/linux-64::zlib-1.2-0
+defaults/linux-64::zlib-1.0-0
# update specs: ['zlib']
"""


@pytest.fixture
def dl(home: Home) -> Path:
    """An environment with everything that ``info`` shows."""
    prefix = conda_env(home.path / ".conda" / "envs" / "dl", PYTHON, ZLIB)
    dist(prefix / SP, "torch", "2.13.0+cpu")
    write(prefix / "conda-meta" / "history", HISTORY)
    write(prefix / "conda-meta" / "state", '{"env_vars": {"OMP_NUM_THREADS": "4"}}')
    write(prefix / "conda-meta" / "pinned", "# keep\nnumpy <2  # torch\n\npython 3.11.*\n")
    write(prefix / "conda-meta" / "frozen", '{"message": "shared by all"}')
    write(
        prefix / ".envtool" / "bootstrap.json", '{"requirement": "torch==2.13.0+cpu", "reason": "No card was found."}'
    )
    record_maker(prefix, "embedded", "1")
    return prefix


def test_info_as_json_is_complete(home: Home, dl: Path) -> None:
    outside = write(home.path / "cache", "x" * 50_000)
    os.link(outside, dl / "linked")
    data = home.envtool("info", "dl", "--json").data
    size = data.pop("size")
    assert size["shared"] == outside.stat().st_blocks * 512
    assert size["files"] == sum(1 for path in dl.rglob("*") if path.is_file())
    changed = data.pop("changed")
    assert abs(changed - time.time()) < 600
    last = data.pop("revisions")[-1]
    assert last == {
        "date": "2025-02-02 03:04:05",
        "command": "conda install zlib",
        "removed": ["conda-forge/linux-64::zlib-1.2-0"],
        "added": ["defaults/linux-64::zlib-1.0-0"],
    }
    assert data == {
        "name": "dl",
        "path": str(dl),
        "kind": "conda",
        "engine": "embedded",
        "active": False,
        "python": "3.11.7",
        "torch": "2.13.0+cpu",
        "frozen": "shared by all",
        "unfinished": [],
        "at_work": None,
        "broken": [],
        "packages": {"conda": 2, "pip": 1},
        "channels": {"conda-forge": 1, "defaults": 1},
        "variables": {"OMP_NUM_THREADS": "4"},
        "pins": ["numpy <2", "python 3.11.*"],
        "bootstrap": {"requirement": "torch==2.13.0+cpu", "reason": "No card was found."},
    }


def test_info_fits_one_screen(home: Home, dl: Path) -> None:
    ran = home.envtool("info", env={"CONDA_PREFIX": str(dl)})
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert len(lines) < 24
    shown = [line.split(maxsplit=1) for line in lines]
    for expected in (
        ["name", "dl"],
        ["path", str(dl)],
        ["engine", "embedded (conda)"],
        ["state", "active"],
        ["python", "3.11.7"],
        ["torch", "2.13.0+cpu"],
        ["packages", "2 conda, 1 pip"],
        ["variables", "OMP_NUM_THREADS=4"],
        ["history", "2025-02-02 03:04:05  +1 -1  conda install zlib"],
        ["bootstrap", "torch==2.13.0+cpu: No card was found."],
    ):
        assert expected in shown
    assert "frozen: shared by all" in ran.out
    assert "geheim" not in ran.out
    assert "abc-123" not in ran.out


def test_info_shows_what_is_broken_and_how_to_fix_it(home: Home, dl: Path) -> None:
    write(dl / "conda-meta" / "zlib-1.0-0.json", "{")
    (dl / "bin" / "python").unlink()
    mark_unfinished(dl, "envtool install -n dl scipy")
    ran = home.envtool("info", "dl")
    assert ran.code == 0
    assert "envtool install -n dl scipy" in ran.out
    assert "envtool resume dl" in ran.out
    assert "zlib-1.0-0.json" in ran.out
    mark_finished(dl)
    assert "Python" in home.envtool("info", "dl", "--json").data["broken"][1]


@pytest.mark.parametrize("text", ["{", "[]", "null"])
def test_a_damaged_bootstrap_record_is_ignored(home: Home, dl: Path, text: str) -> None:
    write(dl / ".envtool" / "bootstrap.json", text)
    assert home.envtool("info", "dl", "--json").data["bootstrap"] is None


def test_info_of_an_unknown_environment_is_missing(home: Home) -> None:
    ran = home.envtool("info", "nowhere")
    assert ran.code == 3
    assert "Traceback" not in ran.err


def test_info_and_list_write_nothing(home: Home, dl: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.path.rglob("*")}
    home.envtool("info", "dl")
    home.envtool("list", "--size")
    assert {path: path.stat().st_mtime_ns for path in home.path.rglob("*")} == before


# -- conda's diary -----------------------------------------------------------------------------------------------------
def test_the_history_is_read_without_logins(dl: Path) -> None:
    first, second = revisions(dl)
    assert first.date == "2025-01-02 03:04:05"
    assert first.command == "conda create -n dl python=3.11 -c https://***@host/t/***/mine"
    assert len(first.added) == 2
    assert second.removed == ("conda-forge/linux-64::zlib-1.2-0",)


def test_an_empty_or_missing_history_has_no_revisions(tmp_path: Path) -> None:
    assert revisions(conda_env(tmp_path)) == ()
    assert revisions(tmp_path / "gone") == ()


# -- list --size -------------------------------------------------------------------------------------------------------
def test_sizes_of_all(home: Home, dl: Path) -> None:
    twin = conda_env(home.path / ".conda" / "envs" / "twin", PYTHON)
    os.link(write(dl / "big", "x" * 100_000), twin / "big")
    lonely = venv(home.path / ".local" / "share" / "envtool" / "envs" / "lonely")
    (lonely / "bin" / "python").unlink()
    ran = home.envtool("list", "--size")
    header, *rows = [line.split() for line in ran.out.splitlines()]
    assert header == ["name", "engine", "python", "torch", "own", "shared", "files", "changed", "state", "path"]
    shown = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert shown["dl"]["torch"] == "2.13.0+cpu"
    assert shown["dl"]["state"] == "frozen"
    assert shown["dl"]["shared"] == shown["twin"]["shared"] != "0B"
    assert shown["lonely"]["state"] == "broken"
    assert shown["lonely"]["shared"] == "0B"
    assert "warning: " in ran.err


def test_sizes_as_json(home: Home, dl: Path) -> None:
    (item,) = home.envtool("list", "--size", "--json").data["environments"]
    assert item["name"] == "dl"
    assert item["unique_bytes"] > 0
    assert item["shared_bytes"] == 0
    assert item["frozen"] == "shared by all"
    assert item["broken"] == []
    plain = home.envtool("list", "--json").data["environments"][0]
    assert plain == {name: item[name] for name in plain}


def test_an_installations_root_is_not_charged_with_what_lies_in_it(home: Home) -> None:
    root = conda_env(home.path / "miniconda", PYTHON)
    write(root / "condabin" / "conda")
    inside = conda_env(root / "envs" / "inside")
    write(inside / "big", "x" * 1_000_000)
    write(root / "pkgs" / "archive", "x" * 1_000_000)
    environments = home.envtool("list", "--size", "--json", env={"CONDA_ROOT": str(root)}).data["environments"]
    sizes = {item["name"]: item["unique_bytes"] for item in environments}
    assert sizes["base"] < 500_000
    assert sizes["inside"] > 1_000_000


def test_list_size_of_one_environment_points_to_info(home: Home, dl: Path) -> None:
    ran = home.envtool("list", "dl", "--size")
    assert ran.code == 2
    assert "envtool info dl" in ran.err


def test_an_empty_account_has_none(home: Home) -> None:
    ran = home.envtool("list", "--size")
    assert (ran.code, ran.out) == (0, "")
    assert "envtool create" in ran.err


def test_a_bar_is_drawn_on_a_terminal_and_not_on_a_pipe(home: Home, dl: Path) -> None:
    assert home.envtool("list", "--size").err == ""
    terminal = Terminal(home, ("list", "--size"), {"TERM": "xterm"})
    try:
        shown = terminal.rest()
        assert terminal.end() == 0
    finally:
        terminal.close()
    assert "Measuring" in shown
    assert "0/1" in shown
    assert str(dl) in shown
