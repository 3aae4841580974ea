"""Every test runs in a home of its own; none reads or writes the developer's configuration."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envtool.paths import Host

# What is started in the background may have Ctrl-C ignored, and all that is started here would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

CORPUS = os.environ.get("ENVTOOL_TEST_CORPUS", "")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if config.getoption("--long"):
            item.add_marker(pytest.mark.timeout(4 * 3600))
        elif item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: run with --long"))
        if item.get_closest_marker("corpus") and not CORPUS:
            item.add_marker(pytest.mark.skip(reason="set ENVTOOL_TEST_CORPUS to a folder of real configuration files"))


@dataclass(frozen=True)
class Ran:
    """How an envtool command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What the JSON envelope holds."""
        return json.loads(self.out)["data"]


@dataclass(frozen=True)
class Home:
    """A home of its own, and the command run in it as a user would run it."""

    path: Path
    environ: Mapping[str, str]

    def envtool(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        cwd: Path | None = None,
        timeout: float = 300,
    ) -> Ran:
        """Run ``envtool ARGUMENTS`` in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "envtool", *arguments],
            check=False,
            env={**self.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            cwd=cwd or self.path,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start ``envtool ARGUMENTS`` and return the running process, to be interrupted."""
        command = [sys.executable, "-m", "envtool", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=dict(self.environ), cwd=self.path, text=True, **pipes)

    @property
    def host(self) -> Host:
        """This home as the operations see it."""
        here = Host.here()
        return Host(dict(self.environ), self.path, here.system, here.machine)


# What a clean account on this machine still has: where programs are, and how pip reaches its packages at all.
_KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SYSTEMROOT",
    "PIP_CERT",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_DEFAULT_TIMEOUT",
    "CONDA_SOLVER",
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A clean account: HOME is empty, no environment is active, nothing is configured."""
    folder = tmp_path / "home"
    folder.mkdir()
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environ |= {"HOME": str(folder), "USERPROFILE": str(folder), "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    return Home(folder, environ)


@pytest.fixture(scope="session")
def torch_python() -> Path:
    """An interpreter with torch, outside this one."""
    path = os.environ.get("ENVTOOL_TEST_TORCH_PYTHON", "")
    if not path:
        pytest.skip(
            "set ENVTOOL_TEST_TORCH_PYTHON to a Python that has torch, numpy, pandas, OpenCV and matplotlib "
            "(envtool bootstrap dl makes one)"
        )
    return Path(path)
