"""Real clients install from the mirror after a switch, and from the former one after an undo."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support import mirror_site
from support.channel import packages, server
from support.condas import CONDA, MAMBAS
from support.home import Home, Ran

pytestmark = pytest.mark.slow

DEMO = "envtool-mirror-demo"


@contextmanager
def two_indexes() -> Iterator[tuple[mirror_site.Site, mirror_site.Site]]:
    """Two sites with different versions of one project, so that what is installed shows which one answered."""
    with (
        mirror_site.serve(mirror_site.tree(projects={DEMO: "1.0"})) as one,
        mirror_site.serve(mirror_site.tree(projects={DEMO: "2.0"})) as two,
    ):
        yield one, two


@pytest.fixture
def clean(home: Home) -> Home:
    """This home without the machine's own pip settings in variables."""
    kept = {name: value for name, value in home.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return replace(home, environ={**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "no_proxy": "127.0.0.1"})


def ok(ran: Ran) -> Ran:
    assert ran.code == 0, ran.out + ran.err
    return ran


def run(home: Home, *argv: str, **variables: str) -> str:
    environ = {**home.environ, **variables}
    done = subprocess.run(argv, env=environ, cwd=home.path, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def add_and_set(home: Home, name: str, site: mirror_site.Site, target: str) -> None:
    ok(home.envtool("mirror", "add", name, "--pypi", f"{site.url}/pypi/simple", "--conda", f"{site.url}/anaconda"))
    ok(home.envtool("mirror", "set", name, "--target", target, "--allow-http"))


def pip_download(home: Home, *options: str) -> str:
    target = home.path / "got"
    shutil.rmtree(target, ignore_errors=True)
    command = (
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-cache-dir",
        "--retries",
        "0",
        "-d",
        str(target),
    )
    said = run(home, *command, *options, DEMO)
    return " ".join(path.name for path in target.glob("*")) or said


def uv_install(home: Home) -> str:
    from uv import find_uv_bin

    target = home.path / "got"
    shutil.rmtree(target, ignore_errors=True)
    command = (find_uv_bin(), "pip", "install", "--no-cache", "--python", sys.executable, "--target", str(target), DEMO)
    said = run(home, *command)
    return " ".join(path.name for path in target.glob("*.dist-info")) or said


@pytest.mark.parametrize(("client", "install"), [("pip", pip_download), ("uv", uv_install)])
def test_pip_and_uv_follow_the_switch_and_the_undo(clean: Home, client: str, install: Callable[[Home], str]) -> None:
    with two_indexes() as (one, two):
        add_and_set(clean, "one", one, client)
        assert "-1.0" in install(clean)
        add_and_set(clean, "two", two, client)
        assert "-2.0" in install(clean)
        ok(clean.envtool("mirror", "undo"))  # the switch
        assert "-1.0" in install(clean)
        assert not two.asked("2.0-py3-none-any.whl") or two.asked("/pypi/simple/")


def test_pip_tells_a_wrong_hash_and_a_cut_file_after_a_switch(clean: Home) -> None:
    """A switch writes nothing that would turn off the client's own checks."""
    with mirror_site.serve(mirror_site.tree(projects={DEMO: "1.0"}), spoils=".whl") as site:
        add_and_set(clean, "one", site, "pip")
        assert "DO NOT MATCH THE HASHES" in pip_download(clean)


def test_what_a_site_lacks_comes_from_where_it_redirects_to(clean: Home) -> None:
    """pip follows redirects, which USTC, for one, uses."""
    with two_indexes() as (one, two):
        one.redirects_to, one.redirects = two.url, "/pypi/packages"
        add_and_set(clean, "one", one, "pip")
        two.files[f"/pypi/packages/{mirror_site.wheel(DEMO, '1.0')[0]}"] = mirror_site.wheel(DEMO, "1.0")[1]
        assert "-1.0" in pip_download(clean)
        assert two.asked("1.0-py3-none-any.whl")


def test_a_refusing_site_installs_nothing_and_the_undo_brings_the_other_back(clean: Home) -> None:
    with two_indexes() as (one, two):
        add_and_set(clean, "one", one, "pip")
        two.refuses_agent = "pip/"
        add_and_set(clean, "two", two, "pip")
        assert "No matching distribution" in pip_download(clean)
        ok(clean.envtool("mirror", "undo"))
        assert "-1.0" in pip_download(clean)


def test_one_command_under_a_mirror_changes_no_file(clean: Home) -> None:
    with two_indexes() as (one, two):
        add_and_set(clean, "one", one, "pip")
        ok(clean.envtool("mirror", "add", "two", "--pypi", f"{two.url}/pypi/simple"))
        before = {path: path.read_bytes() for path in clean.path.rglob("*") if path.is_file()}
        target = clean.path / "got"
        command = ("pip", "download", "--no-deps", "--no-cache-dir", "-d", str(target), DEMO)
        ok(clean.envtool("mirror", "run", "two", "--", sys.executable, "-m", *command))
        assert "-2.0" in " ".join(path.name for path in target.glob("*"))
        shutil.rmtree(target)
        assert {path: path.read_bytes() for path in before} == before
        assert not (clean.path / ".condarc").exists()
        failed = clean.envtool("mirror", "run", "two", "--", sys.executable, "-c", "raise SystemExit(41)")
        assert failed.code == 41


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site's folder with a channel of one package, as the embedded engine and conda read it."""
    root = tmp_path_factory.mktemp("site")
    folder = root / "anaconda/cloud/conda-forge"
    folder.mkdir(parents=True)
    packages.tiny(folder, "leaf", "1.0")
    (folder / "noarch").mkdir(exist_ok=True)
    packages.index(folder)
    return root


def switch_channels(home: Home, name: str, site: server.Server) -> None:
    ok(home.envtool("mirror", "add", name, "--conda", f"{site.url}/anaconda"))
    ok(home.envtool("mirror", "set", name, "--target", "conda", "--allow-http"))


def test_the_embedded_engine_follows_the_switch_and_the_undo(clean: Home, forge: Path) -> None:
    with server.serve(forge) as one, server.serve(forge) as two:
        switch_channels(clean, "one", one)
        switch_channels(clean, "two", two)
        one.requests.clear()  # a switch asks a mirror of one's own what it has
        two.requests.clear()
        ok(clean.envtool("create", "a", "leaf", "--engine", "embedded", "--no-pip", "--yes"))
        assert two.requests
        assert not one.requests
        ok(clean.envtool("mirror", "undo"))
        shutil.rmtree(clean.path / ".cache", ignore_errors=True)
        shutil.rmtree(clean.path / ".conda/pkgs", ignore_errors=True)
        two.requests.clear()
        ok(clean.envtool("create", "b", "leaf", "--engine", "embedded", "--no-pip", "--yes"))
        assert one.requests
        assert not two.requests


@pytest.mark.conda
def test_a_real_conda_follows_the_switch_and_the_undo(clean: Home, forge: Path) -> None:
    if not CONDA:
        pytest.skip("no conda found: set ENVTOOL_TEST_CONDA to one")

    def search() -> str:
        return run(
            clean, CONDA, "search", "leaf", "--json", CONDA_SOLVER="classic", CONDA_PKGS_DIRS=str(clean.path / "p")
        )

    with server.serve(forge) as one, server.serve(forge) as two:
        switch_channels(clean, "one", one)
        switch_channels(clean, "two", two)
        assert f"{two.url}/anaconda/cloud/conda-forge" in search()
        ok(clean.envtool("mirror", "undo"))
        assert f"{one.url}/anaconda/cloud/conda-forge" in search()


def solved_by(home: Home, program: str) -> str:
    """Return what a mamba says it would install for ``leaf``."""
    options = ("--dry-run", "--json", "--prefix", str(home.path / "x"), "-c", "conda-forge")
    return run(home, program, "create", *options, "leaf", MAMBA_ROOT_PREFIX=str(home.path / "root"))


@pytest.mark.parametrize("program", MAMBAS)
@pytest.mark.parametrize("target", ["conda", "mamba"])
def test_a_real_mamba_follows_the_switch_and_the_undo(clean: Home, forge: Path, program: str, target: str) -> None:
    """The switch is in conda's files, or in mamba's own list, in which the site comes before upstream."""
    with server.serve(forge) as one, server.serve(forge) as two:
        for name, site in (("one", one), ("two", two)):
            ok(clean.envtool("mirror", "add", name, "--conda", f"{site.url}/anaconda"))
            ok(clean.envtool("mirror", "set", name, "--target", target, "--allow-http"))
        assert f"{two.url}/anaconda/cloud/conda-forge/linux-64/leaf-1.0-0" in solved_by(clean, program)
        ok(clean.envtool("mirror", "undo"))
        assert f"{one.url}/anaconda/cloud/conda-forge/linux-64/leaf-1.0-0" in solved_by(clean, program)
        shown = run(clean, program, "config", "list", MAMBA_ROOT_PREFIX=str(clean.path / "root"))
        assert (f"{one.url}/anaconda/cloud" in shown, two.url in shown) == (True, False)


@pytest.mark.parametrize("program", MAMBAS)
def test_a_real_mamba_goes_on_where_the_mirror_does_not(clean: Home, forge: Path, program: str) -> None:
    """An index that the first site in mamba's own list lacks is read from the next."""
    with server.serve(forge) as one, server.serve(forge) as two:
        ok(clean.envtool("mirror", "add", "one", "--conda", f"{one.url}/anaconda"))
        ok(clean.envtool("mirror", "set", "one", "--target", "mamba", "--allow-http"))
        mambarc = clean.path / ".mambarc"
        mambarc.write_text(mambarc.read_text().replace("https://conda.anaconda.org", f"{two.url}/anaconda/cloud"))
        one.put(server.Fault("/conda-forge/", "status", status=404))
        assert '"name": "leaf"' in solved_by(clean, program)
        assert two.requests
