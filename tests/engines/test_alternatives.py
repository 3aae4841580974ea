"""What is there instead of a package that is not: the answers of every engine."""

from pathlib import Path

import pytest
from support import condas, wheels
from support.channel.recipe import PYTHON
from support.home import Home


@pytest.fixture(params=["embedded", *condas.FAMILY])
def engine(request: pytest.FixtureRequest, home: Home) -> str:
    """The name of an engine with a conda half."""
    if request.param == "embedded":
        return "embedded"
    condas.set_up(home.environ, request.param, home.path)
    return "conda"


@pytest.fixture
def index(home: Home, tmp_path: Path) -> None:
    """Let pip find one package, which no channel has."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheels.wheel(folder, "onlypip", "3.1", {"onlypip.py": ""})
    home.environ["PIP_FIND_LINKS"] = str(folder)
    home.environ["PIP_NO_INDEX"] = "1"


@pytest.mark.usefixtures("index")
def test_what_is_not_there_is_answered_with_what_is(home: Home, engine: str, channel: str) -> None:
    for specs, answer in {
        ("python=3.5",): f"No channel in use has python=3.5; available: {PYTHON}.",
        ("six=99", "leaf"): "No channel in use has six=99; available: 1.17.0, 1.16.0.",
        ("six>=1,<1.16",): "available: 1.17.0, 1.16.0.",
        ("onlypip",): "onlypip is on the pip index, in 3.1: --pip onlypip",
        ("nunpy",): "Did you mean numpy?",
        ("leaf=3", "nunpy"): "Did you mean numpy?",
        ("qqqqqqq",): "Check the names",
    }.items():
        ran = home.envtool("create", "demo", *specs, "-c", channel, "--override-channels", "--engine", engine)
        assert (ran.code, answer in ran.err) == (1, True), ran.err
        assert not (home.conda_envs / "demo").exists()


@pytest.mark.usefixtures("index")
def test_it_is_said_of_a_change_too_and_only_of_what_is_missing(home: Home, channel: str) -> None:
    common = ("-c", channel, "--override-channels")
    made = home.envtool("create", "demo", "leaf=1.0", *common, "--engine", "embedded", "--no-pip")
    assert made.code == 0, made.err
    ran = home.envtool("install", "-n", "demo", "scripted", "trunk=9", *common)
    assert (ran.code, "trunk=9; available: 1.0." in ran.err, "scripted" in ran.err) == (1, True, False)
    conflict = home.envtool("install", "-n", "demo", "six=1.16", "six=1.17", *common)
    assert (conflict.code, "available: " in conflict.err) == (1, False)


@pytest.mark.usefixtures("index")
def test_pip_packages_are_answered_too(home: Home, tmp_path: Path) -> None:
    for version in ("2.0", "2.10"):
        wheels.wheel(tmp_path / "wheels", "onlypip", version, {"onlypip.py": ""})
    assert home.envtool("create", "demo", "--engine", "venv", "--no-pip").code == 0
    for lines, answer in {
        ("onlypip==9",): "onlypip is on the pip index in 3.1, 2.10, 2.0.",
        ("onlypip>=3", "nunpy"): "Did you mean numpy?",
        ("pytorch",): "Did you mean torch?",
    }.items():
        ran = home.envtool("install", "-n", "demo", *(word for line in lines for word in ("--pip", line)))
        assert (ran.code, answer in ran.err) == (1, True), ran.err
    ran = home.envtool("create", "new", "--engine", "venv", "--no-pip", "--pip", "onlypip==9")
    assert (ran.code, "3.1, 2.10, 2.0." in ran.err) == (1, True), ran.err
