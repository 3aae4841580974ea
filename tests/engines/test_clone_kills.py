"""Clone and rename, killed at random moments: ten times each, a hundred times with ``--long``.

The killed command runs as a user's does; what comes after it runs here, to be quick. The seed of the moments is printed
with a failure (``ENVTOOL_TEST_SEED`` repeats it).
"""

import hashlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from support import environments, layouts
from support.home import Home

from envtool.engines.cloning import rename
from envtool.operations import remove
from envtool.operations.clone import CloneRequest
from envtool.operations.clone import clone as cloned
from envtool.operations.rename import RenameRequest
from envtool.operations.rename import rename as renamed
from envtool.prefix.marks import renaming_of

pytestmark = pytest.mark.slow

FILES = 1500
SEED = int(os.environ.get("ENVTOOL_TEST_SEED") or random.randrange(2**32))


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return 100 if request.config.getoption("--long") else 10


@pytest.fixture
def envs(home: Home) -> Path:
    """A folder with one venv of many small files, every fiftieth of which says where it lies."""
    source = layouts.venv(home.path / ".local/share/envtool/envs/one")
    for number in range(FILES):
        text = f"here = {str(source)!r}\n" if number % 50 == 0 else f"number = {number}\n"
        layouts.write(source / f"lib/python3.11/site-packages/package{number % 30}/module{number}.py", text)
    return source.parent


def content(prefix: Path) -> str:
    """Return a digest of an environment's files that does not depend on its path."""
    digest = hashlib.sha256()
    for file in sorted(file for file in prefix.rglob("*") if file.is_file() and ".envtool" not in file.parts):
        data = file.read_bytes().replace(bytes(prefix), b"PREFIX")
        digest.update(str(file.relative_to(prefix)).encode() + b"\0" + data)
    return digest.hexdigest()


def kill(home: Home, moment: float, after: Path, *command: str) -> None:
    """Start a command and kill it ``moment`` seconds after a file has appeared."""
    with home.start(*command) as child:
        while not after.exists() and child.poll() is None:
            time.sleep(0.0005)
        time.sleep(moment)
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=60)


def taken_away(home: Home, name: str) -> None:
    remove.remove(home.context, remove.RemoveRequest(environments.resolve(home.host, name)))


def test_a_killed_clone_is_whole_or_is_cleared_away(home: Home, envs: Path, kills: int) -> None:
    expected = content(envs / "one")
    ends: Counter[str] = Counter()
    rng = random.Random(SEED)
    for turn in range(kills):
        moment = rng.uniform(0, 0.3)
        told = f"seed {SEED}, turn {turn}: killed {moment:.4f} s after the intent record appeared"
        kill(home, moment, envs / ".envtool/two.intent.json", "clone", "one", "two")
        found = {environment.name: environment.unfinished for environment in environments.find_all(home.host)}
        ends["absent" if "two" not in found else "unfinished" if found["two"] else "whole"] += 1
        if found.get("two") is False:
            assert content(envs / "two") == expected, told
        if "two" in found:
            taken_away(home, "two")
        cloned(home.context, CloneRequest(environments.resolve(home.host, "one"), "two"))
        assert content(envs / "two") == content(envs / "one") == expected, told
        taken_away(home, "two")
        assert not list((envs / ".envtool").glob("*")), told
    print(ends)


def test_the_mark_alone_of_a_renaming_by_an_older_envtool_goes(home: Home, envs: Path) -> None:
    renamed(home.context, RenameRequest(environments.resolve(home.host, "one"), "two"))
    layouts.write(envs / "two/.envtool/unfinished.json", '{"command": "envtool rename one two"}')
    assert home.envtool("resume", "two").code == 0
    (environment,) = environments.find_all(home.host)
    assert (environment.name, environment.unfinished) == ("two", False)


def test_a_killed_rename_is_finished_or_undone(home: Home, envs: Path, kills: int) -> None:
    expected = content(envs / "one")
    ends: Counter[str] = Counter()
    rng = random.Random(SEED)
    for turn in range(kills):
        # Every second time right behind the one step that counts, the others anywhere.
        behind = envs / "two/pyvenv.cfg" if turn % 2 else renaming_of(envs / "one")
        moment = rng.uniform(0, 0.005 if turn % 2 else 0.2)
        told = f"seed {SEED}, turn {turn}: killed {moment:.4f} s after {behind} appeared"
        kill(home, moment, behind, "rename", "one", "two")
        (environment,) = environments.find_all(home.host)
        ends[f"{environment.name}, {'unfinished' if environment.unfinished else 'whole'}"] += 1
        settled = environment
        if rename.pending(environment.prefix):
            # Whoever holds the environment next settles it, whatever he came for.
            settled = cloned(home.context, CloneRequest(environment, "held")).plan.source
            taken_away(home, "held")
        assert content(settled.prefix) == expected, told
        assert not rename.pending(settled.prefix), told
        if settled.name == "two":
            renamed(home.context, RenameRequest(settled, "one"))
        assert content(envs / "one") == expected, told
        assert [environment.name for environment in environments.find_all(home.host)] == ["one"], told
    print(ends)
