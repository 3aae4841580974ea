"""Channel fallback: create and install go on with another operator's mirror, say so once, and write no settings."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import condas, environments, mirror_site
from support.channel.packages import index, tiny
from support.channel.recipe import PYTHON
from support.channel.server import Fault, Server, serve
from support.home import Home
from support.reporter import Recorder

from envtool.environments import packages
from envtool.errors import EnvtoolError, ExitCode
from envtool.mirrors import catalogue
from envtool.model import Spec
from envtool.operations.context import Context
from envtool.operations.create import CreateRequest, create
from envtool.operations.install import InstallRequest, install
from envtool.reporter import Silent

DEMO = "envtool-mirror-demo"


def set_up(home: Home, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process find a program of conda's family, because these tests call operations directly."""
    condas.set_up(home.environ, program, home.path)
    for name in ("HOME", "CONDA_ENVS_DIRS", "CONDA_PKGS_DIRS", "MAMBA_ROOT_PREFIX"):
        if name in home.environ:
            monkeypatch.setenv(name, home.environ[name])


@pytest.fixture
def broken_first(home: Home, channel: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[mirror_site.Site]:
    """A home whose configured mirror is down for both halves, and a catalogue with another operator's mirror."""
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


def test_both_halves_come_from_another_mirror_and_settings_stay(
    home: Home, broken_first: mirror_site.Site, channel_server: Server
) -> None:
    before = {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()}
    heard = Recorder()
    spec = Spec(conda=(f"python={PYTHON}",), pip=(DEMO,))
    create(Context(home.host, heard), CreateRequest("demo", spec, engine="embedded"))
    environment = environments.resolve(home.host, "demo")
    contents = packages.read(environment)
    assert DEMO in {package.name for package in contents.pip}
    told = "\n".join(heard.notes)
    assert told.count(channel_server.url) == 1
    assert told.count(broken_first.url) == 1
    # the records keep the configured address: the next change is to ask it first again
    assert {package.channel for package in contents.conda} == {"http://127.0.0.1:9/anaconda/cloud/conda-forge"}
    install(Context(home.host, heard), InstallRequest(environment, Spec(conda=("idna",))))
    assert "idna" in {package.name for package in packages.read(environment).conda}
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("program", condas.FAMILY)
def test_conda_falls_back_to_another_mirror(
    home: Home, broken_first: mirror_site.Site, channel: str, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(home, program, monkeypatch)
    monkeypatch.setenv("CONDA_REMOTE_MAX_RETRIES", "0")
    heard = Recorder()
    create(Context(home.host, heard), CreateRequest("demo", Spec(conda=("trunk",)), engine="conda"))
    assert [note for note in heard.notes if channel in note]
    assert {p.name for p in packages.read(environments.resolve(home.host, "demo")).conda} == {"trunk"}


@pytest.fixture
def behind(
    home: Home, channel: str, channel_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A home whose configured mirror works but is behind its upstream: it has no ``leaf`` 2.0."""
    stale = tmp_path / "stale/anaconda/cloud/conda-forge"
    (stale / "linux-64").mkdir(parents=True)
    for archive in ("leaf-1.0-0.conda", "trunk-1.0-0.conda"):  # the very same, as on any mirror
        shutil.copy(channel_folder / "anaconda/cloud/conda-forge/linux-64" / archive, stale / "linux-64")
    index(stale)
    with serve(tmp_path / "stale") as mirror:
        shipped = home.path / "shipped.yaml"
        shipped.write_text(
            "schema: 1\ncompiled: 2026-11-23\n"
            f"upstream: {{conda: '{channel.removesuffix('/conda-forge')}', defaults: 'http://127.0.0.1:9/p',"
            " torch: 'http://127.0.0.1:9/t'}\n"
            "mirrors:\n"
            "  behind: {title: behind, group: a, state: active, evidence: [],"
            f" conda: {{base: '{mirror.url}/anaconda', channels: [conda-forge]}}}}\n"
        )
        monkeypatch.setattr(catalogue, "_shipped", lambda: shipped)
        (home.path / ".condarc").write_text(
            f"channels: [conda-forge]\ncustom_channels: {{conda-forge: '{mirror.url}/anaconda/cloud'}}\n"
        )
        yield mirror


@pytest.fixture(params=["embedded", *condas.FAMILY])
def engine(request: pytest.FixtureRequest, home: Home, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "embedded":
        return "embedded"
    set_up(home, request.param, monkeypatch)
    return "conda"


def test_what_a_mirror_does_not_have_yet_comes_from_upstream(
    home: Home, behind: Server, engine: str, channel_server: Server
) -> None:
    condarc = (home.path / ".condarc").read_bytes()
    heard = Recorder()
    create(Context(home.host, heard), CreateRequest("old", Spec(conda=("leaf",)), engine=engine))
    assert channel_server.requests == []  # it has *a* leaf: nobody else is asked
    create(Context(home.host, heard), CreateRequest("demo", Spec(conda=("leaf=2.0",)), engine=engine))
    versions = {p.name: p.version for p in packages.read(environments.resolve(home.host, "demo")).conda}
    assert versions == {"leaf": "2.0", "trunk": "1.0"}
    assert "\n".join(heard.notes).count(channel_server.url) == 1
    assert (home.path / ".condarc").read_bytes() == condarc
    # and what upstream's index says has not taken the place of the mirror's
    create(Context(home.host, heard), CreateRequest("again", Spec(conda=("leaf",)), engine=engine))
    assert "2.0" not in {p.version for p in packages.read(environments.resolve(home.host, "again")).conda}


def test_an_archive_that_a_mirror_cannot_hand_out_comes_from_upstream(
    home: Home, behind: Server, engine: str, channel_server: Server
) -> None:
    behind.put(Fault("/leaf-1.0", "status", status=404))
    behind.put(Fault("/trunk-1.0", "corrupt"))
    heard = Recorder()
    create(Context(home.host, heard), CreateRequest("demo", Spec(conda=("trunk",)), engine=engine))
    assert [note for note in heard.notes if channel_server.url in note]
    install(
        Context(home.host, heard), InstallRequest(environments.resolve(home.host, "demo"), Spec(conda=("leaf=1.0",)))
    )
    versions = {p.name: p.version for p in packages.read(environments.resolve(home.host, "demo")).conda}
    assert versions == {"leaf": "1.0", "trunk": "1.0"}


def test_a_package_that_upstream_lacks_too_is_refused(home: Home, behind: Server, engine: str) -> None:
    with pytest.raises(EnvtoolError, match="No set of packages") as raised:
        create(Context(home.host, Silent()), CreateRequest("demo", Spec(conda=("leaf=3.0",)), engine=engine))
    assert raised.value.code == ExitCode.FAILED
    assert not environments.find_all(home.host) or "demo" not in {e.name for e in environments.find_all(home.host)}


def test_what_upstream_lacks_is_not_looked_for_at_mirrors(
    home: Home, behind: Server, engine: str, channel: str
) -> None:
    (home.path / ".condarc").write_text(f"channels: ['{channel}']\n")
    with pytest.raises(EnvtoolError, match="No set of packages"):
        create(Context(home.host, Silent()), CreateRequest("demo", Spec(conda=("leaf=3.0",)), engine=engine))
    assert behind.requests == []


@pytest.fixture
def terms(home: Home, tmp_path: Path) -> Iterator[str]:
    """A channel with terms of service, and a conda whose plugin asks for them."""
    asked = [condas.CONDA, "tos", "--version"]
    if not condas.CONDA or subprocess.run(asked, capture_output=True, env={**home.environ}, check=False).returncode:
        pytest.skip("no conda with conda-anaconda-tos: put one on PATH or name it in ENVTOOL_TEST_CONDA")
    condas.set_up(home.environ, condas.CONDA, home.path)
    home.environ["CI"] = "false"  # elsewhere than in a CI the plugin asks
    folder = tmp_path / "terms"
    folder.mkdir()
    tiny(folder, "trunk", "1.0")
    index(folder)
    (folder / "terms.json").write_text('{"version": "2025-07-15T00:00:00Z", "text": "Be good.", "support": "us"}')
    with serve(folder) as running:
        yield running.url


def test_terms_of_service_are_explained_first_and_accepted_by_the_user_alone(home: Home, terms: str) -> None:
    asked = ("create", "demo", "trunk", "-c", terms, "--override-channels")
    refused = home.envtool(*asked)
    assert (refused.code, terms in refused.err, "--accept-tos" in refused.err) == (1, True, True)
    assert not (home.path / "envs/demo").exists()
    accepted = home.envtool(*asked, "--accept-tos")
    assert accepted.code == 0, accepted.err
    assert "trunk" in home.envtool("list", "demo").out


def test_a_private_channel_and_index_fail_as_they_fail(
    home: Home, broken_first: mirror_site.Site, channel_server: Server
) -> None:
    (home.path / ".condarc").write_text("channels: ['http://127.0.0.1:9/lab/conda-forge']\n")
    request = CreateRequest("demo", Spec(conda=("trunk",)), engine="embedded")
    with pytest.raises(EnvtoolError) as raised:
        create(Context(home.host, Silent()), request)
    assert raised.value.code == ExitCode.NETWORK
    assert channel_server.requests == []


@pytest.fixture
def unreachable(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home without conda, from which no public conda channel can be reached."""
    shipped = home.path / "shipped.yaml"
    shipped.write_text(
        "schema: 1\ncompiled: 2026-11-23\n"
        "upstream: {conda: 'http://127.0.0.1:9/up', defaults: 'http://127.0.0.1:9/p', torch: 'http://127.0.0.1:9/t'}\n"
        "mirrors:\n"
        "  down: {title: down, group: a, state: active, evidence: [],"
        " conda: {base: 'http://127.0.0.1:9/anaconda', channels: [conda-forge]}}\n"
    )
    monkeypatch.setattr(catalogue, "_shipped", lambda: shipped)
    home.environ["PATH"] = "/usr/bin:/bin"
    (home.path / ".condarc").write_text("channels: ['http://127.0.0.1:9/up/conda-forge']\n")
    return home


WANTED = Spec(conda=(f"python={PYTHON}", "six"))


def test_where_no_channel_answers_a_venv_has_the_same(unreachable: Home) -> None:
    heard = Recorder()
    create(Context(unreachable.host, heard), CreateRequest("demo", WANTED))
    assert [note for note in heard.notes if "Engine: venv, since no channel can be read" in note]
    environment = environments.resolve(unreachable.host, "demo")
    assert environment.kind == "venv"
    assert "six" in {package.name for package in packages.read(environment).pip}


@pytest.mark.parametrize("name", ["six", "ffmpeg"])
def test_no_venv_stands_in_for_a_private_channel_or_for_other_packages(unreachable: Home, name: str) -> None:
    if name == "six":
        (unreachable.path / ".condarc").write_text("channels: ['http://127.0.0.1:9/lab']\n")
    spec = Spec(conda=(f"python={PYTHON}", name))
    with pytest.raises(EnvtoolError) as raised:
        create(Context(unreachable.host, Silent()), CreateRequest("demo", spec))
    assert raised.value.code == ExitCode.NETWORK
    assert "demo" not in {environment.name for environment in environments.find_all(unreachable.host)}


def test_no_channel_at_all_is_a_mistake(home: Home) -> None:
    ran = home.envtool("create", "demo", "six", "--override-channels", "--engine", "embedded")
    assert (ran.code, "Name the channels to use with -c" in ran.err) == (2, True)
