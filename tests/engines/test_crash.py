"""Commands killed at random moments: the environment is whole, absent, or marked, and the offered ways out work.

Ten kills of each kind in the usual run, fewer on the engines that share the embedded one's steps; with ``--long``
a hundred (twenty of conda, which is slow), whose last figures the README keeps. The seed of the moments is printed
with a failure (``ENVTOOL_TEST_SEED`` repeats it).
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import condas
from support.channel.recipe import PYTHON
from support.home import Home
from support.processes import descendants

from envtool.prefix.marks import mark_begun, mark_unfinished, place

SEED = int(os.environ.get("ENVTOOL_TEST_SEED") or random.randrange(2**32))
SPECS = (f"python={PYTHON}", "six=1.16", "numpy")


PIP = ("--pip", "colorama==0.4.5")


@dataclass(frozen=True)
class Subject:
    """An engine's environment ``demo``, the commands that are to be killed, and how often."""

    folder: Path
    create: tuple[str, ...]
    install: tuple[str, ...]
    uninstall: tuple[str, ...]
    kills: int


@pytest.fixture(params=["embedded", "venv", *condas.FAMILY])
def subject(request: pytest.FixtureRequest, home: Home, channel: str) -> Subject:
    engine = request.param if request.param in ("embedded", "venv") else "conda"
    few, many = {"embedded": (10, 100), "venv": (4, 100), "conda": (4, 20)}[engine]
    kills = many if request.config.getoption("--long") else few
    create, at = ("create", "demo", "--engine", engine), ("-n", "demo", "--yes")
    if engine == "venv":
        return Subject(
            home.path / ".local/share/envtool/envs",
            (*create, "--python", PYTHON, "--pip", "six==1.16.0", "--pip", "numpy", *PIP),
            ("install", *at, "--pip", "six==1.17.0", "--pip", "idna", "--pip", "colorama==0.4.6"),
            ("uninstall", *at, "six", "colorama"),
            kills,
        )
    if engine == "conda":
        condas.set_up(home.environ, request.param, home.path)
    source = ("-c", channel)
    return Subject(
        home.path / ".conda/envs",
        (*create, *SPECS, *PIP, *source),
        ("install", *at, "six=1.17", "idna", "leaf", "--pip", "colorama==0.4.6", *source),
        ("uninstall", *at, "six", "colorama", *source),
        kills,
    )


def kill_at(home: Home, moment: float, *arguments: str, after: Path | None = None) -> bool:
    """Start a command and kill it and its children after ``moment`` seconds; return whether it had ended before.

    With ``after`` the time begins when that file appears.
    """
    with home.start(*arguments) as child:
        try:
            while after and not after.exists() and child.poll() is None:
                time.sleep(0.001)
            child.wait(moment)
            return True
        except subprocess.TimeoutExpired:
            # The children have groups of their own; a machine that crashes takes them along, so they are killed, too.
            for pid in [child.pid, *descendants(child.pid)]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            return False


def duration(home: Home, *arguments: str) -> float:
    started = time.monotonic()
    ran = home.envtool(*arguments)
    assert ran.code == 0, ran.err
    return time.monotonic() - started


def state(home: Home, name: str) -> str:
    found = {e["name"]: e for e in home.envtool("list", "--json").data["environments"]}
    return "absent" if name not in found else "unfinished" if found[name]["unfinished"] else "whole"


def files(prefix: Path) -> set[str]:
    """Return all files except bytecode and envtool's own."""
    every = (path.relative_to(prefix).as_posix() for path in prefix.rglob("*") if not path.is_dir())
    return {path for path in every if "__pycache__" not in path and not path.startswith(".envtool/")}


def works(home: Home, name: str) -> None:
    script = "import six, numpy, sys; assert numpy.ones(3).sum() == 3; print(six.__version__)"
    ran = home.envtool("run", "-n", name, "--", "python", "-c", script)
    assert ran.code == 0, ran.err


def moments(seconds: float, kills: int) -> list[float]:
    rng = random.Random(SEED)
    # a little beyond the usual duration, so that the last steps are met too
    return [rng.uniform(0.05, seconds * 1.1) for _ in range(kills)]


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found through /proc")


