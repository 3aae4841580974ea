"""create and install go on from another operator's copy of the same packages, say so once, and write nothing."""

import os
import shutil
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
CONDA = os.environ.get("ENVTOOL_TEST_CONDA") or shutil.which("conda") or ""


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


@pytest.mark.conda
@pytest.mark.skipif(not CONDA, reason="no conda: put one on PATH or name it in ENVTOOL_TEST_CONDA")
def test_conda_is_sent_elsewhere_too(home: Home, broken_first, channel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home.path))
    monkeypatch.setenv("CONDA_PKGS_DIRS", str(home.path / "pkgs"))
    monkeypatch.setenv("CONDA_REMOTE_MAX_RETRIES", "0")
    home.environ["CONDA_EXE"] = CONDA  # type: ignore[index]
    home.environ["CONDA_ENVS_DIRS"] = str(home.path / "envs")  # type: ignore[index]
    heard = Heard()
    create(home.host, CreateRequest(Spec(conda=("trunk",)), name="demo", engine="conda"), heard)
    assert [note for note in heard.notes if channel in note]
    assert {p.name for p in packages.read(find.resolve(home.host, "demo")).conda} == {"trunk"}


TERMS = """#!{python}
import json, os, sys
if os.environ.get("CONDA_PLUGINS_AUTO_ACCEPT_TOS") != "yes":
    print(json.dumps({{"exception_name": "CondaToSNonInteractiveError", "error": "Terms of Service"}}))
    sys.exit(1)
print(json.dumps({{"success": True, "actions": {{}}}}))
"""


def test_terms_of_service_are_accepted_by_the_user_alone(home: Home, tmp_path: Path) -> None:
    # A stand-in: the plugin that refuses is a part of Anaconda's own installations, of which none is here.
    program = tmp_path / "conda"
    program.write_text(TERMS.format(python=sys.executable))
    program.chmod(0o755)
    env = {"CONDA_EXE": str(program)}
    refused = home.envtool("create", "demo", "numpy", "--dry-run", env=env)
    assert (refused.code, "terms of service" in refused.err, "--accept-tos" in refused.err) == (1, True, True)
    assert home.envtool("create", "demo", "numpy", "--dry-run", "--accept-tos", env=env).code == 0


def test_a_private_channel_and_index_fail_as_they_fail(home: Home, broken_first, channel_server: Server) -> None:
    (home.path / ".condarc").write_text("channels: ['http://127.0.0.1:9/lab/conda-forge']\n")
    request = CreateRequest(Spec(conda=("trunk",)), name="demo", engine="embedded")
    with pytest.raises(EnvtoolError) as raised:
        create(home.host, request, Silent())
    assert raised.value.code == ExitCode.NETWORK
    assert channel_server.requests == []
