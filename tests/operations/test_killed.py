"""A kill before each single write of a command: the environment is whole or gone, or marked with ways out that work."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from support import environments, layouts
from support.home import Home
from support.killed import kills

from envtool.cli.retargeting import retargeted
from envtool.model import Environment, Spec
from envtool.operations import remove, resume, rollback
from envtool.operations.clone import CloneRequest, clone
from envtool.operations.create import CreateRequest, create
from envtool.operations.rename import RenameRequest, rename
from envtool.operations.steps.guards import can_go_back
from envtool.operations.uninstall import UninstallRequest, uninstall
from envtool.operations.vars import set_variables
from envtool.prefix import environments_txt
from envtool.prefix.layout import python_of
from envtool.prefix.marks import OWN
from envtool.reporter import Silent

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")]
SITE = "lib/python3.11/site-packages"


@pytest.fixture
def one(home: Home) -> Environment:
    """A small conda environment; some of its files, its records and a link name its place."""
    prefix = layouts.conda_env(home.conda_envs / "one", {"name": "zlib", "files": ["lib/libz.so"]})
    for number in range(4):
        layouts.write(prefix / SITE / f"module{number}.py", f"here = {str(prefix)!r}\n")
    (prefix / "bin").mkdir()
    (prefix / "bin/tool").symlink_to(prefix / SITE / "module1.py")
    environments_txt.register(home.host, prefix, Silent())
    return environments.resolve(home.host, "one")


def content(prefix: Path) -> str:
    """Return a digest of an environment's files that does not depend on its path; a clone has a history of its own."""
    digest = hashlib.sha256()
    for path in sorted(path for path in prefix.rglob("*") if not {OWN, "history"} & {*path.parts}):
        data = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        digest.update(f"{path.relative_to(prefix)} {path.lstat().st_mode:o}\0".encode())
        digest.update(data.replace(bytes(prefix), b"PREFIX"))
    return digest.hexdigest()


def found(home: Home) -> dict[str, Environment]:
    return {environment.name: environment for environment in environments.find_all(home.host)}


def left(home: Home) -> list[str]:
    """Return what is in envtool's folder beside the environments, but for locks: they are free, and taken over."""
    return sorted(path.name for path in (home.conda_envs / OWN).rglob("*") if path.suffix != ".lock")


def test_a_rename_never_was_or_is_finished_by_whoever_comes_next(home: Home, one: Environment) -> None:
    before = content(one.prefix)
    ends = []
    for writes in kills(lambda: rename(home.context, RenameRequest(found(home)["one"], "two")), home.path):
        (environment,) = found(home).values()
        ends.append(environment.name)
        if environment.unfinished:
            assert environment.name == "two", writes
            assert resume.resume(home.context, environment, retargeted) is None, writes
        else:  # who uses it next clears away what there is
            set_variables(home.context, environment, {}, "envtool vars set")
        (settled,) = found(home).values()
        assert (settled.name, settled.unfinished) == (environment.name, False), writes
        (settled.prefix / "conda-meta/state").unlink(missing_ok=True)
        assert content(settled.prefix) == before, writes
        if settled.name == "two":
            rename(home.context, RenameRequest(settled, "one"))
            assert left(home) == [], writes
    assert ends.count("one") > 8
    assert ends.count("two") > 8
    assert content(found(home)["two"].prefix) == before
    assert left(home) == []


def test_a_removal_leaves_the_whole_environment_or_none(home: Home, one: Environment) -> None:
    before = content(one.prefix)
    clone(home.context, CloneRequest(one, "spare"))
    for writes in kills(lambda: remove.remove(home.context, remove.RemoveRequest(one)), home.path):
        if "one" in found(home):
            assert content(one.prefix) == before, writes
            assert not found(home)["one"].unfinished, writes
        else:
            assert not one.prefix.exists(), writes
            clone(home.context, CloneRequest(found(home)["spare"], "one"))
            assert left(home) == [], writes
    assert "one" not in found(home)
    assert left(home) == []


def test_a_clone_is_whole_or_makes_way_for_the_next(home: Home, one: Environment) -> None:
    before = content(one.prefix)
    for writes in kills(lambda: clone(home.context, CloneRequest(one, "two")), home.path):
        assert content(one.prefix) == before, writes
        two = found(home).get("two")
        if two and not two.unfinished:
            assert content(two.prefix) == before, writes
        if two:
            remove.remove(home.context, remove.RemoveRequest(two))
            assert "two" not in found(home), writes
    assert left(home) == []


def test_a_new_venv_is_whole_or_makes_way_for_the_next(home: Home) -> None:
    request = CreateRequest("two", Spec(), engine="venv", with_pip=False)
    ends = []
    for writes in kills(lambda: create(home.context, request), home.path):
        two = found(home).get("two")
        ends.append("absent" if two is None else "unfinished" if two.unfinished else "whole")
        assert two is None or two.unfinished or python_of(two.prefix), writes
        if two:
            remove.remove(home.context, remove.RemoveRequest(two))
        assert not (home.venvs / "two").exists(), writes
    assert {*ends} >= {"absent", "unfinished"}
    assert "two" in found(home)
    assert not (home.venvs / OWN).exists()


def test_a_change_is_done_or_taken_back(account: Home, demo: Environment) -> None:
    prefix, before, spare = demo.prefix, content(demo.prefix), account.path / "spare"
    shutil.copytree(prefix, spare, symlinks=True)
    request = UninstallRequest(demo, names=("alpha",))
    ends = []
    for writes in kills(lambda: uninstall(account.context, request), account.path):
        environment = found(account)["demo"]
        whole = any(prefix.rglob("alpha.py"))
        ends.append("marked" if environment.unfinished else "as before" if whole else "done")
        if environment.unfinished:
            assert can_go_back(prefix), writes
            rollback.rollback(account.context, environment)
        if ends[-1] != "done":
            assert content(prefix) == before, writes
        else:
            shutil.rmtree(prefix)
            shutil.copytree(spare, prefix, symlinks=True)
        set_variables(account.context, found(account)["demo"], {}, "envtool vars set")
        (prefix / "conda-meta/state").unlink()
        (prefix / "conda-meta").rmdir()
        assert not (account.venvs / OWN).exists(), writes
    assert {*ends} == {"as before", "marked", "done"}
    assert not any(prefix.rglob("alpha.py"))
