"""An environment in which another envtool is at work: shown as that, not as unfinished."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, write

from envtool.operations.steps.prefix_lock import holding
from envtool.prefix.marks import lock_of, mark_begun, mark_unfinished
from envtool.reporter import Silent

pytestmark = pytest.mark.slow

COMMAND = "envtool install -n dl numpy"
WORKER = {"pid": os.getpid(), "command": COMMAND}


@pytest.fixture
def dl(home: Home) -> Path:
    return conda_env(home.conda_envs / "dl")


@contextmanager
def at_work(prefix: Path) -> Iterator[None]:
    """Be at work in an environment, behind the first write."""
    with holding(prefix, COMMAND, Silent()):
        mark_unfinished(prefix, COMMAND)
        yield


def listed(home: Home) -> dict[str, object]:
    (environment,) = home.envtool("list", "--json").data["environments"]
    return {key: environment[key] for key in ("unfinished", "at_work")}


def test_it_is_listed_with_the_process_and_its_command(home: Home, dl: Path) -> None:
    with at_work(dl):
        assert listed(home) == {"unfinished": False, "at_work": WORKER}
        assert f"at work ({os.getpid()}, install)" in home.envtool("list").out
        assert "unfinished" not in home.envtool("list").out
        info = home.envtool("info", "dl", "--json").data
        assert (info["unfinished"], info["at_work"]) == ([], WORKER)
        assert f"at work ({os.getpid()}, {COMMAND})" in home.envtool("info", "dl").out
        sizes = home.envtool("list", "--size", "--json").data["environments"]
        assert sizes[0]["at_work"] == WORKER
    assert listed(home) == {"unfinished": True, "at_work": None}  # nobody settled it


def test_one_that_is_solved_for_is_shown_too_and_can_be_used(home: Home, dl: Path) -> None:
    with holding(dl, COMMAND, Silent()):
        assert listed(home) == {"unfinished": False, "at_work": WORKER}
        assert home.envtool("run", "-n", "dl", "--", "true").code == 0


def test_one_that_is_being_created_is_shown_too(home: Home) -> None:
    prefix = home.conda_envs / "dl"
    with holding(prefix, COMMAND, Silent()):
        mark_begun(prefix, COMMAND)
        prefix.mkdir()
        assert listed(home) == {"unfinished": False, "at_work": WORKER}
        prefix.rmdir()


def test_it_is_not_run_in_and_nobody_says_that_it_was_interrupted(home: Home, dl: Path) -> None:
    with at_work(dl):
        for command in (("run", "-n", "dl", "--", "true"), ("shell", "dl")):
            ran = home.envtool(*command)
            assert (ran.code, "is being changed" in ran.err, "interrupted" in ran.err) == (1, True, False), ran.err
            assert str(os.getpid()) in ran.err
            assert "resume" not in ran.err


GONE = {"host": os.uname().nodename, "pid": 2**22 + 1, "purpose": "install", "started": "x/1"}
JUNK = ["", "[]", "{", "junk", "\0" * 50, json.dumps({"host": 1, "pid": "x"}), "[" * 5000, json.dumps(GONE)]


@pytest.mark.parametrize("text", [*JUNK, json.dumps(GONE | {"host": "elsewhere", "pid": os.getpid()})])
def test_a_lock_that_nobody_here_holds_is_no_work(home: Home, dl: Path, text: str) -> None:
    write(lock_of(dl), text)
    assert listed(home) == {"unfinished": False, "at_work": None}
    mark_unfinished(dl, COMMAND)
    assert listed(home) == {"unfinished": True, "at_work": None}
