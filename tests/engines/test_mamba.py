"""mamba 2 and micromamba where they differ from conda."""

import json
import subprocess
from pathlib import Path

import pytest
from support import condas
from support.channel.recipe import PYTHON
from support.channel.server import Fault, Server
from support.home import Home

from envtool.engines import conda_errors
from envtool.process import Completed


@pytest.fixture(params=condas.MAMBAS)
def program(request: pytest.FixtureRequest, home: Home) -> str:
    """A mamba as a shell that it has set up finds it: only its program and its root are in variables."""
    home.environ["MAMBA_EXE"] = request.param
    home.environ["MAMBA_ROOT_PREFIX"] = str(home.path / "mamba")
    return str(request.param)


def mamba(home: Home, program: str, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], env={**home.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_finds_by_name_what_was_made_with_it(home: Home, program: str, channel: str) -> None:
    ran = home.envtool("create", "demo", "leaf=1.0", "-c", channel)
    assert ran.code == 0, ran.err
    assert f"Engine: conda, found at {program}" in ran.err
    prefix = home.path / "mamba/envs/demo"
    assert str(prefix) in json.loads(mamba(home, program, "env", "list", "--json"))["envs"]
    assert mamba(home, program, "run", "-n", "demo", "trunk").strip() == str(prefix)
    mamba(home, program, "install", "-n", "demo", "--yes", "--override-channels", "-c", channel, "leaf=2.0")
    assert home.installed("demo") == {"leaf": "2.0", "trunk": "1.0"}


@pytest.mark.parametrize("engine", ["conda", "embedded"])
def test_it_takes_what_was_made_and_changed_for_its_own(home: Home, program: str, channel: str, engine: str) -> None:
    made = home.envtool("create", "demo", f"python={PYTHON}", "six=1.16", "-c", channel, "--engine", engine)
    changed = home.envtool("install", "-n", "demo", "leaf=1.0", "--pip", "colorama==0.4.6", "-c", channel)
    assert (made.code, changed.code) == (0, 0), made.err + changed.err
    told = json.loads(mamba(home, program, "list", "-n", "demo", "--json"))
    listed = told if isinstance(told, list) else told["packages"]  # a list until 2.8
    theirs = {p["name"]: p["version"] for p in listed if p["channel"] != "pypi"}  # mamba 2.0 does not list those
    assert theirs | {"colorama": "0.4.6"} == home.installed("demo")
    asked = mamba(home, program, "env", "export", "-n", "demo", "--from-history")
    assert "six=1.16" in asked
    assert "leaf=1.0" in asked
    assert "trunk" not in asked
    mamba(home, program, "remove", "-n", "demo", "--yes", "leaf")
    assert {"python", "six", "pip", "colorama"} == home.installed("demo").keys()


def test_what_its_own_files_say_holds(home: Home, program: str, channel: str, channel_server: Server) -> None:
    (home.path / ".condarc").write_text("channels: ['http://127.0.0.1:9/lower']\nchannel_priority: disabled\n")
    (home.path / ".mambarc").write_text(f"channels: ['{channel}']\npinned_packages: [leaf=1.0]\n")
    told = json.loads(mamba(home, program, "config", "list", "--json", "channels", "channel_priority"))
    assert told["channels"] == [channel, "http://127.0.0.1:9/lower"]
    (home.path / ".condarc").write_text("channel_priority: disabled\n")
    ran = home.envtool("create", "demo", "leaf")
    assert ran.code == 0, ran.err
    assert home.installed("demo") == {"leaf": "1.0", "trunk": "1.0"}


def test_offline_it_fetches_nothing(
    home: Home, program: str, channel: str, channel_server: Server, tmp_path: Path
) -> None:
    assert home.envtool("create", "one", "leaf=1.0", "-c", channel).code == 0
    listing = tmp_path / "explicit.txt"
    listing.write_text(home.envtool("export", "one", "--format", "explicit").out.replace("leaf-1.0", "leaf-2.0"))
    channel_server.requests.clear()
    two = home.envtool("create", "two", "leaf=1.0", "-c", channel, "--offline")
    assert two.code == 0, two.err
    three = home.envtool("create", "three", "leaf=2.0", "-c", channel, "--offline")
    exact = home.envtool("create", "exact", "-f", str(listing), "--offline")
    for refused in (three, exact):
        assert (refused.code, "not in the package cache: leaf-2.0" in refused.err) == (5, True), refused.err
    assert [e["name"] for e in home.envtool("list", "--json").data["environments"]] == ["one", "two"]
    assert channel_server.requests == []


def test_mambas_errors_come_without_its_advice(home: Home, program: str, channel: str, channel_server: Server) -> None:
    channel_server.put(Fault("/conda-forge/", "status", status=404))
    ran = home.envtool("create", "demo", "leaf", "-c", channel, "--override-channels")
    assert ran.code == 5
    assert "status: 404" in ran.err
    assert "clean" not in ran.err
    assert "issue" not in ran.err


def test_a_mamba_that_was_interrupted_has_failed() -> None:
    assert conda_errors.of_mamba(Path("mamba"), {}, Completed(0, "", "")) is not None
    assert conda_errors.of_mamba(Path("mamba"), {"success": True}, Completed(0, "", "")) is None
