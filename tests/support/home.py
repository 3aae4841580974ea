"""A clean account, and envtool run in it."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from envtool.operations.context import Context
from envtool.paths import Host
from envtool.reporter import Silent

ENVTOOL = (sys.executable, "-m", "envtool")

# Variables that a clean account keeps: where programs are, and how pip reaches packages at all.
KEPT = (
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


@cache
def _with_envtool() -> str:
    """Return a folder with this envtool in it and nothing else: on PATH, commands in messages begin with its name."""
    folder = Path(tempfile.mkdtemp(prefix="envtool-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "envtool").symlink_to(Path(sys.executable).with_name("envtool"))
    return str(folder)


@dataclass(frozen=True)
class Ran:
    """A command that has ended: its exit code, its standard output and its standard error."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The ``data`` of the JSON envelope."""
        return json.loads(self.out)["data"]


@dataclass(frozen=True)
class Home:
    """A home directory, the variables of its account, and the envtool that is run in it."""

    path: Path
    environ: dict[str, str]
    program: tuple[str, ...] = ENVTOOL

    @classmethod
    def at(cls, path: Path, program: tuple[str, ...] = ENVTOOL) -> "Home":
        """Make an empty home directory at a path; no environment is active in it and nothing is configured."""
        path.mkdir()
        environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        environ["PATH"] = os.pathsep.join((_with_envtool(), environ.get("PATH", os.defpath)))
        environ |= {"HOME": str(path), "USERPROFILE": str(path), "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
        return cls(path, environ, program)

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
            [*self.program, *arguments],
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
        return subprocess.Popen(
            [*self.program, *arguments],
            env=dict(self.environ),
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def installed(self, name: str) -> dict[str, str]:
        """Return the packages of an environment and their versions, from ``envtool list``."""
        return {
            package["name"]: package["version"] for package in self.envtool("list", name, "--json").data["packages"]
        }

    @property
    def conda_envs(self) -> Path:
        """The folder of conda environments."""
        return self.path / ".conda" / "envs"

    @property
    def venvs(self) -> Path:
        """The folder of envtool's venvs."""
        return self.path / ".local" / "share" / "envtool" / "envs"

    @property
    def host(self) -> Host:
        """This home as the operations see it."""
        return self.host_with()

    def host_with(self, **variables: str) -> Host:
        """Return this home as the operations see it under these variables, too."""
        here = Host.here()
        return Host({**self.environ, **variables}, self.path, here.system, here.machine)

    @property
    def context(self) -> Context:
        """A new run in this home that reports nothing."""
        return Context(self.host, Silent())
