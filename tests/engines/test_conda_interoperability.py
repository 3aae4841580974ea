"""A real conda lists, exports and changes what the embedded engine made, and reads its history."""

import json
import subprocess
from pathlib import Path

import pytest
from support.channel.recipe import PYTHON
from support.condas import CONDA, NONE
from support.home import Home

pytestmark = [
    pytest.mark.conda,
    pytest.mark.skipif(not CONDA, reason=NONE),
]


def conda(home: Home, *arguments: str) -> str:
    env = {
        **home.environ,
        "CONDA_PKGS_DIRS": str(home.path / "pkgs"),
        "CONDA_ENVS_DIRS": str(home.path / ".conda/envs"),
    }
    done = subprocess.run([CONDA, *arguments], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def prefix(home: Home, channel: str) -> Path:
    """An environment that the embedded engine made, then changed."""
    made = home.envtool("create", "demo", f"python={PYTHON}", "six=1.16", "-c", channel, "--engine", "embedded")
    changed = home.envtool("install", "-n", "demo", "leaf=1.0", "-c", channel)
    assert (made.code, changed.code) == (0, 0), made.err + changed.err
    return home.path / ".conda/envs/demo"


def test_it_lists_the_same(home: Home, prefix: Path) -> None:
    theirs = {p["name"]: p["version"] for p in json.loads(conda(home, "list", "-p", str(prefix), "--json"))}
    ours = {p["name"]: p["version"] for p in home.envtool("list", "demo", "--json").data["packages"]}
    assert theirs == ours
    assert str(prefix) in json.loads(conda(home, "env", "list", "--json"))["envs"]


def test_it_reads_the_history(home: Home, prefix: Path, channel: str) -> None:
    revisions = json.loads(conda(home, "list", "-p", str(prefix), "--revisions", "--json"))
    assert [revision["rev"] for revision in revisions] == [0, 1]
    assert any("leaf" in dist for dist in revisions[1]["install"])
    asked = conda(home, "env", "export", "-p", str(prefix), "--from-history")
    assert f"python={PYTHON}" in asked
    assert "six=1.16" in asked
    assert "leaf=1.0" in asked
    assert "trunk" not in asked  # a dependency that nobody asked for


def test_it_changes_the_environment_and_envtool_changes_it_after(home: Home, prefix: Path, channel: str) -> None:
    conda(home, "install", "-p", str(prefix), "--yes", "--override-channels", "-c", channel, "idna")
    listed = {p["name"]: p["version"] for p in home.envtool("list", "demo", "--json").data["packages"]}
    assert {"idna", "six", "leaf"} <= listed.keys()
    assert listed["six"] == "1.16.0"
    ran = home.envtool("install", "-n", "demo", "packaging", "-c", channel)
    assert ran.code == 0, ran.err
    after = {p["name"]: p["version"] for p in home.envtool("list", "demo", "--json").data["packages"]}
    assert after.items() >= listed.items()
    inside = home.envtool("run", "-n", "demo", "--", "python", "-c", "import idna, packaging, six")
    assert inside.code == 0, inside.err
