"""A conda that is held: it solves once, changes nothing until it is told to, and leaves what conda alone leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import condas
from support.broken_condas import program
from support.channel.packages import index, tiny
from support.home import Home

pytestmark = [pytest.mark.conda, pytest.mark.skipif(not condas.CONDA, reason=condas.NONE)]

# The real conda's script, which counts how often it is started.
COUNTING = """#!{python}
import os, runpy, sys
with open({count!r}, "a") as file:
    file.write("x")
os.environ.pop("CONDA_EXE", None)
runpy.run_path({conda!r}, run_name="__main__")
"""
# A conda whose parts cannot be reached from the Python that runs it.
CLOSED = """#!{python}
import os, sys
with open({count!r}, "a") as file:
    file.write("x")
os.execv({conda!r}, [{conda!r}, *sys.argv[1:]])
"""


def interpreter(conda: Path) -> str:
    return conda.read_text().splitlines()[0].removeprefix("#!").strip()


@pytest.fixture
def account(home: Home, channel: str) -> Home:
    """An account with an environment ``demo`` that has trunk, and a conda that counts its starts."""
    condas.set_up(home.environ, condas.CONDA, home.path)
    made = home.envtool("create", "demo", "trunk", "--override-channels", "-c", channel, "--engine", "conda", "--yes")
    assert made.code == 0, made.err
    wrapped(home, COUNTING)
    return home


def wrapped(home: Home, text: str) -> None:
    real, count = Path(condas.CONDA), str(home.path / "count")
    python = interpreter(real) if text is COUNTING else sys.executable
    conda = program(home.path / "bin" / "conda", text.format(python=python, count=count, conda=str(real)))
    home.environ["CONDA_EXE"] = str(conda)


def starts(home: Home) -> int:
    """Return how often conda was started, apart from the look whether it works."""
    count = home.path / "count"
    number = len(count.read_text()) if count.exists() else 0
    count.unlink(missing_ok=True)
    return number


def state(prefix: Path) -> dict[str, tuple[int, int]]:
    """Return every file with its time and size."""
    paths = (path for path in prefix.rglob("*") if ".envtool" not in path.parts)
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in paths if not path.is_dir()}


def test_each_change_starts_conda_once(account: Home, channel: str) -> None:
    options = ("-n", "demo", "--override-channels", "-c", channel, "--yes")
    account.envtool("install", *options, "leaf", "--dry-run")
    assert starts(account) == 2  # once to see that it works, once for the plan
    uninstall = ("uninstall", "-n", "demo", "leaf", "--yes")
    for command in (("install", *options, "leaf=1"), ("update", *options, "leaf"), uninstall):
        ran = account.envtool(*command)
        assert ran.code == 0, ran.err
        assert "Changed demo" in ran.err
        assert starts(account) == 1, command
    assert "leaf" not in account.installed("demo")


def test_what_is_recorded_is_what_conda_alone_records(account: Home, channel: str) -> None:
    prefixes = [account.conda_envs / "demo", account.path / "other"]
    options = ("--override-channels", "-c", channel, "--yes")
    conda = account.environ["CONDA_EXE"]
    subprocess.run([conda, "create", "-p", prefixes[1], *options, "-q", "trunk"], check=True, env=account.environ)
    subprocess.run([conda, "install", "-p", prefixes[1], *options, "-q", "leaf>=1"], check=True, env=account.environ)
    assert account.envtool("install", "-n", "demo", *options, "leaf>=1").code == 0
    mine, theirs = (json.loads((prefix / "conda-meta/leaf-2.0-0.json").read_bytes()) for prefix in prefixes)
    for record in (mine, theirs):
        del record["link"]
    assert mine == theirs
    ends = [(prefix / "conda-meta/history").read_text().splitlines()[-3:] for prefix in prefixes]
    assert ends[0] == ends[1]  # the version of conda, the package, the spec
    assert "leaf" in ends[0][-1]


def test_a_plan_that_is_refused_or_only_shown_changes_nothing(account: Home, channel: str) -> None:
    prefix = account.conda_envs / "demo"
    options = ("-n", "demo", "--override-channels", "-c", channel, "leaf")
    before, caches = state(prefix), state(account.path / ".conda" / "pkgs")
    shown = account.envtool("install", *options, "--dry-run")
    assert (shown.code, "leaf" in shown.out) == (0, True)
    assert state(prefix) == before
    assert not [path for path in state(account.path / ".conda" / "pkgs").keys() - caches.keys() if "leaf" in path]
    failed = account.envtool("install", *options, "--pip", "no-such-package-anywhere", "--yes")
    assert failed.code != 0
    assert state(prefix) == before


def test_one_that_is_held_ends_with_its_parent(account: Home, channel: str) -> None:
    prefix = account.conda_envs / "demo"
    before = state(prefix)
    holder = Path(__file__).parents[2] / "envtool/engines/held_conda/holder.py"
    conda = account.environ["CONDA_EXE"]
    arguments = ("install", "--json", "--yes", "--prefix", str(prefix), "--override-channels", "--channel", channel)
    argv = [interpreter(Path(condas.CONDA)), str(holder), conda, *arguments, "--", "leaf"]
    for word in ("", "stop\n", "yes\n", "go"):
        done = subprocess.run(argv, input=word, capture_output=True, text=True, env=account.environ, check=False)
        assert "@envtool: solved" in done.stdout
        assert "fetched" not in done.stdout
        assert state(prefix) == before
    done = subprocess.run(argv, input="go\n", capture_output=True, text=True, env=account.environ, check=False)
    assert "@envtool: fetched" in done.stdout
    assert state(prefix) == before


def test_plugins_that_are_switched_off_let_nothing_through(account: Home, channel: str) -> None:
    account.environ["CONDA_NO_PLUGINS"] = "true"
    before = state(account.conda_envs / "demo")
    options = ("-n", "demo", "--override-channels", "-c", channel, "leaf")
    assert account.envtool("install", *options, "--dry-run").code == 0
    assert state(account.conda_envs / "demo") == before


def test_one_that_cannot_be_held_works_as_before(account: Home, channel: str) -> None:
    wrapped(account, CLOSED)
    options = ("-n", "demo", "--override-channels", "-c", channel, "leaf")
    before = state(account.conda_envs / "demo")
    assert account.envtool("install", *options, "--dry-run").code == 0
    assert state(account.conda_envs / "demo") == before
    starts(account)
    ran = account.envtool("install", *options, "--yes")
    assert ran.code == 0, ran.err
    assert starts(account) == 2
    assert account.installed("demo")["leaf"] == "2.0"


def test_a_link_script_finds_nothing_to_read(account: Home, tmp_path: Path) -> None:
    channel = tmp_path / "asking"
    tiny(
        channel, "asking", "1.0", files={"bin/.asking-post-link.sh": 'read x || x=nothing; echo "$x" > "$PREFIX/got"\n'}
    )
    index(channel)
    ran = account.envtool("install", "-n", "demo", "--override-channels", "-c", channel.as_uri(), "asking", "--yes")
    assert ran.code == 0, ran.err
    assert (account.conda_envs / "demo" / "got").read_text() == "nothing\n"


def test_removing_asks_no_channel(account: Home) -> None:
    (account.path / ".condarc").write_text("channels: ['http://127.0.0.1:9/closed']\n")
    ran = account.envtool("uninstall", "-n", "demo", "trunk", "--yes")
    assert ran.code == 0, ran.err
    assert "trunk" not in account.installed("demo")


def test_another_channels_package_of_the_same_name_is_a_change(account: Home, tmp_path: Path) -> None:
    channel = tmp_path / "other"
    tiny(channel, "trunk", "1.0", files={"share/trunk/where": "elsewhere\n"})
    index(channel)
    archive = next(channel.glob("*/trunk-1.0*"))
    ran = account.envtool("install", "-n", "demo", archive.as_uri(), "--yes", "--json")
    assert ran.code == 0, ran.err
    assert [package["name"] for package in ran.data["added"]] == ["trunk"]
    assert (account.conda_envs / "demo/share/trunk/where").read_text() == "elsewhere\n"