def test_a_killed_create_is_whole_unfinished_or_absent(home: Home, subject: Subject) -> None:
    create = subject.create
    usual = duration(home, *create)
    assert home.envtool("remove", "demo", "--yes").code == 0
    ends: Counter[str] = Counter()
    for moment in moments(usual, subject.kills):
        making = subject.folder / ".envtool/demo.intent.json" if sum(ends.values()) % 2 else None
        finished = kill_at(home, moment * (0.7 if making else 1), *create, after=making)
        after = state(home, "demo")
        ends[after] += 1
        if finished:
            assert after == "whole", f"seed {SEED}, {moment:.3f} s"
        if after == "whole":
            works(home, "demo")
            assert home.installed("demo")["colorama"] == "0.4.5"
        elif after == "unfinished":
            way = ("resume", "demo") if ends[after] % 2 else ("remove", "demo", "--yes")
            ran = home.envtool(*way)
            assert ran.code == 0, f"seed {SEED}, {moment:.3f} s: {ran.err}"
            assert state(home, "demo") == ("whole" if way[0] == "resume" else "absent")
        # whatever it was, the name can be used again, and then all is there
        if state(home, "demo") == "absent":
            again = home.envtool(*create)
            assert again.code == 0, f"seed {SEED}, {moment:.3f} s: {again.err}"
        works(home, "demo")
        assert home.envtool("remove", "demo", "--yes").code == 0
        assert list(subject.folder.glob("*")) == [], f"seed {SEED}, {moment:.3f} s"
    print(dict(ends))


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_a_killed_change_can_be_resumed_or_rolled_back(home: Home, subject: Subject, verb: str) -> None:
    prefix = subject.folder / "demo"
    change: tuple[str, ...] = getattr(subject, verb)
    assert home.envtool(*subject.create).code == 0
    old, old_files = home.installed("demo"), files(prefix)
    usual = duration(home, *change)
    new = home.installed("demo")
    assert new != old
    ends: Counter[str] = Counter()
    for moment in moments(usual, subject.kills):
        assert home.envtool("remove", "demo", "--yes").code == 0
        assert home.envtool(*subject.create).code == 0
        # every second kill falls between the first write and the last, which random moments rarely meet
        writing = place(prefix, "unfinished.json") if sum(ends.values()) % 2 else None
        kill_at(home, moment * (0.3 if writing else 1), *change, after=writing)
        after = state(home, "demo")
        hint = f"seed {SEED}, {moment:.3f} s, writing: {bool(writing)}"
        if after == "unfinished":
            refused = home.envtool("install", "-n", "demo", "--pip", "idna")
            assert (refused.code, "envtool rollback demo" in refused.err) == (1, True), hint
            way = "rollback" if ends[after] % 2 else "resume"
            ran = home.envtool(way, "demo")
            assert ran.code == 0, f"{hint}: {ran.err}"
            assert home.installed("demo") == (old if way == "rollback" else new), hint
            if way == "rollback":
                assert files(prefix) == old_files, hint
        else:
            assert after == "whole", hint
            assert home.installed("demo") in (old, new), hint
        if "six" in home.installed("demo"):
            works(home, "demo")
        ends[after] += 1
    print(dict(ends))


def test_a_killed_remove_can_be_finished(home: Home, subject: Subject) -> None:
    assert home.envtool(*subject.create).code == 0
    usual = duration(home, "remove", "demo", "--yes")
    for moment in moments(usual, subject.kills):
        assert home.envtool(*subject.create).code == 0
        kill_at(home, moment, "remove", "demo", "--yes")
        after = state(home, "demo")
        assert after in ("absent", "whole"), f"seed {SEED}, {moment:.3f} s"
        if after == "whole":
            works(home, "demo")
            assert home.envtool("remove", "demo", "--yes").code == 0
    assert home.envtool(*subject.create).code == 0
    assert home.envtool("remove", "demo", "--yes").code == 0
    assert list(subject.folder.glob("*")) == []


