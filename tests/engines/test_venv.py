"""The venv engine, whose environments have a pip half only."""

import os
import platform
import sys
import time
import zipfile
from pathlib import Path

import pytest
from support.channel.recipe import PYTHON
from support.channel.server import Fault, serve
from support.home import Home
from support.reporter import Recorder

from envtool.engines import installers
from envtool.model import PipSources

pytestmark = pytest.mark.slow


@pytest.fixture
def made(home: Home) -> str:
    ran = home.envtool("create", "demo", "--engine", "venv", "--python", PYTHON, "--pip", "colorama==0.4.5")
    assert ran.code == 0, ran.err
    return "demo"


def test_create_makes_a_working_python(home: Home, made: str) -> None:
    script = "import colorama, sys; print(sys.prefix, '%d.%d' % sys.version_info[:2])"
    ran = home.envtool("run", "-n", made, "--", "python", "-c", script)
    assert ran.out.split() == [str(home.venvs / made), PYTHON]
    assert home.envtool("run", "-n", made, "--", "pip", "--version").code == 0
    assert {"pip", "colorama"} == home.installed(made).keys()


def test_packages_come_and_go(home: Home, made: str) -> None:
    assert home.envtool("install", "-n", made, "--pip", "six", "--pip", "colorama==0.4.6").code == 0
    assert home.installed(made)["colorama"] == "0.4.6"
    assert home.envtool("uninstall", "-n", made, "six", "--yes").code == 0
    assert "six" not in home.installed(made)
    positional = home.envtool("install", "-n", made, "six", "colorama=0.4")
    assert positional.code == 0, positional.err
    assert "A venv has no conda packages: six, colorama==0.4.* from the pip index." in positional.err.splitlines()
    assert "six" in home.installed(made)
    refused = home.envtool("install", "-n", made, "conda-forge::numpy")
    assert (refused.code, "--pip" in refused.err) == (4, True)


def test_a_requirements_file_is_read_as_pip_reads_it(home: Home, made: str) -> None:
    (home.path / "requirements.txt").write_text("# ours\nsix==1.17.0 ; python_version >= '3'\nidna>=3,<4\n")
    assert home.envtool("install", "-n", made, "-r", "requirements.txt").code == 0
    assert home.installed(made)["six"] == "1.17.0"


def test_export_rebuilds_it(home: Home, made: str) -> None:
    text = home.envtool("export", made).out
    again = home.envtool("create", "demo2", "--engine", "venv", "-f", "-", stdin=text)
    assert again.code == 0, again.err
    assert home.installed("demo2") == home.installed(made)


def test_a_failure_changes_nothing(home: Home, made: str) -> None:
    before = home.installed(made)
    ran = home.envtool("install", "-n", made, "--pip", "colorama==99")
    assert (ran.code, "colorama" in ran.err) == (1, True)
    assert home.installed(made) == before
    assert home.envtool("create", "new", "--engine", "venv", "--pip", "colorama==99").code == 1
    assert [path.name for path in home.venvs.iterdir()] == [made]


def test_a_python_that_is_not_there_is_named(home: Home) -> None:
    ran = home.envtool("create", "demo", "--engine", "venv", "--python", "3.99")
    assert (ran.code, "3.99" in ran.err) == (3, True)
    assert platform.python_version() in ran.err.partition("Installed: ")[2]
    assert not home.venvs.exists()


def test_two_python_versions_are_refused(home: Home) -> None:
    ran = home.envtool("create", "demo", "--engine", "venv", f"python={PYTHON}", "--python", "3.99")
    assert (ran.code, "More than one Python" in ran.err) == (4, True)
    assert home.envtool("create", "demo", "--engine", "venv", "python", "--python", PYTHON).code == 0


@pytest.mark.parametrize(
    "spec", [f"Python={PYTHON}", f"conda-forge::python={PYTHON}", f"python[version='{PYTHON}.*']", f"python {PYTHON}.*"]
)
def test_python_may_be_asked_for_in_every_form_of_a_match_spec(home: Home, spec: str) -> None:
    ran = home.envtool("create", "demo", "--engine", "venv", spec, "conda-forge::pip", "--json", "--dry-run")
    assert ran.code == 0, ran.err
    assert [(package["name"], package["version"][: len(PYTHON)]) for package in ran.data["conda"]] == [
        ("python", PYTHON)
    ]


@pytest.mark.parametrize("spec", ["python_abi=3.11=0_cp311", "pip>=23", "conda-forge::numpy"])
def test_what_pip_cannot_have_is_refused_and_named(home: Home, spec: str) -> None:
    ran = home.envtool("create", "demo", "--engine", "venv", spec, "--dry-run")
    assert (ran.code, spec in ran.err) == (4, True)


def test_remove(home: Home, made: str) -> None:
    assert home.envtool("remove", made, "--yes").code == 0
    assert list(home.venvs.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_leaves_nothing(home: Home) -> None:
    with home.start("create", "demo", "--engine", "venv", "--pip", "numpy", "--pip", "pandas") as child:
        deadline = time.monotonic() + 60
        while not (home.venvs / "demo/pyvenv.cfg").exists() and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        child.send_signal(2)
        child.communicate(timeout=60)
    assert child.returncode == 130
    assert list(home.venvs.iterdir()) == []


def test_a_download_is_shown_in_bytes(home: Home, made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "index/big"
    folder.mkdir(parents=True)
    wheel = folder / "big-1.0-py3-none-any.whl"
    files = {"METADATA": "Metadata-Version: 2.1\nName: big\nVersion: 1.0\n", "RECORD": ""}
    files["WHEEL"] = "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("big.bin", os.urandom(4_000_000))
        for name, text in files.items():
            archive.writestr(f"big-1.0.dist-info/{name}", text)
    (folder / "index.html").write_text(f"<a href='{wheel.name}'>{wheel.name}</a>")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    heard = Recorder()
    with serve(tmp_path / "index") as server:
        server.put(Fault(wheel.name, "slow", rate=3_000_000))
        half, sources = installers.PipHalf(("big",)), PipSources(index=server.url)
        installers.install(half, home.venvs / made / "bin/python", sources, heard)
    assert "big" in home.installed(made)
    received = [done for done, total, label, unit in heard.shown if unit == "bytes" and total and label == "big"]
    assert len(received) > 3
    assert received == sorted(received)
    assert all(total is None or 3.9e6 < total < 4.3e6 for _, total, _, _ in heard.shown)


@pytest.mark.parametrize("setting", [("PIP_ONLY_BINARY", ":all:"), ("PIP_USER", "1"), ("PIP_TARGET", "elsewhere")])
def test_settings_that_uv_does_not_know(home: Home, setting: tuple[str, str]) -> None:
    env = {setting[0]: setting[1]}
    ran = home.envtool("create", "demo", "--engine", "venv", "--pip", "colorama==0.4.6", env=env)
    assert ran.code == 0, ran.err
    assert {"pip", "colorama"} == home.installed("demo").keys()
    assert not (home.path / "elsewhere").exists()
    assert home.envtool("install", "-n", "demo", "--pip", "six", env=env).code == 0
    assert "six" in home.installed("demo")
