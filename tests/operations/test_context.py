"""``Context``: what a run reads from disk is read once."""

from collections import Counter
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, dist, write
from support.opens import opened
from support.reporter import Recorder

from envtool.clients.conda import condarc
from envtool.operations.context import Context
from envtool.prefix.marks import record_maker

SP = "lib/python3.11/site-packages"
PYTHON = {"name": "python", "version": "3.11.7", "build": "h1_0_cpython", "files": ["bin/python"]}


@pytest.fixture
def dl(home: Home) -> Path:
    """An environment with one of each file that info and export read."""
    prefix = conda_env(home.path / ".conda" / "envs" / "dl", PYTHON, {"name": "zlib"})
    dist(prefix / SP, "torch", "2.13.0")
    write(prefix / SP / "torch" / "version.py", "cuda: str = '12.6'\n")
    write(prefix / "conda-meta" / "history", "==> 2025-01-02 03:04:05 <==\n# cmd: conda create\n")
    write(prefix / "conda-meta" / "state", '{"env_vars": {"A": "1"}}')
    write(prefix / "conda-meta" / "pinned", "numpy <2\n")
    write(prefix / "conda-meta" / "frozen", "{}")
    write(prefix / "etc" / "conda" / "env_vars.d" / "a.json", '{"B": "2"}')
    write(prefix / ".condarc", "channels: [mine]\n")
    write(prefix / ".envtool" / "bootstrap.json", "{}")
    record_maker(prefix, "embedded", "1")
    (home.path / ".condarc").write_text("channels: [conda-forge]\n")
    return prefix


def more_than_once(counts: Counter[Path], folder: Path) -> dict[Path, int]:
    return {path: count for path, count in counts.items() if count > 1 and path.is_relative_to(folder)}


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("command", [("info", "dl"), ("export", "dl"), ("export", "dl", "--format", "requirements")])
def test_no_file_is_read_twice(home: Home, dl: Path, command: tuple[str, ...], active: bool) -> None:
    if active:
        home = Home(home.path, {**home.environ, "CONDA_PREFIX": str(dl)})
    counts, _ = opened(home, *command)
    assert more_than_once(counts, home.path) == {}
    assert counts[home.path / ".condarc"] == 1
    assert counts[dl / ".condarc"] == (1 if active or "requirements" not in command else 0)
    assert sum(path.suffix == ".json" and path.parent == dl / "conda-meta" for path in counts) == 2


@pytest.mark.slow
def test_the_catalogue_is_parsed_only_where_it_is_needed(home: Home, dl: Path) -> None:
    for command in (("info", "dl"), ("export", "dl"), ("list",)):
        counts, modules = opened(home, *command)
        assert "mirrors.yaml" not in {path.name for path in counts}
        assert "envtool.mirrors.catalogue" not in modules
    dist(dl / SP, "torchvision", "0.20.0+cu124")
    counts, _ = opened(home, "export", "dl")
    assert {path.name: count for path, count in counts.items()}["mirrors.yaml"] == 1


def test_settings_of_two_environments_share_the_files_they_have_in_common(
    home: Home, dl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    read_layer = condarc.read_layer

    def counting(path: Path) -> condarc.CondaLayer:
        read.append(path)
        return read_layer(path)

    monkeypatch.setattr(condarc, "read_layer", counting)
    context = Context(home.host, Recorder())
    assert context.conda_settings().channels == ("conda-forge",)
    assert context.conda_settings(dl).channels == ("mine", "conda-forge")
    assert context.conda_settings() is context.conda_settings()
    assert sorted(read) == sorted([home.path / ".condarc", dl / ".condarc"])


def test_a_value_is_what_it_was_when_it_was_first_read(home: Home, dl: Path) -> None:
    context = Context(home.host, Recorder())
    before = context.conda_settings(), context.catalogue
    (home.path / ".condarc").write_text("channels: [other]\n")
    assert (context.conda_settings(), context.catalogue) == before
    assert Context(home.host, Recorder()).conda_settings().channels == ("other",)
