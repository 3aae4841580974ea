"""A full disk and an unwritable home: the cause is named, and nothing is left behind."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.channel.recipe import PYTHON
from support.home import Home


def mount(folder: Path, *options: str) -> None:
    """Mount a file system in memory. Skips where that is not allowed: without root, and in some containers."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        pytest.skip("needs to mount a small disk: run as root on a machine, or in a container, that allows mount")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 MB: enough for the downloads, too small for an environment with numpy."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount(folder, "size=60m")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_nothing_stays(home: Home, channel: str, small_disk: Path) -> None:
    # the cache is on the large disk, so that what fills up is the environment's
    env = {"CONDA_ENVS_DIRS": str(small_disk / "envs")}
    fits = home.envtool("create", "fits", "trunk", "-c", channel, "--engine", "embedded", env=env)
    assert fits.code == 0, fits.err
    full = home.envtool("create", "demo", f"python={PYTHON}", "numpy", "-c", channel, "--engine", "embedded", env=env)
    assert full.code != 0
    assert "No space left" in full.err
    assert [path.name for path in (small_disk / "envs").iterdir()] == ["fits"]
    # an existing environment that cannot grow stays what it was
    before = home.envtool("list", "fits", env=env).out
    change = home.envtool("install", "-n", "fits", f"python={PYTHON}", "numpy", "-c", channel, env=env)
    assert change.code != 0
    assert home.envtool("list", "fits", env=env).out == before
    assert not any(e["unfinished"] for e in home.envtool("list", "--json", env=env).data["environments"])


def test_a_home_that_cannot_be_written_is_named(home: Home, channel: str, tmp_path: Path) -> None:
    folder = tmp_path / "readonly"
    folder.mkdir()
    mount(folder, "ro")
    try:
        env = {"CONDA_ENVS_DIRS": str(folder / "envs"), "HOME": str(folder)}
        ran = home.envtool("create", "demo", "trunk", "-c", channel, "--engine", "embedded", env=env)
        assert ran.code == 1, ran.err
        assert str(folder) in ran.err
        assert "Traceback" not in ran.err
        listed = home.envtool("list", env=env)
        assert listed.code == 0, listed.err
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
