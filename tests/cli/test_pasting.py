"""Commands in messages can be pasted: they begin with what starts this envtool, and their words are quoted."""

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, write

from envtool.cli import verify_gpu

SCRIPT = Path(sys.executable).with_name("envtool")
pytestmark = pytest.mark.skipif(os.name == "nt" or not SCRIPT.exists(), reason="needs the program that pip installs")


def pasted(home: Home, text: str, after: str) -> "subprocess.CompletedProcess[str]":
    """Run what stands behind a word in a message, as a person would paste it."""
    line = text.partition(after)[2].partition("\n")[0]
    return subprocess.run(
        ["/bin/sh", "-c", line], env=home.environ, cwd=home.path, capture_output=True, text=True, check=False
    )


@pytest.fixture(params=["a link", "its path", "its path with a space", "its module"])
def started(request: pytest.FixtureRequest, home: Home, tmp_path: Path) -> Home:
    """A home in which envtool is not on PATH, or only by a link, and the way in which it is started there."""
    bare = replace(home, environ={**home.environ, "PATH": "/usr/bin:/bin"})
    if request.param == "its module":
        return bare
    if request.param == "its path":
        return replace(bare, program=(str(SCRIPT),))
    folder = tmp_path / ("my tools" if "space" in request.param else "tools")
    folder.mkdir()
    (folder / "envtool").symlink_to(SCRIPT)
    if request.param == "a link":
        return replace(bare, program=(str(SCRIPT),), environ={**bare.environ, "PATH": f"{folder}:/usr/bin:/bin"})
    return replace(bare, program=(str(folder / "envtool"),))


@pytest.mark.slow
def test_the_command_at_the_end_of_a_run_works_as_it_is(started: Home) -> None:
    made = started.envtool("create", "-p", "my envs/new", "--engine", "venv", "--no-pip")
    assert made.code == 0, made.err
    ran = pasted(started, f"{made.err.strip()} -c 'import sys; print(sys.prefix)'", "Use it with: ")
    assert ran.stdout == f"{started.path}/my envs/new\n", ran.stderr
    assert ("Use it with: envtool" in made.err) == ("/tools:" in started.environ["PATH"])


@pytest.mark.slow
def test_hints_and_answers_are_commands_too(started: Home) -> None:
    refused = started.envtool("info", "nope")
    assert "is shown" not in refused.err
    assert pasted(started, refused.err.replace("`", "\n"), "hint: \n").stdout == started.envtool("list").out
    answered = started.envtool("env", "export", "--from-history")
    assert "No environment is active" in pasted(started, answered.err, "without builds: ").stderr


def test_names_are_quoted_and_prose_stays_prose(home: Home) -> None:
    prefix = conda_env(home.path / "my envs" / "dl")
    write(prefix / ".envtool" / "unfinished.json", '{"command": "envtool install -n dl scipy"}')
    refused = home.envtool("vars", "set", "A=1", "-p", str(prefix))
    assert f"`envtool remove {shlex.quote(str(prefix))}`" in refused.err
    own = replace(home, program=(str(SCRIPT),), environ={**home.environ, "PATH": "/usr/bin:/bin"})
    assert "error: envtool is installed in" in own.envtool("remove", sys.prefix, "--yes").err


def test_verifying_without_a_gpu_keeps_the_environment() -> None:
    assert verify_gpu._on_the_cpu("my dl", None) == "envtool verify-gpu 'my dl' --device cpu"
    assert verify_gpu._on_the_cpu("", Path("/opt/v 1/python")) == (
        "envtool verify-gpu --python '/opt/v 1/python' --device cpu"
    )
    assert verify_gpu._on_the_cpu("", None) == "envtool verify-gpu --device cpu"
