"""create and install go on from another operator's copy of the same packages, say so once, and write nothing."""

import sys
from pathlib import Path

import pytest
from channel.server import Server
from conftest import Home

sys.path.insert(0, str(Path(__file__).parents[1] / "mirrors"))
import mirror_site

from envtool.environments import find, packages
from envtool.errors import EnvtoolError, ExitCode
from envtool.mirrors import catalogue
from envtool.model import Spec
from envtool.operations.change import InstallRequest, install
from envtool.operations.create import CreateRequest, create
from envtool.reporter import Silent

from .conftest import PYTHON

DEMO = "envtool-mirror-demo"


class Heard(Silent):
    """A reporter that remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def broken_first(home: Home, channel: str, monkeypatch: pytest.MonkeyPatch):
    """A home whose configured mirror is down for both halves, and a catalogue that knows a second operator's."""
    with mirror_site.serve(mirror_site.tree(projects={DEMO: "1.0"})) as other:
        shipped = home.path / "shipped.yaml"
        shipped.write_text(
            "schema: 1\ncompiled: 2026-11-23\n"
            "upstream: {conda: 'http://127.0.0.1:9/up', defaults: 'http://127.0.0.1:9/p', torch: 'http://127.0.0.1:9/t'}\n"
            "mirrors:\n"
            "  down: {title: down, group: a, state: active, evidence: [], pypi: {index: 'http://127.0.0.1:9/simple'},"
            " conda: {base: 'http://127.0.0.1:9/anaconda', channels: [conda-forge]}}\n"
            f"  good: {{title: good, group: b, state: active, evidence: [], pypi: {{index: '{other.url}/pypi/simple'}},"
            f" conda: {{base: '{channel.removesuffix('/cloud/conda-forge')}', channels: [conda-forge]}}}}\n"
        )
        monkeypatch.setattr(catalogue, "_shipped", lambda: shipped)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        monkeypatch.setenv("UV_CACHE_DIR", str(home.path / "uv"))
        # the default index is somebody's real one: here nobody answers for it
        monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/default")
        (home.path / ".condarc").write_text(
            "channels: [conda-forge]\ncustom_channels: {conda-forge: 'http://127.0.0.1:9/anaconda/cloud'}\n"
        )
        (home.path / ".config/pip").mkdir(parents=True)
        (home.path / ".config/pip/pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9/simple\n")
        yield other


def test_both_halves_come_from_elsewhere_and_settings_stay(home: Home, broken_first, channel_server: Server) -> None:
    before = {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()}
    heard = Heard()
    spec = Spec(conda=(f"python={PYTHON}",), pip=(DEMO,))
    create(home.host, CreateRequest(spec, name="demo", engine="embedded"), heard)
    environment = find.resolve(home.host, "demo")
    contents = packages.read(environment)
    assert DEMO in {package.name for package in contents.pip}
    told = "\n".join(heard.notes)
    assert told.count(channel_server.url) == 1
    assert told.count(broken_first.url) == 1
    # the records keep the configured address: the next change is to ask it first again
    assert {package.channel for package in contents.conda} == {"http://127.0.0.1:9/anaconda/cloud/conda-forge"}
    install(home.host, InstallRequest(environment, Spec(conda=("idna",))), heard)
    assert "idna" in {package.name for package in packages.read(environment).conda}
    assert {path: path.read_bytes() for path in before} == before


def test_a_private_channel_and_index_fail_as_they_fail(home: Home, broken_first, channel_server: Server) -> None:
    (home.path / ".condarc").write_text("channels: ['http://127.0.0.1:9/lab/conda-forge']\n")
    request = CreateRequest(Spec(conda=("trunk",)), name="demo", engine="embedded")
    with pytest.raises(EnvtoolError) as raised:
        create(home.host, request, Silent())
    assert raised.value.code == ExitCode.NETWORK
    assert channel_server.requests == []