@pytest.fixture
def cut_off(home: Home, channel: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that leaves ``demo`` as a killed command, typed in the folder ``there``, would leave it."""
    there = home.path / "there"
    there.mkdir()
    (there / "environment.yml").write_text(f"name: demo\nchannels: ['{channel}']\ndependencies: [leaf]\n")
    assert home.envtool("create", "-f", "environment.yml", "--engine", "embedded", cwd=there).code == 0
    monkeypatch.chdir(there)

    def mark(command: str) -> None:
        mark_begun(home.path / ".conda/envs/demo", command)
        mark_unfinished(home.path / ".conda/envs/demo", command)

    return mark


def test_what_is_resumed_reads_its_files_where_it_was_typed(home: Home, cut_off: Callable[[str], None]) -> None:
    cut_off("envtool create -f environment.yml --engine embedded")
    (home.path / "environment.yml").write_text("name: demo\ndependencies: [trunk]\n")
    ran = home.envtool("resume", "demo")
    assert ran.code == 0, ran.err
    assert home.installed("demo").keys() == {"leaf", "trunk"}


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("envtool create demo -f - --engine embedded", "through a pipe"),
        ("envtool create demo leaf -i https://***@host/simple", "a password"),
    ],
)
def test_an_unrepeatable_command_cannot_be_resumed(
    home: Home, cut_off: Callable[[str], None], command: str, told: str
) -> None:
    cut_off(command)
    ran = home.envtool("resume", "demo")
    assert (ran.code, told in ran.err, "Run it again yourself" in ran.err) == (1, True, True), ran.err
    assert command.removeprefix("envtool ") in ran.err  # the word itself may be a path, so that it can be pasted
    assert state(home, "demo") == "unfinished"
    assert home.envtool("remove", "demo", "--yes").code == 0


def test_a_folder_created_after_a_kill_is_not_taken_for_its_leftover(home: Home, channel: str) -> None:
    envs = home.path / ".conda/envs"
    (envs / ".envtool").mkdir(parents=True)
    (envs / ".envtool/demo.intent.json").write_text('{"command": "envtool create demo"}')
    (envs / "demo").mkdir()
    (envs / "demo/thesis.tex").write_text("years of work")
    ran = home.envtool("create", "demo", *SPECS, "-c", channel, "--engine", "embedded")
    assert (ran.code, "already exists" in ran.err) == (1, True)
    assert (envs / "demo/thesis.tex").read_text() == "years of work"


def test_one_of_eight_concurrent_creates_wins(home: Home, channel: str) -> None:
    create = ("create", "demo", *SPECS, "-c", channel, "--engine", "embedded")
    children = [home.start(*create) for _ in range(8)]
    ends = [(child.communicate(timeout=300)[1], child.returncode) for child in children]
    codes = sorted(code for _, code in ends)
    assert codes == [0, *[1] * 7], ends
    assert all("already exists" in err for err, code in ends if code)
    works(home, "demo")


def test_eight_concurrent_creates_share_a_cache(home: Home, channel: str) -> None:
    names = [f"demo{number}" for number in range(8)]
    children = [home.start("create", name, *SPECS, "-c", channel, "--engine", "embedded") for name in names]
    ends = [(child.communicate(timeout=300)[1], child.returncode) for child in children]
    assert [code for _, code in ends] == [0] * 8, ends
    for name in names:
        works(home, name)


def test_changes_of_one_environment_wait_for_each_other(home: Home, channel: str) -> None:
    assert home.envtool("create", "demo", *SPECS, "-c", channel, "--engine", "embedded").code == 0
    wanted = ("idna", "packaging", "trunk", "leaf")
    children = [home.start("install", "-n", "demo", name, "-c", channel) for name in wanted]
    ends = [(child.communicate(timeout=300)[1], child.returncode) for child in children]
    assert [code for _, code in ends] == [0] * len(wanted), ends
    assert any("Waiting for envtool" in err for err, _ in ends)
    assert set(wanted) <= home.installed("demo").keys()
    works(home, "demo")
