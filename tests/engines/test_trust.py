"""Trust in a channel: wrong sizes and hashes, packages on other hosts or on this machine, scripts that packages run."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.channel import packages, server
from support.home import Home

from envtool.clients.conda import CondaSettings
from envtool.engines import conda
from envtool.engines.protocol import EngineSetup
from envtool.errors import EnvtoolError, ExitCode

pytestmark = pytest.mark.slow

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[server.Server]:
    """A server with a channel of three packages, one of which runs scripts."""
    folder = tmp_path / "site" / "lab"
    packages.tiny(folder, "leaf", "1.0")
    packages.tiny(folder, "twig", "1.0")
    scripts = {
        "bin/.loud-post-link.sh": 'echo linked >> "$HOME/ran"\n',
        "bin/.loud-pre-unlink.sh": 'echo unlinked >> "$HOME/ran"\n',
    }
    packages.tiny(folder, "loud", "1.0", files=scripts)
    packages.index(folder)
    with server.serve(folder.parent) as running:
        yield running


def edit(site: server.Server, change: Edit) -> None:
    """Change the channel's index, and leave it in its plain form alone."""
    folder = site.root / "lab" / packages.SUBDIR
    for other in folder.glob("repodata*.zst"):
        other.unlink()
    path = folder / "repodata.json"
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))


def each(change: Edit) -> Edit:
    """Return the change of every record of an index."""

    def changed(index: dict[str, Any]) -> None:
        for record in [*index["packages"].values(), *index["packages.conda"].values()]:
            change(record)

    return changed


def without_hash(record: dict[str, Any]) -> None:
    record.pop("md5", None)
    record.pop("sha256", None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 5},
        {"size": 5, "md5": None, "sha256": None},
        {"sha256": "0" * 64},
        {"sha256": None, "md5": "0" * 32},
    ],
    ids=["size", "size without hash", "sha256", "md5"],
)
def test_a_download_that_is_not_what_the_index_says_is_refused(
    home: Home, site: server.Server, wrong: dict[str, Any]
) -> None:
    def change(record: dict[str, Any]) -> None:
        record.update(wrong)
        for name in [name for name, value in wrong.items() if value is None]:
            del record[name]

    edit(site, each(change))
    arguments = ("create", "dl", "leaf", "-c", f"{site.url}/lab", "--override-channels", "--engine", "embedded")
    for _ in range(2):  # the second time, too: nothing wrong stays in the cache
        made = home.envtool(*arguments)
        assert made.code == 5, made.err
        assert "leaf-1.0-0.conda" in made.err
    assert home.envtool("list", "--json").data["environments"] == []


def test_a_download_without_a_hash_is_said(home: Home, site: server.Server) -> None:
    edit(site, each(without_hash))
    arguments = ("-c", f"{site.url}/lab", "--override-channels")
    made = home.envtool("create", "dl", "leaf", *arguments, "--engine", "embedded")
    assert made.code == 0, made.err
    assert "No hash is given" in made.err
    assert "leaf-1.0-0.conda" in made.err
    changed = home.envtool("install", "-n", "dl", "twig", *arguments)
    assert changed.code == 0, changed.err
    assert "No hash is given for these downloads, so they cannot be verified: twig-1.0-0.conda" in changed.err


def test_a_server_may_not_name_local_files(home: Home, site: server.Server) -> None:
    folder = site.root / "lab" / packages.SUBDIR
    edit(site, lambda index: index.update(info={"subdir": packages.SUBDIR, "base_url": folder.as_uri()}))
    made = home.envtool("create", "dl", "leaf", "-c", f"{site.url}/lab", "--override-channels", "--engine", "embedded")
    assert made.code == 1, made.err
    assert "names a file of this machine" in made.err
    assert home.envtool("list", "--json").data["environments"] == []


def test_another_host_is_said(home: Home, site: server.Server) -> None:
    other = site.url.replace("127.0.0.1", "localhost")
    address = f"{other}/lab/{packages.SUBDIR}/"
    edit(site, lambda index: index.update(info={"subdir": packages.SUBDIR, "base_url": address}))
    made = home.envtool("create", "dl", "leaf", "-c", f"{site.url}/lab", "--override-channels", "--engine", "embedded")
    assert made.code == 0, made.err
    assert "on another host: localhost" in made.err


def test_scripts_are_named_before_they_run(home: Home, site: server.Server) -> None:
    source = ("-c", f"{site.url}/lab", "--override-channels")
    planned = home.envtool("create", "dl", "loud", "leaf", *source, "--engine", "embedded", "--dry-run")
    assert "unknown until the packages are fetched: 2" in planned.err
    assert not (home.path / "ran").exists()
    made = home.envtool("create", "dl", "loud", "leaf", *source, "--engine", "embedded")
    assert made.code == 0, made.err
    assert "loud (post-link)" in made.err
    assert (home.path / "ran").read_text() == "linked\n"
    for dry_run in ([], ["--dry-run"]):  # in the cache by now
        again = home.envtool("create", f"dl{len(dry_run)}", "loud", *source, "--engine", "embedded", *dry_run)
        assert "loud (post-link)" in again.err
        assert "unknown" not in again.err
    (home.path / "ran").unlink()
    removed = home.envtool("uninstall", "-n", "dl", "loud", "--yes")
    assert "loud (pre-unlink)" in removed.err
    assert (home.path / "ran").read_text() == "unlinked\n"


def test_scripts_can_be_left_out_everywhere(home: Home, site: server.Server) -> None:
    source = ("-c", f"{site.url}/lab", "--override-channels", "--no-link-scripts")
    ways = [
        ("create", "dl", "leaf", "loud", *source, "--engine", "embedded"),
        ("uninstall", "-n", "dl", "loud", "--yes", "--no-link-scripts"),
        ("install", "-n", "dl", "loud", *source),
    ]
    for way in ways:
        ran = home.envtool(*way)
        assert ran.code == 0, ran.err
        assert "Left out (--no-link-scripts)" in ran.err
    newer = {"share/loud/version": "2", "bin/.loud-post-link.sh": 'echo linked >> "$HOME/ran"\n'}
    packages.tiny(site.root / "lab", "loud", "2.0", files=newer)
    packages.index(site.root / "lab")
    updated = home.envtool("update", "-n", "dl", "loud", *source, "--yes")
    assert updated.code == 0, updated.err
    assert "+  loud  2.0" in updated.out
    clone = home.envtool("clone", "dl", "copy")  # a copy of the files, in which nothing is linked
    assert clone.code == 0, clone.err
    assert not (home.path / "ran").exists()


def test_conda_has_no_way_to_leave_scripts_out(home: Home) -> None:
    program = home.path / "bin" / "conda"
    program.parent.mkdir()
    program.touch(mode=0o755)
    setup = EngineSetup(home.host_with(PATH=str(program.parent)), "", None, CondaSettings, run_scripts=False)
    with pytest.raises(EnvtoolError, match="no option to leave them out") as caught:
        conda.ENGINE.open(setup)
    assert caught.value.code == ExitCode.USAGE
