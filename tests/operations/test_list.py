"""``envtool list``."""

import sys
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, dist, venv

from envtool.prefix.marks import mark_unfinished

SP = "lib/python3.11/site-packages"
PYTHON = {"name": "python", "version": "3.11.7", "build": "h1_0_cpython"}


def test_an_empty_account_has_none_and_is_told_how_to_make_one(home: Home) -> None:
    ran = home.envtool("list")
    assert (ran.code, ran.out) == (0, "")
    assert "envtool create" in ran.err
    assert home.envtool("list", "--json").data == {"environments": []}


def test_environments_are_a_table_on_a_pipe(home: Home) -> None:
    one = conda_env(home.path / ".conda" / "envs" / "dl", PYTHON)
    two = conda_env(home.path / ".conda" / "envs" / "tools")
    elsewhere = venv(home.path / "project" / ".venv", "3.12.1")
    ran = home.envtool("list", env={"VIRTUAL_ENV": str(elsewhere)})
    assert [line.split() for line in ran.out.splitlines()] == [
        ["name", "engine", "python", "state", "path"],
        ["dl", "conda", "3.11.7", "-", str(one)],
        ["tools", "conda", "-", "-", str(two)],
        ["-", "venv", "3.12.1", "active", str(elsewhere)],
    ]


def test_environments_as_json(home: Home) -> None:
    prefix = conda_env(home.path / ".conda" / "envs" / "dl", PYTHON)
    assert home.envtool("list", "--json", env={"CONDA_PREFIX": str(prefix)}).data == {
        "environments": [
            {
                "name": "dl",
                "path": str(prefix),
                "kind": "conda",
                "engine": "",
                "unfinished": False,
                "at_work": None,
                "python": "3.11.7",
                "active": True,
            }
        ]
    }


def test_the_packages_of_both_halves_are_one_table(home: Home) -> None:
    forge = {"channel": "https://conda.anaconda.org/conda-forge/linux-64"}
    main = {"channel": "https://repo.anaconda.com/pkgs/main/linux-64"}
    local = {"name": "mine", "channel": "http://127.0.0.1:8000/ok/mine/linux-64"}
    prefix = conda_env(home.path / "env", {**PYTHON, **forge}, {"name": "zlib", **main}, local)
    dist(prefix / SP, "numpy", "2.0.0")
    vcs = '{"url": "https://me:secret@git.example/x", "vcs_info": {"vcs": "git", "commit_id": "abc"}}'
    dist(prefix / SP, "from-git", "1", direct_url=vcs)
    dist(prefix / SP, "in-work", "1", direct_url='{"url": "file:///src", "dir_info": {"editable": true}}')
    ran = home.envtool("list", str(prefix))
    assert [line.split() for line in ran.out.splitlines()] == [
        ["name", "version", "build", "source"],
        ["from-git", "1", "-", "pip", "git+https://git.example/x@abc"],
        ["in-work", "1", "-", "pip", "-e", "file:///src"],
        ["mine", "1.0", "0", "http://127.0.0.1:8000/ok/mine"],
        ["numpy", "2.0.0", "-", "pip"],
        ["python", "3.11.7", "h1_0_cpython", "conda-forge"],
        ["zlib", "1.0", "0", "defaults"],
    ]
    data = home.envtool("list", str(prefix), "--json").data
    assert data["environment"]["path"] == str(prefix)
    assert [package["name"] for package in data["packages"]] == sorted(p["name"] for p in data["packages"])


def test_what_is_wrong_with_an_environment_is_a_warning(home: Home) -> None:
    numpy = {"name": "numpy", "version": "1.26.4", "files": [f"{SP}/numpy-1.26.4.dist-info/RECORD"]}
    prefix = conda_env(home.path / "env", PYTHON, numpy)
    (prefix / SP / "numpy-1.26.4.dist-info" / "RECORD").unlink()
    ran = home.envtool("list", str(prefix))
    assert ran.code == 0
    assert "warning: " in ran.err
    assert "numpy" not in ran.out


def test_a_half_made_environment_is_shown_as_such(home: Home) -> None:
    prefix = home.path / ".conda" / "envs" / "half"
    prefix.mkdir(parents=True)
    mark_unfinished(prefix, "create half")
    assert home.envtool("list").out.splitlines()[1].split() == ["half", "conda", "-", "unfinished", str(prefix)]
    ran = home.envtool("list", "half")
    assert (ran.code, ran.out) == (0, "")
    assert "unfinished" in ran.err


def test_an_unknown_environment_is_missing(home: Home) -> None:
    conda_env(home.path / ".conda" / "envs" / "detection")
    ran = home.envtool("list", "detecton")
    assert ran.code == 3
    assert "detection" in ran.err
    assert "Traceback" not in ran.err


def test_listing_writes_nothing(home: Home) -> None:
    prefix = conda_env(home.path / ".conda" / "envs" / "dl", PYTHON)
    (home.path / ".conda" / "environments.txt").write_text("/gone\n")

    def state() -> dict[Path, float]:
        return {path: path.stat().st_mtime_ns for path in home.path.rglob("*")}

    before = state()
    home.envtool("list")
    home.envtool("list", str(prefix))
    assert state() == before


@pytest.mark.parametrize("arguments", [("list",), ("list", "dl")])
def test_listing_loads_nothing_heavy(arguments: tuple[str, ...], home: Home) -> None:
    conda_env(home.path / ".conda" / "envs" / "dl", PYTHON)
    code = "import sys; from envtool.cli.main import run; run(sys.argv[1:]); print(*sys.modules)"
    from subprocess import run

    loaded = run(
        [sys.executable, "-c", code, *arguments], env=home.environ, check=True, capture_output=True, text=True
    ).stdout.split()
    heavy = {"rich", "yaml", "rattler", "importlib.metadata", "urllib.request", "packaging", "email", "tempfile"}
    assert not heavy & set(loaded)
    assert ("typer" in loaded) == (len(arguments) > 1)
