"""``envtool rename``: the same environment at a new path, and recovery from a kill on the way."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import layouts
from support.furnished import assert_works, broken_hashes, clone, mentions, output
from support.home import Home

from envtool.engines.cloning.rename import Move
from envtool.prefix.marks import JOURNAL, is_unfinished, renaming_of


def inodes(prefix: Path) -> dict[str, int]:
    return {str(file.relative_to(prefix)): file.stat().st_ino for file in prefix.rglob("*") if file.is_file()}


def rename(home: Home, old: str, new: str) -> Path:
    ran = home.envtool("rename", old, new)
    assert ran.code == 0, ran.err
    return home.conda_envs / new


def test_a_renamed_environment_is_the_same_one_and_works(home: Home) -> None:
    old = clone(home, "old")
    wrong, before = broken_hashes(old), inodes(old)
    listed = json.dumps(home.envtool("list", "old", "--json").data["packages"])
    new = rename(home, "old", "renamed")
    assert not old.exists()
    assert_works(home, new)
    assert mentions(new, old) == []
    assert broken_hashes(new) == wrong
    now = json.dumps(home.envtool("list", "renamed", "--json").data["packages"])
    assert now == listed.replace(str(old), str(new))
    after = inodes(new)
    moved = {file for file in before if after.get(file) == before[file]}
    assert len(moved) > 0.95 * len(before)
    registered = (home.path / ".conda/environments.txt").read_text().splitlines()
    assert (str(old) in registered, str(new) in registered) == (False, True)
    assert not (home.conda_envs / ".envtool").exists()
    # What was rewritten had other names, in the package cache say, which keep the old bytes.
    assert_works(home, home.conda_envs / "source")


def test_a_new_place_may_be_a_path(home: Home, tmp_path: Path) -> None:
    old = clone(home, "wanderer")
    new = tmp_path / "elsewhere" / "env"
    assert home.envtool("rename", "wanderer", str(new)).code == 0
    assert_works(home, new)
    assert mentions(new, old) == []
    assert home.envtool("rename", str(new), "back").code == 0
    assert_works(home, home.conda_envs / "back")


def kill_in(home: Home, stage: str) -> tuple[Path, Path]:
    """Leave a rename in the state in which a kill at one of its stages would."""
    old, new = clone(home, "from"), home.conda_envs / "to"
    move = Move(old, new, "envtool rename from to")
    count, _ = move.prepare(lambda *_: None)
    assert count > 10
    if stage == "preparing":
        (renaming_of(old) / JOURNAL).unlink()
    if stage in ("handed over", "moved", "half put"):
        renaming_of(old).rename(renaming_of(new))
    if stage in ("moved", "half put"):
        old.rename(new)
    if stage == "half put":
        (renaming_of(new) / "0").replace(new / _first_piece(new))
    return old, new


def _first_piece(prefix: Path) -> str:
    files: dict[str, str] = json.loads((renaming_of(prefix) / JOURNAL).read_text())["files"]
    return next(file for file, name in files.items() if name == "0")


@pytest.mark.parametrize("stage", ["preparing", "prepared", "handed over"])
def test_a_rename_killed_before_its_only_move_is_undone(home: Home, stage: str) -> None:
    old, new = kill_in(home, stage)
    assert home.envtool("run", "-n", "from", "--", "python", "-c", "import numpy").code == 0
    assert not new.exists()
    assert_works(home, old)
    assert mentions(old, new) == []
    assert home.envtool("remove", "from", "--yes").code == 0
    assert not (home.conda_envs / ".envtool").exists()


@pytest.mark.parametrize("stage", ["moved", "half put"])
def test_a_rename_killed_after_its_move_is_finished_by_the_next_command(home: Home, stage: str) -> None:
    old, new = kill_in(home, stage)
    unfinished = [e["name"] for e in home.envtool("list", "--json").data["environments"] if e["unfinished"]]
    assert unfinished == ["to"]
    assert home.envtool("run", "-n", "to", "--", "python", "-c", "import numpy").code == 0
    assert_works(home, new)
    assert mentions(new, old) == []
    assert home.envtool("remove", "to", "--yes").code == 0
    assert not (home.conda_envs / ".envtool").exists()


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_moment_leaves_an_environment_that_works(home: Home, seed: int) -> None:
    prefix = home.conda_envs / "killed"
    if not prefix.exists():
        clone(home, "killed")
    with home.start("rename", "killed", "survivor") as child:
        moment = random.Random(seed).uniform(0.1, 0.5)
        time.sleep(moment)
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=60)
    told = f"seed {seed}, killed after {moment:.3f} s"
    here = [path for path in (prefix, home.conda_envs / "survivor") if path.exists()]
    assert len(here) == 1, told
    ran = home.envtool("run", "-n", here[0].name, "--", "python", "-c", "import six")
    assert ran.code == 0, f"{told}: {ran.err}"
    assert_works(home, here[0])
    if here[0] != prefix:
        rename(home, "survivor", "killed")
    assert_works(home, prefix)


def test_an_interruption_undoes_or_finishes(home: Home) -> None:
    old = clone(home, "asked")
    with home.start("rename", "asked", "answered") as child:
        deadline = time.monotonic() + 30
        while not (renaming_of(old) / "0").exists() and old.exists():
            assert time.monotonic() < deadline
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
    here = old if old.exists() else home.conda_envs / "answered"
    assert not is_unfinished(here)
    assert not renaming_of(here).exists()
    assert_works(home, here)


def test_a_path_too_long_for_a_binary_changes_nothing(home: Home, tmp_path: Path) -> None:
    prefix = clone(home, "short")
    before = inodes(prefix)
    ran = home.envtool("rename", "short", str(tmp_path / ("x" * 150) / ("y" * 150)))
    assert ran.code == 1
    assert "has room for a path of" in ran.err
    assert inodes(prefix) == before
    assert_works(home, prefix)


def test_base_and_the_active_environment_keep_their_names(home: Home, tmp_path: Path) -> None:
    prefix = clone(home, "active")
    ran = home.envtool("rename", "active", "other", env={"CONDA_PREFIX": str(prefix)})
    assert (ran.code, "active in this shell" in ran.err) == (2, True)
    root = layouts.conda_env(tmp_path / "miniforge3")
    for part in ("condabin", "pkgs"):
        (root / part).mkdir()
    ran = home.envtool("rename", str(root), "other")
    assert (ran.code, "is a conda installation" in ran.err) == (2, True)
    assert prefix.exists()
    assert root.exists()


def test_a_name_that_is_taken_is_refused(home: Home) -> None:
    clone(home, "wants")
    ran = home.envtool("rename", "wants", "source")
    assert (ran.code, "already exists" in ran.err) == (1, True)
    assert (home.conda_envs / "wants").exists()


def test_another_file_system_is_refused_with_the_way_out(home: Home) -> None:
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == home.path.stat().st_dev:
        pytest.skip("no second file system at hand: this looks for /dev/shm")
    prefix, other = clone(home, "staying"), shared / f"envtool-test-{os.getpid()}"
    ran = home.envtool("rename", "staying", str(other))
    assert ran.code == 1
    assert f"envtool clone {prefix} {other}" in ran.err
    assert_works(home, prefix)
    assert not other.exists()
    ran = home.envtool("clone", "staying", str(other), "--json")
    try:
        assert ran.code == 0, ran.out
        assert ran.data["linked"] == 0
        assert_works(home, other)
    finally:
        shutil.rmtree(other, ignore_errors=True)


def test_a_venv_is_renamed_with_its_prompt(tmp_path: Path) -> None:
    place = tmp_path / ".local/share/envtool/envs"
    place.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "one"], check=True)
    home = Home(tmp_path, {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
    assert home.envtool("rename", "one", "two").code == 0
    said = output(home, "sh", "-c", f'. "{place}/two/bin/activate" && echo $VIRTUAL_ENV $VIRTUAL_ENV_PROMPT')
    assert said.replace("(", "").replace(")", "").split() == [str(place / "two"), "two"]
    assert mentions(place / "two", place / "one") == []
