"""``envtool run``: a command inside an environment."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, venv, write

from envtool.model import Environment
from envtool.operations.steps.activation import activation
from envtool.prefix.marks import mark_unfinished

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="the commands are POSIX ones")]
ODD = ["with space", "qu'ote", 'dou"ble', "dol$HOME", "back`id`tick", "semi;colon", "中文", "-n", "star*"]


def program(prefix: Path, name: str, text: str) -> Path:
    path = write(prefix / "bin" / name, f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def dl(home: Home) -> Path:
    return conda_env(home.path / ".conda" / "envs" / "dl")


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_exit_code_is_the_commands(home: Home, dl: Path, code: int) -> None:
    assert home.envtool("run", "-n", "dl", "--", "sh", "-c", f"exit {code}").code == code


def test_a_command_that_a_signal_ended(home: Home, dl: Path) -> None:
    assert home.envtool("run", "-n", "dl", "--", "sh", "-c", "kill -9 $$").code == -signal.SIGKILL


@pytest.mark.parametrize("with_scripts", [False, True])
def test_a_signal_reaches_the_command_itself(home: Home, dl: Path, with_scripts: bool) -> None:
    if with_scripts:
        write(dl / "etc" / "conda" / "activate.d" / "a.sh", "export A=1\n")
    text = "trap 'exit 42' TERM; touch started; while :; do sleep 0.05; done"
    process = home.start("run", "-n", "dl", "--", "sh", "-c", text)
    deadline = time.monotonic() + 30
    while not (home.path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 42


def test_a_broken_pipe_ends_the_command_silently(home: Home, dl: Path) -> None:
    # What Python does with SIGPIPE for itself must not be handed on.
    assert home.envtool("run", "-n", "dl", "--", "sh", "-c", "kill -PIPE $$; echo survived").code == -signal.SIGPIPE


def test_activation_scripts_are_sourced_in_order_and_see_the_environment(home: Home, dl: Path) -> None:
    scripts = dl / "etc" / "conda" / "activate.d"
    write(scripts / "b.sh", 'export SEEN="$SEEN b:$CONDA_DEFAULT_ENV"\n')
    write(scripts / "a.sh", 'export SEEN="a:$CONDA_PREFIX"\n')
    write(scripts / "c.fish", "this is not for sh\n")
    ran = home.envtool("run", "-n", "dl", "--", "sh", "-c", 'echo "$SEEN"')
    assert (ran.out, ran.err) == (f"a:{dl} b:dl\n", "")


@pytest.mark.parametrize("with_scripts", [False, True])
def test_arguments_arrive_as_they_were_typed(home: Home, dl: Path, with_scripts: bool) -> None:
    if with_scripts:
        write(dl / "etc" / "conda" / "activate.d" / "a.sh", "export A=1\n")
    program(dl, "show-arguments", 'for word; do printf "%s\\n" "$word"; done')
    words = ["--json", "-n", "other", "--", "--help", "", "$HOME", "`id`", "a b", "*", "中文", "'", '"']
    ran = home.envtool("run", "-n", "dl", "--", "show-arguments", *words)
    assert ran.code == 0
    assert ran.out.splitlines() == words


def test_options_after_the_command_are_its_own(home: Home, dl: Path) -> None:
    program(dl, "show-arguments", 'printf "%s " "$@"')
    assert home.envtool("run", "-n", "dl", "show-arguments", "-n", "x", "--version").out == "-n x --version "


@pytest.mark.parametrize("name", ODD)
def test_a_path_with_odd_characters(tmp_path: Path, home: Home, name: str) -> None:
    prefix = conda_env(tmp_path / name)
    write(prefix / "etc" / "conda" / "activate.d" / "it's.sh", 'export SEEN="$CONDA_PREFIX"\n')
    program(prefix, "mine", 'printf "%s" "$SEEN"')
    assert home.envtool("run", "-p", f"./{name}", "--", "mine", cwd=tmp_path).out == str(prefix)


def test_its_programs_come_first(home: Home, dl: Path) -> None:
    program(dl, "ls", "echo mine")
    assert home.envtool("run", "-n", "dl", "--", "ls").out == "mine\n"


def test_a_command_that_is_not_there(home: Home, dl: Path) -> None:
    ran = home.envtool("run", "-n", "dl", "--", "no-such-program")
    assert ran.code == 3
    assert "no-such-program" in ran.err


def test_an_unfinished_environment_is_refused(home: Home, dl: Path) -> None:
    mark_unfinished(dl, "envtool create dl")
    ran = home.envtool("run", "-n", "dl", "--", "true")
    assert ran.code == 1
    assert "envtool create dl" in ran.err


def test_a_nested_activation_leaves_nothing_of_the_others(tmp_path: Path) -> None:
    outer, stacked = conda_env(tmp_path / "outer"), conda_env(tmp_path / "stacked")
    tools, mine = venv(tmp_path / "tools"), Environment("mine", conda_env(tmp_path / "mine"), "conda")
    write(outer / "conda-meta" / "state", '{"env_vars": {"THEIRS": "1", "CHANGED": "1", "BOTH": "1"}}')
    write(mine.prefix / "conda-meta" / "state", '{"env_vars": {"BOTH": "2"}}')
    path = [f"{tools}/bin", f"{stacked}/bin", f"{outer}/bin", "/usr/bin", "/bin"]
    environ = {
        "PATH": ":".join(path),
        "VIRTUAL_ENV": str(tools),
        "CONDA_PREFIX": str(stacked),
        "CONDA_PREFIX_1": str(outer),
        "CONDA_SHLVL": "2",
        "THEIRS": "1",
        "CHANGED": "by hand",
        "BOTH": "1",
    }
    changes = activation(mine, environ)
    assert changes["PATH"] == f"{mine.prefix}/bin:/usr/bin:/bin"
    assert changes["VIRTUAL_ENV"] is None
    assert changes["CONDA_PREFIX"] == str(mine.prefix)
    assert changes["CONDA_SHLVL"] == "1"
    assert changes["THEIRS"] is None
    assert "CHANGED" not in changes
    assert changes["BOTH"] == "2"


def test_one_inside_the_other_for_real(home: Home, dl: Path) -> None:
    other = venv(home.path / "other")
    inner = shlex.join([sys.executable, "-m", "envtool", "run", "-p", str(other), "--", "sh", "-c", 'echo "$PATH"'])
    path = home.envtool("run", "-n", "dl", "--", "sh", "-c", inner).out.strip().split(":")
    assert path[0] == str(other / "bin")
    assert str(dl / "bin") not in path


def test_stored_variables_cannot_replace_what_activation_sets(home: Home, dl: Path) -> None:
    write(dl / "conda-meta" / "state", '{"env_vars": {"PATH": "/x", "CONDA_PREFIX": "/x", "A=B": "x", "OK": "1"}}')
    ran = home.envtool("run", "-n", "dl", "--", "sh", "-c", 'echo "$CONDA_PREFIX $OK"; env')
    assert ran.out.startswith(f"{dl} 1\n")
    assert "A=B" not in ran.out


def test_nothing_to_run_is_wrong_usage(home: Home, dl: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "envtool", "run", "-n", "dl", "--"],
        env=dict(home.environ),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2


def lose(python: Path, how: str) -> None:
    """Break a Python in one of the ways in which people lose theirs."""
    python.unlink()
    if how == "dangling":
        python.symlink_to("/opt/python3.8/bin/python3.8")
    elif how == "loop":
        python.symlink_to(python)
    elif how == "folder":
        python.mkdir()
    elif how != "missing":
        texts = {"empty": "", "text": "version https://git-lfs.github.com/spec/v1", "interpreter": "#!/no/such/sh\n"}
        write(python, texts.get(how, "#!/bin/sh\n")).chmod(0o644 if how == "not executable" else 0o755)


LOST = ["missing", "dangling", "loop", "folder", "empty", "text", "interpreter", "not executable"]


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("kind", ["venv", "conda"])
def test_an_environment_that_has_lost_its_python_runs_no_other(home: Home, kind: str, how: str) -> None:
    prefix = home.path / "lost"
    if kind == "venv":
        venv(prefix)
    else:
        conda_env(prefix, {"name": "python", "version": "3.11.7", "build": "h1_0"})
    assert home.envtool("run", "-p", str(prefix), "--", "true").code == 0
    lose(prefix / "bin" / "python", how)
    ran = home.envtool("run", "-p", str(prefix), "--", "python", "-c", "print('somebody else')")
    assert (ran.code, ran.out) == (3, "")
    assert str(prefix / "bin" / "python") in ran.err
    assert "cannot start" in " ".join(home.envtool("info", str(prefix), "--json").data["broken"])


def test_an_environment_that_never_had_a_python_runs_its_programs_and_others(home: Home) -> None:
    prefix = conda_env(
        home.path / "tools", {"name": "python-dateutil", "version": "2.9", "files": []}, {"name": "zlib"}
    )
    program(prefix, "mine", "echo mine")
    assert home.envtool("run", "-p", str(prefix), "--", "mine").out == "mine\n"
    assert home.envtool("run", "-p", str(prefix), "--", "sh", "-c", "echo others").out == "others\n"
