"""Packages that no channel has: all of them are named at once, with what there is instead."""

import pytest
from support.channel.recipe import PYTHON
from support.home import Home

ONLY = ("--engine", "embedded", "--override-channels", "-c")
WINDOWS = """\
channels: ['{channel}']
dependencies:
  - ca-certificates=2023.1.10=haa95532_0
  - leaf=1.0=h1_7
  - trunk=1.0=0
  - leaf[build=h1_8]
  - vs2015_runtime=14.27.29016=h5e58377_2
{more}"""


@pytest.mark.parametrize(
    ("more", "system"),
    [
        ("prefix: C:\\Users\\u\\anaconda3\\envs\\w\n", "Windows"),
        ("prefix: /Users/u/miniforge3/envs/w\n", "macOS"),
        ("prefix: /home/u/envs/w\n", ""),
        ("", ""),
    ],
)
def test_all_that_is_missing_is_named_at_once(home: Home, channel: str, more: str, system: str) -> None:
    (home.path / "w.yml").write_text(WINDOWS.format(channel=channel, more=more))
    ran = home.envtool("create", "w", "-f", "w.yml", "--engine", "embedded", "--override-channels", "--dry-run")
    assert ran.code == 1
    names, *builds = [line.strip() for line in ran.err.splitlines() if line.startswith("  ")]
    assert names == "No channel in use has ca-certificates=2023.1.10=haa95532_0, vs2015_runtime=14.27.29016=h5e58377_2."
    assert builds[0] == "No channel in use has leaf=1.0=h1_7; available: 1.0=0."
    assert len(builds) == 2
    assert "trunk" not in ran.err
    assert ("made on" in ran.err) == bool(system)
    assert f"made on {system}" in ran.err or not system


def test_a_version_that_is_not_there_is_answered_with_those_that_are(home: Home, channel: str) -> None:
    ran = home.envtool(
        "create", "w", "leaf=9", "python=3.5", "-c", channel, "--engine", "embedded", "--override-channels"
    )
    assert ran.code == 1
    assert "leaf=9; available: 2.0, 1.0." in ran.err
    assert f"python=3.5; available: {PYTHON}" in ran.err


def test_what_only_conflicts_is_explained_by_the_solver(home: Home, channel: str) -> None:
    ran = home.envtool(
        "create", "w", "leaf=1.0", "leaf=2.0", "-c", channel, "--engine", "embedded", "--override-channels"
    )
    assert ran.code == 1
    assert "No channel in use" not in ran.err
    assert "leaf" in ran.err
