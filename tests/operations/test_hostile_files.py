"""Files in an environment that somebody else wrote: what envtool reads back never leads it to other people's files."""

import json
from pathlib import Path

import pytest
from support import environments
from support.home import Home
from support.layouts import conda_env, dist, venv, write

from envtool.cli.retargeting import retargeted
from envtool.engines.cloning.rename import pending, recover
from envtool.errors import EnvtoolError
from envtool.operations.clone import CloneRequest, clone
from envtool.operations.remove import RemoveRequest, remove
from envtool.operations.resume import resume
from envtool.operations.rollback import rollback
from envtool.operations.steps.guards import can_go_back
from envtool.prefix import snapshot
from envtool.prefix.marks import JOURNAL, identity, is_unfinished, mark_unfinished, renaming_of, snapshot_of
from envtool.prefix.snapshot import Footprint

pytestmark = pytest.mark.slow

SITE = "lib/python3.11/site-packages"
SECRET = "s3cret-of-the-user"


@pytest.fixture
def victim(home: Home) -> Path:
    """A file of the user's that nothing may change or show."""
    return write(home.path / "notes" / "mine", f"{SECRET}\n")


@pytest.fixture
def dl(home: Home) -> Path:
    return conda_env(home.conda_envs / "dl", {"name": "zlib", "files": ["lib/libz.so"]})


def every_file(home: Home) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file() and not path.is_symlink()}


PATHS = ["../../../notes/mine", "{victim}", "out/mine", "lib/../../../../notes/mine", "", ".."]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("part", ["files", "links"])
@pytest.mark.parametrize("old", [True, False], ids=["of 0.1", "beside"])
def test_a_journal_that_leads_out_is_refused(
    home: Home, dl: Path, victim: Path, path: str, part: str, old: bool
) -> None:
    (dl / "out").symlink_to(victim.parent)
    folder = dl / ".envtool" / "renaming" if old else renaming_of(dl)
    write(folder / "0", "evil")
    named = path.format(victim=victim)
    journal = {"old": "/elsewhere", "root": identity(dl), "files": {}, "links": {}}
    journal[part] = {named: "0" if part == "files" else "/evil"}
    write(folder / JOURNAL, json.dumps(journal))
    before = every_file(home)
    assert pending(dl)
    with pytest.raises(EnvtoolError, match="is damaged"):
        recover(dl)
    assert every_file(home) == before


@pytest.mark.parametrize("name", ["../../../../notes/mine", "/etc/passwd", "", "0/../0", "x"])
def test_a_journal_takes_its_pieces_from_its_own_folder(home: Home, dl: Path, victim: Path, name: str) -> None:
    journal = {"old": "/elsewhere", "root": identity(dl), "files": {"lib/libz.so": name}, "links": {}}
    write(renaming_of(dl) / JOURNAL, json.dumps(journal))
    with pytest.raises(EnvtoolError, match="is damaged"):
        recover(dl)
    assert victim.exists()


def test_what_a_package_brought_as_a_journal_moves_nothing(home: Home, victim: Path) -> None:
    """Not even where conda itself linked it."""
    files = [
        ".envtool/renaming/journal.json",
        ".envtool/renaming/0",
        ".envtool/before.json",
        ".envtool/unfinished.json",
    ]
    prefix = conda_env(home.conda_envs / "dl", {"name": "evil", "files": files})
    write(prefix / ".envtool/renaming/journal.json", json.dumps({"old": "/x", "files": {"lib/a": "0"}, "links": {}}))
    write(prefix / ".envtool/before.json", '{"conda": {"packages": {}}, "pip": {}, "versions": {}}')
    write(prefix / ".envtool/unfinished.json", '{"command": "envtool remove vic --yes"}')
    conda_env(home.conda_envs / "vic")
    before = every_file(home)
    for command in (("list",), ("info", "dl"), ("run", "-n", "dl", "--", "true"), ("vars", "dl")):
        assert home.envtool(*command).code == 0, command
    for command in (("resume", "dl"), ("rollback", "dl")):
        assert home.envtool(*command).code == 2, command
    assert every_file(home) == before
    assert (pending(prefix), is_unfinished(prefix), can_go_back(prefix)) == (False, False, False)


def test_a_mark_cannot_carry_the_removal_of_another_environment(home: Home, dl: Path) -> None:
    conda_env(home.conda_envs / "vic")
    mark_unfinished(dl, "envtool remove vic --yes")
    ran = home.envtool("resume", "dl")
    assert (ran.code, "names no command that creates or changes it" in ran.err) == (1, True)
    assert (home.conda_envs / "vic").exists()
    with pytest.raises(EnvtoolError):
        resume(home.context, environments.resolve(home.host, "dl"), retargeted)


def test_a_snapshot_is_put_back_into_folders_and_not_through_links(home: Home, dl: Path, victim: Path) -> None:
    write(dl / "lib" / "mine", "ours")
    snapshot.take(dl, snapshot_of(dl), Footprint(frozenset({"lib/mine", "lib/libz.so"})))
    mark_unfinished(dl, "envtool install -n dl x")
    for path in (dl / "lib").iterdir():
        path.unlink()
    (dl / "lib").rmdir()
    (dl / "lib").symlink_to(victim.parent)
    rollback(home.context, environments.resolve(home.host, "dl"))
    assert (dl / "lib" / "mine").read_text() == "ours"
    assert not (dl / "lib").is_symlink()
    assert victim.read_text() == f"{SECRET}\n"


