"""Servers that fail: the old state stays, the error names the cause, and a replica takes over."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.channel.recipe import PYTHON
from support.channel.server import Fault, Server, serve
from support.home import Home
from support.reporter import Recorder

from envtool.clients.conda.settings import CondaSettings
from envtool.engines.embedded import Embedded
from envtool.engines.protocol import SolveRequest
from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Channel, Sources
from envtool.reporter import Silent

REPODATA = [
    ("404", Fault("/conda-forge/", "status", status=404), "404"),
    ("500", Fault("/conda-forge/", "status", status=500), "500"),
    ("401", Fault("/conda-forge/", "status", status=401), "401"),
    ("403", Fault("/conda-forge/", "status", status=403), "403"),
    ("captive portal", Fault("/conda-forge/", "html"), ""),
    ("cut", Fault("repodata", "cut"), ""),
    ("hanging", Fault("/conda-forge/", "hang"), "3 seconds"),
]
PACKAGES = [
    ("missing", Fault("/six-", "status", status=404)),
    ("cut", Fault("/six-", "cut")),
    ("corrupt", Fault("/six-", "corrupt")),
    ("hanging", Fault("/six-", "hang")),
]


@pytest.fixture
def impatient(home: Home) -> Home:
    """A home in which a silent server counts as hanging after three seconds."""
    home.environ["ENVTOOL_STALL"] = "3"
    return home


@pytest.mark.parametrize(("fault", "said"), [(f, s) for _, f, s in REPODATA], ids=[name for name, *_ in REPODATA])
def test_a_channel_that_cannot_be_read(
    impatient: Home, channel: str, channel_server: Server, fault: Fault, said: str
) -> None:
    channel_server.put(fault)
    ran = impatient.envtool("create", "demo", "trunk", "-c", channel, "--engine", "embedded")
    assert ran.code == ExitCode.NETWORK, ran.err
    assert channel in ran.err
    assert said in ran.err
    assert not (impatient.path / ".conda").exists() or not any((impatient.path / ".conda").rglob("demo*"))


@pytest.mark.parametrize("fault", [fault for _, fault in PACKAGES], ids=[name for name, _ in PACKAGES])
def test_a_package_that_cannot_be_had_leaves_a_new_environment_away_and_an_old_one_alone(
    impatient: Home, channel: str, channel_server: Server, fault: Fault
) -> None:
    made = impatient.envtool("create", "old", f"python={PYTHON}", "-c", channel, "--engine", "embedded")
    assert made.code == 0, made.err
    before = impatient.envtool("list", "old").out
    channel_server.put(fault)
    new = impatient.envtool("create", "new", "six", "-c", channel, "--engine", "embedded")
    changed = impatient.envtool("install", "-n", "old", "six", "idna", "-c", channel)
    assert (new.code, changed.code) == (ExitCode.NETWORK, ExitCode.NETWORK), new.err + changed.err
    assert "six" in new.err
    assert [path.name for path in (impatient.path / ".conda/envs").iterdir()] == ["old"]
    assert impatient.envtool("list", "old").out == before
    channel_server.mend()
    assert impatient.envtool("install", "-n", "old", "six", "idna", "-c", channel).code == 0


def test_a_broken_zst_falls_back_to_the_plain_file(home: Home, channel: str, channel_server: Server) -> None:
    channel_server.put(Fault("repodata_shards", "status", status=404))
    channel_server.put(Fault("repodata.json.zst", "cut"))
    ran = home.envtool("create", "demo", "trunk", "-c", channel, "--engine", "embedded")
    assert ran.code == 0, ran.err
    assert any(path.endswith("/repodata.json") for path in channel_server.requests)


@pytest.fixture
def replica(channel_folder: Path) -> Iterator[Server]:
    """Another site with the same channel."""
    with serve(channel_folder) as running:
        yield running


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/conda-forge/", "status", status=503),
        Fault("/conda-forge/", "html"),
        Fault("/six-", "status", status=404),
        Fault("/six-", "corrupt"),
    ],
    ids=["down", "captive portal", "lacks a package", "corrupt package"],
)
def test_a_replica_takes_over_and_the_records_keep_the_first_address(
    home: Home, channel: str, channel_server: Server, replica: Server, fault: Fault, tmp_path: Path
) -> None:
    channel_server.put(fault)
    second = channel.replace(channel_server.url, replica.url)
    sources = Sources((Channel("conda-forge", (channel, second)),))
    heard = Recorder()
    engine = Embedded(home.host, "test", CondaSettings())
    prefix, scratch = tmp_path / "env", tmp_path / "work"
    prefix.mkdir()
    scratch.mkdir()
    try:
        solution = engine.solve(SolveRequest((f"python={PYTHON}", "six")), None, sources, heard)
        engine.create(solution, prefix, scratch, heard)
    finally:
        engine.close()
    assert any(replica.url in note for note in heard.notes)
    record = next((prefix / "conda-meta").glob("six-*.json")).read_text()
    assert channel_server.url in record
    assert replica.url not in record
    assert "conda-forge/noarch::six" in (prefix / "conda-meta/history").read_text()


def test_a_private_channel_has_no_replica(home: Home, channel: str, channel_server: Server) -> None:
    channel_server.put(Fault("/conda-forge/", "status", status=503))
    engine = Embedded(home.host, "test", CondaSettings())
    try:
        with pytest.raises(EnvtoolError) as raised:
            engine.solve(SolveRequest(("six",)), None, Sources((Channel("mine", (channel,)),)), Silent())
    finally:
        engine.close()
    assert raised.value.code == ExitCode.NETWORK
    assert "mine" in raised.value.message


def test_logins_never_reach_a_record_or_the_history(home: Home, channel: str) -> None:
    secret = channel.replace("http://", "http://me:s3cr3t@")
    ran = home.envtool("create", "demo", "trunk", "-c", secret, "--engine", "embedded")
    assert ran.code == 0, ran.err
    everything = "".join(path.read_text() for path in (home.path / ".conda").rglob("conda-meta/*"))
    assert "trunk" in everything
    assert "s3cr3t" not in everything + ran.err + ran.out


def test_post_link_scripts_run_at_the_final_place(home: Home, channel: str) -> None:
    assert home.envtool("create", "demo", "scripted", "-c", channel, "--engine", "embedded").code == 0
    prefix = home.path / ".conda/envs/demo"
    assert (prefix / "said").read_text() == f"{prefix}\n"
    failed = home.envtool("create", "bad", "failing", "-c", channel, "--engine", "embedded")
    assert failed.code == 1
    assert "no luck" in failed.err
    assert not (prefix.parent / "bad").exists()


def test_what_conda_needs_is_written(home: Home, channel: str) -> None:
    assert home.envtool("create", "demo", f"python={PYTHON}", "six", "-c", channel, "--engine", "embedded").code == 0
    prefix = home.path / ".conda/envs/demo"
    assert (home.path / ".conda/environments.txt").read_text() == f"{prefix}\n"
    assert {path.stat().st_mode & 0o777 for path in (prefix / "conda-meta").glob("*.json")} == {0o644}
    assert f"'python={PYTHON}', 'six'" in (prefix / "conda-meta/history").read_text()
    assert not (prefix / "CACHEDIR.TAG").exists()
    assert "rattler" not in sys.modules  # it never runs in this process
