"""The progress bar while a program of conda's family downloads."""

import time
from pathlib import Path

import pytest
from support import condas
from support.channel.packages import index, tiny
from support.channel.server import Fault, serve
from support.home import Home
from support.reporter import Recorder

from envtool.engines.download_progress import show_downloads
from envtool.model import Package, Spec
from envtool.operations.context import Context
from envtool.operations.create import CreateRequest, create


@pytest.mark.slow
def test_only_what_is_in_no_cache_is_waited_for(tmp_path: Path) -> None:
    url = "https://host/channel/noarch"
    packages = [Package(name, "1", "conda", "0", url=f"{url}/{name}-1-0.conda", size=1000) for name in "abc"]
    (tmp_path / "a-1-0").mkdir()
    (tmp_path / "b-1-0.conda.partial").write_bytes(bytes(400))
    heard = Recorder()
    with show_downloads(packages, (tmp_path, tmp_path / "none"), heard):
        time.sleep(0.5)
        (tmp_path / "b-1-0.conda").write_bytes(bytes(1000))
        time.sleep(0.5)
    amounts = [(done, total) for done, total, _, unit in heard.shown if unit == "bytes"]
    assert (amounts[0], amounts[-1]) == ((400, 2000), (1000, 2000))
    heard.shown.clear()
    with show_downloads(packages[:1], (tmp_path,), heard):
        time.sleep(0.3)
    assert heard.shown == []


@pytest.mark.parametrize("program", condas.FAMILY)
def test_a_real_download_is_seen(home: Home, tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = tmp_path / "channel"
    channel.mkdir()
    noise = "".join(str(hash(number)) for number in range(300_000))
    tiny(channel, "big", "1.0", files={"share/big": noise})
    index(channel)
    condas.set_up(home.environ, program, home.path)
    for name in ("HOME", "CONDA_ENVS_DIRS", "CONDA_PKGS_DIRS"):
        monkeypatch.setenv(name, home.environ[name])
    heard = Recorder()
    with serve(channel) as server:
        size = next(channel.glob("*/big-1.0*")).stat().st_size
        server.put(Fault("big-1.0", "slow", rate=size // 2))
        spec = Spec(channels=(server.url, "nodefaults"), conda=("big",))
        create(Context(home.host, heard), CreateRequest("demo", spec, engine="conda"))
    amounts = [(done, total) for done, total, _, unit in heard.shown if unit == "bytes"]
    assert len(amounts) > 2
    assert {total for _, total in amounts} == {size}
    assert amounts == sorted(amounts)
