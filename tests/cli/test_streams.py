"""Streams and terminals: closed pipes, full disks, other encodings, narrow terminals, questions."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.channel.server import Fault, serve
from support.home import Home
from support.terminal import Terminal

from envtool.prefix.marks import mark_unfinished

pytestmark = pytest.mark.slow

FULL = Path("/dev/full")


@pytest.fixture
def some(home: Home) -> Path:
    """An environment with a Chinese name."""
    prefix = home.path / "环境"
    venv.create(prefix, with_pip=False)
    return prefix


@contextmanager
def terminal(home: Home, *arguments: str, **env: str) -> Iterator[Terminal]:
    running = Terminal(home, arguments, {"TERM": "xterm", **env})
    try:
        yield running
    finally:
        running.close()


def in_shell(home: Home, line: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash in which `envtool` is the program under test."""
    define = f'envtool() {{ "{sys.executable}" -m envtool "$@"; }}'
    return subprocess.run(
        ["bash", "-c", f"{define}; {line}"],
        env=home.environ,
        cwd=home.path,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["mirror list", "mirror list --json", "list ./环境 --json", "verify-gpu --list"])
def test_a_closed_pipe_is_no_failure(home: Home, some: Path, command: str) -> None:
    ran = in_shell(home, f'envtool {command} | true; echo "${{PIPESTATUS[0]}}"')
    assert (ran.stdout, ran.stderr) == ("0\n", "")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("options", ["", "--json"])
def test_unwritable_output_is_a_failure(home: Home, options: str) -> None:
    ran = in_shell(home, f"envtool mirror list {options} > {FULL}")
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: The output could not be written: No space left on device.\nhint: Free space")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("envtool info ./环境 >&-", 0),
        ("envtool mirror list >&- 2>&- <&-", 0),
        ("envtool remove ./环境 <&-", 2),
        ("envtool create -f - <&-", 4),
    ],
)
def test_closed_streams_count_as_empty(home: Home, some: Path, line: str, code: int) -> None:
    ran = in_shell(home, line)
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("encoding", ["ascii", "gbk"])
def test_characters_the_terminal_lacks_are_escaped(home: Home, some: Path, encoding: str) -> None:
    command = [sys.executable, "-m", "envtool", "info", "./环境"]
    env = {**home.environ, "PYTHONIOENCODING": encoding}
    shown = subprocess.run(command, env=env, cwd=home.path, capture_output=True, check=True).stdout
    assert "环境".encode(encoding, "backslashreplace") in shown
    data = subprocess.run([*command, "--json"], env=env, cwd=home.path, capture_output=True, check=True).stdout
    assert json.loads(data.decode("ascii"))["data"]["path"] == str(some)


def test_a_bar_uses_only_characters_the_terminal_has(home: Home, some: Path) -> None:
    with terminal(home, "remove", str(some), "--yes", PYTHONIOENCODING="ascii") as running:
        assert "Removing" in running.rest()
        assert "\\u" not in running.said.replace("\\u73af\\u5883", "")
        assert running.end() == 0


def test_a_deleted_current_folder_is_reported(home: Home) -> None:
    ran = in_shell(home, "mkdir gone; cd gone; rmdir ../gone; PYTHONSAFEPATH=1 envtool list ./x")
    if "No module named envtool" in ran.stderr:
        pytest.skip("envtool is on the path of this Python by its folder only")
    assert (ran.returncode, ran.stderr.splitlines()[0]) == (1, "error: The current folder no longer exists.")


def test_debug_adds_the_traceback_and_changes_nothing_else(home: Home) -> None:
    ran = home.envtool("--debug", "list", "nope", "--json")
    assert ran.code == json.loads(ran.out)["exit_code"] == 3
    assert "Traceback" in ran.err


def test_tables_fit_a_narrow_terminal(home: Home) -> None:
    with terminal(home, "verify-gpu", "--list", COLUMNS="60") as running:
        widths = [len(line.rstrip("\r")) for line in running.rest().splitlines()]
    assert max(widths) == 60
    on_a_pipe = home.envtool("verify-gpu", "--list", env={"COLUMNS": "60"}).out
    assert max(map(len, on_a_pipe.splitlines())) > 60  # all is there


def test_words_are_wrapped_on_a_narrow_terminal_and_addresses_stay_whole(home: Home) -> None:
    with terminal(home, "mirror", "list", COLUMNS="60") as running:
        lines = [line.rstrip("\r") for line in running.rest().splitlines()]
    assert max(len(line) for line in lines if "://" not in line) <= 60
    addresses = [line.split()[1] for line in lines if "://" in line]
    assert addresses == [line.split()[1] for line in home.envtool("mirror", "list").out.splitlines() if "://" in line]


@pytest.mark.parametrize(
    ("typed", "said", "code"),
    [
        ("\x03", "error: Interrupted.", 130),
        ("\x04", "Cancelled: nothing was removed.", 0),
        ("n\n", "Cancelled: nothing was removed.", 0),
    ],
)
def test_leaving_a_question_ends_its_line(home: Home, some: Path, typed: str, said: str, code: int) -> None:
    with terminal(home, "remove", str(some)) as running:
        running.until("[y/N] ")
        os.write(running._end, typed.encode())
        before, _, _ = running.rest().partition(said)
        assert before.endswith("\n")
        assert running.said.count(said) == 1
        assert running.said.count("error: ") == said.count("error: ")
        assert running.end() == code
    assert some.is_dir()


def test_a_resumed_command_reports_its_own_errors(home: Home, some: Path) -> None:
    words = ("uninstall", "--prefix", str(some), "absent")
    mark_unfinished(some, f"envtool {' '.join(words)}")
    ran = home.envtool("resume", str(some), "--json")  # what is resumed was typed without --json
    envelope = json.loads(ran.out)
    assert (envelope["command"], envelope["exit_code"]) == ("resume", ran.code)
    assert ran.code != 0
    assert str(some) in envelope["errors"][0]["message"]


def test_mirror_set_asks_as_every_other_command_does(home: Home) -> None:
    file = home.path / ".condarc"
    old = "https://mirrors.tuna.tsinghua.edu.cn/anaconda/pkgs/free"
    file.write_text(f"channels:\n  - {old}\n  - defaults\n")
    for answer, kept in (("q", True), ("y", False)):
        with terminal(home, "mirror", "set", "tsinghua", "--target", "conda") as running:
            running.until("[y/N] ")
            running.type(answer)
            running.rest()
            assert running.end() == 0
        assert (old in file.read_text()) == kept


def test_waiting_for_an_index_shows_progress(home: Home, tmp_path: Path) -> None:
    with serve(tmp_path) as index:
        index.put(Fault("/simple", "hang"))
        command = ("create", "demo", "--engine", "venv", "--pip", "six", "-i", f"{index.url}/simple")
        with terminal(home, *command) as running:
            running.until("Solving pip packages")
            os.write(running._end, b"\x03")
            assert "Interrupted" in running.rest()
            assert running.end() == 130


def test_testing_mirrors_shows_progress(home: Home) -> None:
    with terminal(home, "mirror", "set", "auto", "--dry-run") as running:
        running.until("Testing the mirrors")


def test_an_undo_that_is_declined_changes_nothing_and_is_no_error(home: Home) -> None:
    assert home.envtool("channel", "add", "bioconda").code == 0
    before = (home.path / ".condarc").read_bytes()
    with terminal(home, "undo") as running:
        running.until("[y/N] ")
        running.type("n")
        assert "Cancelled: nothing was undone." in running.rest()
        assert "Undone" not in running.said
        assert running.end() == 0
    assert (home.path / ".condarc").read_bytes() == before
