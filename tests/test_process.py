"""Starting programs: arguments and output arrive unchanged, and none is left running."""

import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envtool.errors import EnvtoolError, ExitCode
from envtool.process import CannotStartError, Command, Dialogue, TimeoutExceededError, capture, stream

PYTHON = sys.executable
ECHO = "import sys; sys.stdout.buffer.write('\\0'.join(sys.argv[1:]).encode('utf-8', 'surrogateescape'))"


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4))
def test_arguments_arrive_unchanged(arguments: list[str]) -> None:
    done = capture(Command((PYTHON, "-I", "-c", ECHO, *arguments), env={"PYTHONUTF8": "1"}))
    # newlines are split and joined again on the way; nothing else is touched
    assert done.stdout.split("\0") == ("\0".join(arguments)).split("\0")


@given(st.text("\r\n\t a", max_size=6))
def test_output_arrives_unchanged(text: str) -> None:
    done = capture(Command((PYTHON, "-I", "-c", "import sys; sys.stderr.buffer.write(sys.argv[1].encode())", text)))
    assert done.stderr == text


def test_both_pipes_are_drained_and_the_exit_code_is_kept() -> None:
    script = "import sys; print('o' * 300000); print('e' * 300000, file=sys.stderr); sys.exit(9)"
    done = capture(Command((PYTHON, "-c", script)), timeout=60)
    assert (done.returncode, len(done.stdout), len(done.stderr)) == (9, 300001, 300001)


@pytest.mark.slow
def test_progress_lines_on_a_terminal_are_heard_and_not_kept() -> None:
    script = (
        "import os, sys, time\n"
        "assert os.isatty(2) and not os.isatty(1) and os.get_terminal_size(2).columns == 200\n"
        "for word in ('10%', '60%'):\n"
        "    sys.stderr.write('\\r\\x1b[2K\\x1b[32m' + word + '\\x1b[0m'); sys.stderr.flush(); time.sleep(0.3)\n"
        "print('\\r\\x1b[2Kdone, ' + '\u00e9' * 3, file=sys.stderr)\n"
        "print('first')\n"
        "sys.exit(3)\n"
    )
    heard: list[str] = []
    done = stream(Command((PYTHON, "-c", script), env={"PYTHONUTF8": "1"}, terminal=True), on_stderr=heard.append)
    assert (done.returncode, done.stdout, done.stderr) == (3, "first\n", "done, \u00e9\u00e9\u00e9\n")
    # what ends in a line feed may be seen drawn before that comes
    assert (heard[:2], heard[-1]) == (["10%", "60%"], "done, \u00e9\u00e9\u00e9")


def test_a_program_that_closes_its_output_and_goes_on_is_stopped() -> None:
    with pytest.raises(TimeoutExceededError, match="did not answer"):
        capture(Command(("sh", "-c", "exec >&- 2>&-; sleep 60")), timeout=0.5)
    with pytest.raises(TimeoutExceededError, match="did not answer"):
        stream(Command(("sh", "-c", "exec >&- 2>&-; sleep 60")), stall=0.5)


@pytest.mark.parametrize(
    ("content", "mode", "cause"),
    [
        ("#!/gone/python\n", 0o755, "its interpreter /gone/python does not exist"),
        ("#! /gone/python -E\n", 0o755, "its interpreter /gone/python does not exist"),
        ("#!/bin/sh\n", 0o644, "Permission denied"),
        ("hello\n", 0o755, "Exec format error"),
    ],
)
def test_what_does_not_start_is_told_with_the_cause(tmp_path: Path, content: str, mode: int, cause: str) -> None:
    program = tmp_path / "program"
    program.write_text(content)
    program.chmod(mode)
    with pytest.raises(CannotStartError, match=cause) as failed:
        capture(Command((str(program),)))
    assert failed.value.cause == cause


@pytest.mark.slow
def test_children_that_ignore_an_interruption_are_stopped_too() -> None:
    started = time.monotonic()
    with pytest.raises(EnvtoolError, match="did not answer"):
        stream(Command(("sh", "-c", "sleep 60 & sleep 60")), stall=0.5)  # a shell has its background ignore Ctrl-C
    assert time.monotonic() - started < 30


@pytest.mark.slow
def test_a_program_on_a_terminal_is_stopped_with_its_children() -> None:
    with pytest.raises(EnvtoolError, match="did not answer"):
        stream(Command(("sh", "-c", "sleep 60 & sleep 60"), terminal=True), stall=0.5)
    with pytest.raises(EnvtoolError, match="no-such-program"):
        capture(Command(("no-such-program",), terminal=True))


def test_variables_are_laid_over_and_removed() -> None:
    script = "import os; print(os.environ.get('HOME'), os.environ.get('NEW'))"
    assert capture(Command((PYTHON, "-c", script), env={"HOME": None, "NEW": "x"})).stdout.split() == ["None", "x"]


def test_a_missing_program_is_named() -> None:
    with pytest.raises(EnvtoolError, match="no-such-program") as raised:
        capture(Command(("no-such-program",)))
    assert raised.value.code == ExitCode.MISSING


@pytest.mark.slow
def test_a_silent_program_is_stopped_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = (
        "import subprocess, sys; from pathlib import Path; child = subprocess.Popen(['sleep', '60']);"
        "Path(sys.argv[1]).write_text(str(child.pid)); child.wait()"
    )
    with pytest.raises(EnvtoolError, match="did not answer"):
        stream(Command((PYTHON, "-c", script, str(pid_file))), stall=1.5)
    grandchild = int(pid_file.read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{grandchild}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{grandchild}").exists() or Path(f"/proc/{grandchild}/stat").read_text().split()[2] == "Z"


def test_an_interruption_in_a_callback_stops_the_program() -> None:
    script = "import time\nfor i in range(600):\n print(i, flush=True); time.sleep(0.1)"
    started = time.monotonic()

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(Command((PYTHON, "-c", script)), on_stdout=interrupt)
    assert time.monotonic() - started < 20


def test_a_dialogue_answers_request_by_request() -> None:
    script = "import sys\nfor line in sys.stdin:\n print(line.strip().upper(), flush=True)"
    with Dialogue(Command((PYTHON, "-c", script))) as dialogue:
        assert next(dialogue.request("one")) == "ONE\n"
        assert next(dialogue.request("two")) == "TWO\n"


def test_commands_show_no_secret() -> None:
    assert "pw" not in str(Command(("uv", "--index", "https://me:pw@host/simple")))
