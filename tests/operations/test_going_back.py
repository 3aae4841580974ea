"""Going back after a kill: from the disk alone, byte for byte, wherever the environment lies."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from support.channel import packages
from support.home import Home
from support.layouts import write
from support.wheels import wheel

from envtool.prefix.marks import OWN

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="signals, file flags, mounts")]

# envtool that is killed when everything has been changed, before it says so.
KILLED = (
    "import os; from envtool.operations.steps import transaction; "
    "transaction.settle = lambda taken: os.kill(os.getpid(), 9); "
    "from envtool.cli.main import main; main()"
)


def content(prefix: Path) -> dict[str, str]:
    """Return mode, time and content of everything in an environment but envtool's own."""
    found = {}
    for path in prefix.rglob("*"):
        if OWN in path.parts:
            continue
        status, data = path.lstat(), b""
        if path.is_symlink():
            data = str(path.readlink()).encode()
        elif path.is_file():
            data = f"{status.st_mtime_ns}\0".encode() + path.read_bytes()
        found[str(path.relative_to(prefix))] = f"{status.st_mode:o} {hashlib.sha256(data).hexdigest()}"
    return found


def killed(home: Home, *command: str) -> None:
    """Have a command change everything and be killed then."""
    ran = replace(home, program=(sys.executable, "-c", KILLED)).envtool(*command)
    assert ran.code == -9, ran.err


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """A package index with two versions of one project."""
    folder = tmp_path / "index" / "simple" / "alpha"
    folder.mkdir(parents=True)
    for version in ("1.0", "2.0"):
        wheel(folder, "alpha", version, {"alpha.py": f"version = {version!r}\n", "alpha_data/x.txt": version})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path / "index"))
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.server_close()


def gone(home: Home, server: ThreadingHTTPServer, *folders: Path) -> None:
    """Take away whatever packages came from, and every cache."""
    server.shutdown()
    server.server_close()
    for folder in (*folders, home.path / ".cache"):
        shutil.rmtree(folder, ignore_errors=True)
    home.environ.update({"HTTP_PROXY": "http://127.0.0.1:9", "UV_CACHE_DIR": str(home.path / "no-cache")})


@pytest.mark.parametrize("way", ["rollback", "resume"])
@pytest.mark.parametrize("source", ["find-links", "index", "private index", "extra index"])
def test_a_killed_uninstall_of_a_pip_package(
    home: Home, index: ThreadingHTTPServer, tmp_path: Path, source: str, way: str
) -> None:
    address = f"127.0.0.1:{index.server_address[1]}/simple"
    options = {
        "find-links": ("--find-links", str(tmp_path / "index/simple/alpha")),
        "index": ("-i", f"http://{address}"),
        "private index": ("-i", f"http://user:geheim@{address}"),
        "extra index": ("--extra-index-url", f"http://{address}"),
    }[source]
    home.environ.update({"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1" if source == "find-links" else ""})
    made = home.envtool("create", "dl", "--engine", "venv", "--no-pip", "--pip", "alpha==1.0", *options)
    assert made.code == 0, made.err
    before = content(home.venvs / "dl")
    killed(home, "uninstall", "-n", "dl", "--yes", "alpha")
    assert content(home.venvs / "dl") != before
    gone(home, index, tmp_path / "index")
    ran = home.envtool(way, "dl")
    assert ran.code == 0, ran.err
    if way == "rollback":
        assert content(home.venvs / "dl") == before
    else:
        assert "alpha" not in home.installed("dl")
    assert home.envtool("run", "-n", "dl", "--", "true").code == 0
    assert not (home.venvs / OWN).exists()


