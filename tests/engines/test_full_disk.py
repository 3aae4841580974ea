"""A full disk and an unwritable home: the cause is named, and nothing is left behind."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.channel import packages
from support.channel.recipe import PYTHON
from support.home import Home
from support.wheels import wheel


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
    assert full.code == 1
    assert "No space left" in full.err
    assert f"of {small_disk}/envs is full" in full.err
    assert "mirror" not in full.err
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


def fat(folder: Path) -> None:
    """Write a channel with one package of 3 MB that cannot be compressed."""
    packages.tiny(folder, "fat", "1.0", files={f"share/fat/{n}": os.urandom(50_000).hex() for n in range(30)})
    packages.index(folder)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount(folder, "size=1m")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_cache_is_named(home: Home, tiny_disk: Path, tmp_path: Path) -> None:
    fat(tmp_path / "lab")
    source = ("-c", (tmp_path / "lab").as_uri(), "--override-channels", "--engine", "embedded")
    made = home.envtool("create", "dl", "fat", *source, env={"XDG_CACHE_HOME": str(tiny_disk)})
    assert made.code == 1
    assert f"of {tiny_disk}/envtool/conda is full" in made.err
    assert home.envtool("list", "--json").data["environments"] == []
    again = home.envtool("create", "dl", "fat", *source)  # nothing half-made is in the way
    assert again.code == 0, again.err


@pytest.mark.slow
def test_a_full_disk_is_named_by_clone_pip_and_export(home: Home, tiny_disk: Path, tmp_path: Path) -> None:
    fat(tmp_path / "lab")
    source = ("-c", (tmp_path / "lab").as_uri(), "--override-channels", "--engine", "embedded")
    assert home.envtool("create", "dl", "fat", *source).code == 0
    contents = {f"bulky/f{n}.py": "#" + os.urandom(50_000).hex() for n in range(30)}
    wheel(tmp_path, "bulky", "1.0", contents)
    pip = ("--engine", "venv", "--pip", "bulky", "--find-links", str(tmp_path))
    for command in (["clone", "dl", str(tiny_disk / "copy")], ["create", "-p", str(tiny_disk / "venv"), *pip]):
        full = home.envtool(*command)
        assert full.code == 1
        assert f"of {tiny_disk} is full" in full.err
        assert list(tiny_disk.iterdir()) == []
    with suppress(OSError), (tiny_disk / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
    full = home.envtool("export", "dl", "-o", str(tiny_disk / "dl.yml"))
    assert full.code == 1
    assert f"of {tiny_disk} is full" in full.err
    assert [path.name for path in tiny_disk.iterdir()] == ["filling"]
