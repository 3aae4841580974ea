"""A dry run announces exactly what the change then does."""

import sys
import venv
from pathlib import Path

import pytest
from support.channel.recipe import PYTHON
from support.channel.server import Server
from support.home import Home


@pytest.fixture(params=["embedded", "venv"])
def made(request: pytest.FixtureRequest, home: Home, channel_server: Server) -> tuple[str, ...]:
    """An environment ``demo``, and what is to be installed into it; the channel goes by its name."""
    (home.path / ".condarc").write_text(
        f"channels: [conda-forge]\ncustom_channels:\n  conda-forge: {channel_server.url}/anaconda/cloud\n"
    )
    embedded = request.param == "embedded"
    packages = (f"python={PYTHON}", "leaf=1.0") if embedded else ("--python", PYTHON)
    ran = home.envtool("create", "demo", *packages, "--pip", "colorama==0.4.5", "--engine", request.param)
    assert ran.code == 0, ran.err
    return ("leaf=2.0", "six") if embedded else ()


def test_a_dry_run_says_what_then_happens(home: Home, made: tuple[str, ...]) -> None:
    for command in (
        ("install", *made, "--pip", "colorama>0.4.5", "--pip", "tomli"),
        ("uninstall", "tomli"),
        ("install", "--pip", "colorama>=0.4"),
    ):
        before = home.envtool(command[0], "-n", "demo", *command[1:], "--dry-run")
        after = home.envtool(command[0], "-n", "demo", *command[1:], "--yes")
        assert (before.code, after.code) == (0, 0), before.err + after.err
        assert before.out == (after.out or "Nothing to do.\n")
        assert ("  pip\n" in after.out) == ("tomli" in command)
        assert "http" not in after.out


def test_a_misspelt_package_gets_a_suggestion(home: Home, made: tuple[str, ...]) -> None:
    for command in ("uninstall", "update"):
        ran = home.envtool(command, "-n", "demo", "colorma")
        assert (ran.code, "Did you mean colorama?" in ran.err) == (1, True)


def test_envtool_does_not_change_what_it_runs_from(home: Home, tmp_path: Path) -> None:
    if sys.prefix == sys.base_prefix:
        pytest.skip("envtool runs from no venv here: install it into one")
    for command in (("update",), ("install", "--pip", "six"), ("uninstall", "typer")):
        ran = home.envtool(*command, "--dry-run", env={"VIRTUAL_ENV": sys.prefix})
        assert (ran.code, "envtool is installed in" in ran.err) == (2, True), ran.err
    other = tmp_path / "other"
    venv.create(other, with_pip=False)
    assert home.envtool("uninstall", "pip", env={"VIRTUAL_ENV": str(other)}).code == 1
