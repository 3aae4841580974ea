"""``envtool rollback``: the files from before an interrupted change."""

from pathlib import Path

import pytest
from support import environments
from support.home import Home
from support.layouts import conda_env, write

from envtool.errors import EnvtoolError, ExitCode
from envtool.operations.rollback import rollback
from envtool.prefix import snapshot
from envtool.prefix.marks import OWN, mark_unfinished, snapshot_of, unfinished
from envtool.prefix.snapshot import Footprint


@pytest.fixture
def dl(home: Home) -> Path:
    """An environment with a change that was killed half-way."""
    prefix = conda_env(home.conda_envs / "dl")
    write(prefix / "lib" / "kept", "old")
    taken = Footprint(touched=frozenset({"lib/kept"}), coming=frozenset({"lib/new"}))
    snapshot.take(prefix, snapshot_of(prefix), taken)
    mark_unfinished(prefix, "envtool install -n dl numpy")
    (prefix / "lib" / "kept").unlink()
    write(prefix / "lib" / "kept", "new")
    write(prefix / "lib" / "new", "new")
    return prefix


def test_the_files_come_back_and_nothing_of_the_change_is_left(home: Home, dl: Path) -> None:
    rollback(home.context, environments.resolve(home.host, "dl"))
    assert (dl / "lib" / "kept").read_text() == "old"
    assert not (dl / "lib" / "new").exists()
    assert not unfinished(dl)
    assert not snapshot_of(dl).exists()
    assert not (dl.parent / OWN).exists()


@pytest.mark.parametrize("how", ["finished", "no snapshot"])
def test_without_an_interrupted_change_there_is_nothing_to_restore(home: Home, how: str) -> None:
    prefix = conda_env(home.conda_envs / "dl")
    if how == "no snapshot":
        mark_unfinished(prefix, "envtool create dl")
    with pytest.raises(EnvtoolError, match="No change of dl was interrupted") as raised:
        rollback(home.context, environments.resolve(home.host, "dl"))
    assert raised.value.code == ExitCode.USAGE


def test_a_snapshot_that_cannot_be_read_is_kept_and_named(home: Home, dl: Path) -> None:
    (snapshot_of(dl) / snapshot.INDEX).write_text("junk")
    with pytest.raises(EnvtoolError, match="could not be restored") as raised:
        rollback(home.context, environments.resolve(home.host, "dl"))
    assert str(snapshot_of(dl)) in raised.value.message
    assert unfinished(dl)
    assert (snapshot_of(dl) / snapshot.INDEX).exists()


def test_the_command_line_says_what_it_has_looked_at(home: Home, dl: Path) -> None:
    ran = home.envtool("rollback", "dl", "--json")
    assert (ran.code, ran.data) == (0, {"name": "dl", "prefix": str(dl)})
    assert home.envtool("rollback", "dl").code == 2