def test_a_killed_change_of_both_halves_brings_back_everything(
    home: Home, index: ThreadingHTTPServer, tmp_path: Path
) -> None:
    channel = tmp_path / "channel"
    for version in ("1.0", "2.0"):
        text = {f"share/leaf/only-{version}": version, "share/leaf/where": "{prefix} " + version}
        packages.tiny(channel, "leaf", version, files=text)
    packages.index(channel)
    source = ("-c", channel.as_uri(), "--override-channels")
    made = home.envtool("create", "dl", "leaf=1.0", "--engine", "embedded", *source)
    assert made.code == 0, made.err
    prefix = home.conda_envs / "dl"
    assert home.envtool("vars", "set", "A=1", "-n", "dl").code == 0
    write(prefix / "conda-meta" / "pinned", "numpy <2  # ours\n")
    write(prefix / "share" / "mine.txt", "mine")
    for number, command in enumerate((("install", "leaf=2.0", *source), ("uninstall", "leaf", *source[:2]))):
        before = content(prefix)
        killed(home, command[0], "-n", "dl", "--yes", *command[1:])
        assert content(prefix) != before
        if number:
            gone(home, index, channel)
        ran = home.envtool("rollback", "dl")
        assert ran.code == 0, ran.err
        assert content(prefix) == before


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody, not even root, can write to once the test has closed it."""
    folder = tmp_path / "closed"
    folder.mkdir()
    if subprocess.run(["chattr", "+i", folder], check=False, capture_output=True).returncode:
        pytest.skip("no file flags here: needs root, and a file system that has them")
    subprocess.run(["chattr", "-i", folder], check=True)
    yield folder
    subprocess.run(["chattr", "-i", folder], check=True)


def test_an_environment_in_a_folder_that_cannot_be_written(
    home: Home, index: ThreadingHTTPServer, closed: Path, tmp_path: Path
) -> None:
    prefix = closed / "env"
    links = ("--find-links", str(tmp_path / "index/simple/alpha"))
    home.environ.update({"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1"})
    made = home.envtool("create", "-p", str(prefix), "--engine", "venv", "--no-pip", "--pip", "alpha==1.0", *links)
    assert made.code == 0, made.err
    subprocess.run(["chattr", "+i", closed], check=True)
    before = content(prefix)
    killed(home, "install", "-p", str(prefix), "--yes", "--pip", "alpha==2.0", *links)
    assert content(prefix) != before
    assert home.envtool("info", str(prefix), "--json").data["unfinished"] != []
    gone(home, index)
    assert home.envtool("rollback", str(prefix)).code == 0
    assert content(prefix) == before
    assert [path.name for path in (prefix / OWN).iterdir()] == ["environment.json"]
    assert [path.name for path in closed.iterdir()] == ["env"]
    ran = home.envtool("install", "-p", str(prefix), "--yes", "--pip", "alpha==2.0", *links)
    assert ran.code == 0, ran.err
    assert [path.name for path in (prefix / OWN).iterdir()] == ["environment.json"]
    refused = home.envtool("remove", str(prefix), "--yes")
    assert (refused.code, str(closed) in refused.err, "Traceback" in refused.err) == (1, True, False), refused.err
    assert prefix.exists()


ON_A_MOUNT = """
set -e
mv {prefix} {prefix}.aside; mkdir {prefix}; mount -t tmpfs none {prefix}; cp -a {prefix}.aside/. {prefix}/
{killed} install -p {prefix} --yes --pip alpha==2.0 {links} || echo killed $?
ls {prefix}/.envtool
{envtool} rollback {prefix}
ls {prefix}/.envtool
cat {prefix}/lib/python*/site-packages/alpha.py
"""


def test_an_environment_that_is_a_mount_point(home: Home, index: ThreadingHTTPServer, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("mounts are not allowed here")
    prefix = tmp_path / "mounted"
    links = ("--find-links", str(tmp_path / "index/simple/alpha"))
    home.environ.update({"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1"})
    made = home.envtool("create", "-p", str(prefix), "--engine", "venv", "--no-pip", "--pip", "alpha==1.0", *links)
    assert made.code == 0, made.err
    script = ON_A_MOUNT.format(
        prefix=prefix,
        links=" ".join(links),
        killed=f"{sys.executable} -c '{KILLED}'",
        envtool=f"{sys.executable} -m envtool",
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        env=home.environ,
        cwd=home.path,
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert words[:2] == ["killed", "137"]
    assert {"snapshot", "unfinished.json", "environment.json"} <= {*words}
    assert done.stdout.endswith("environment.json\nversion = '1.0'\n"), done.stdout
    assert not (tmp_path / OWN).exists()