@pytest.mark.parametrize("part", ["conda-meta", "lib"])
def test_a_folder_that_is_a_link_to_another_environment_is_not_changed(
    home: Home, dl: Path, part: str, tmp_path: Path
) -> None:
    other = conda_env(home.conda_envs / "vic", {"name": "zlib", "files": ["lib/libz.so"]})
    (dl / part).rename(tmp_path / "aside")
    (dl / part).symlink_to(other / part)
    before = every_file(home)
    home.environ["CONDA_CHANNELS"] = ""
    ran = home.envtool("uninstall", "-n", "dl", "--yes", "zlib", "-c", tmp_path.as_uri())
    assert ran.code != 0
    after = every_file(home)
    assert {path: data for path, data in after.items() if path in before and ".cache" not in path.parts} == before


LINKED = [
    *("conda-meta/history", "conda-meta/state", "conda-meta/pinned", "conda-meta/frozen", "conda-meta/six-1.0-0.json"),
    *(
        "etc/conda/env_vars.d/x.json",
        ".envtool/bootstrap.json",
        ".envtool/environment.json",
        ".envtool/unfinished.json",
    ),
    *(f"{SITE}/six-1.0.dist-info/METADATA", f"{SITE}/six-1.0.dist-info/direct_url.json", "pyvenv.cfg"),
]
TEXTS = [
    f"{SECRET}\n",
    json.dumps({"message": SECRET, "env_vars": {"A": SECRET}, "A": SECRET, "requirement": SECRET, "command": SECRET}),
    f"==> 2025-01-01 00:00:00 <==\n# cmd: {SECRET}\n",
]


@pytest.mark.parametrize("text", TEXTS, ids=["text", "JSON", "history"])
def test_nothing_is_read_into_output_through_links(home: Home, victim: Path, text: str) -> None:
    victim.write_text(text)
    for number, path in enumerate(LINKED):
        prefix = conda_env(home.conda_envs / f"e{number}", {"name": "zlib"})
        dist(prefix / SITE, "six", "1.0")
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).unlink(missing_ok=True)
        (prefix / path).symlink_to(victim)
    for command in (("list", "--json"), ("list", "--size", "--json")):
        assert SECRET not in _said(home, *command), command
    for number in range(len(LINKED)):
        for command in (("info", f"e{number}", "--json"), ("export", f"e{number}", "--all")):
            assert SECRET not in _said(home, *command), (LINKED[number], command)


def _said(home: Home, *command: str) -> str:
    ran = home.envtool(*command)
    return ran.out + ran.err


@pytest.mark.parametrize("installer", ["uv", "pip"])
@pytest.mark.parametrize("path", ["{up}/notes/mine", "{victim}", "../../../out/mine"])
def test_a_pip_record_that_names_other_files_deletes_none(account: Home, path: str, installer: str) -> None:
    victim = write(account.path / "notes" / "mine", SECRET)
    assert account.envtool("create", "dl", "--engine", "venv", "--pip", "alpha==1.0").code == 0
    prefix = account.venvs / "dl"
    (prefix / "out").symlink_to(victim.parent)
    (record,) = prefix.rglob("alpha-1.0.dist-info/RECORD")
    up = "/".join([".."] * len(record.relative_to(account.path).parts[:-2]))
    record.write_text(record.read_text() + f"{path.format(victim=victim, up=up)},,\n")
    if installer == "pip":  # which would delete the file; an option that uv does not have sends the package there
        account.environ["PIP_PREFER_BINARY"] = "1"
    for command in (("install", "--pip", "alpha==2.0"), ("uninstall", "alpha")):
        ran = account.envtool(command[0], "-n", "dl", "--yes", *command[1:])
        assert (ran.code, "Nothing was changed" in ran.err) == (1, True), ran.err
        assert victim.read_text() == SECRET


def test_links_out_are_neither_followed_by_clone_nor_by_remove(home: Home, dl: Path, victim: Path) -> None:
    (dl / "out").symlink_to(victim.parent)
    clone(home.context, CloneRequest(environments.resolve(home.host, "dl"), "copy"))
    assert (home.conda_envs / "copy" / "out").is_symlink()
    for name in ("copy", "dl"):
        remove(home.context, RemoveRequest(environments.resolve(home.host, name)))
    assert victim.read_text() == f"{SECRET}\n"


def test_a_venv_whose_settings_name_another_place_is_only_read(home: Home, victim: Path) -> None:
    prefix = venv(home.venvs / "light")
    write(prefix / "pyvenv.cfg", f"home = {victim.parent}\nversion = 3.11.7\nexecutable = {victim}\n")
    assert home.envtool("info", "light").code == 0
    remove(home.context, RemoveRequest(environments.resolve(home.host, "light")))
    assert victim.exists()
