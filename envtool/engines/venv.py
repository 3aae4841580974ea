"""The venv engine: virtual environments, created by uv from a Python that is installed on this machine."""

import platform
import re
import sys
from contextlib import suppress
from pathlib import Path

from envtool.documents import parse_json
from envtool.engines.protocol import EngineType, LinkScripts, Solution, SolveRequest
from envtool.engines.uv import uv_program
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Package, Sources
from envtool.prefix.marks import OWN, mark_unfinished
from envtool.prefix.snapshot import Footprint
from envtool.process import Command, capture
from envtool.reporter import Reporter
from envtool.specs import match_spec


class Venv:
    """The venv engine. A venv has no conda half: the only conda specs it accepts are ``python`` and ``pip``."""

    def __init__(self, command: str) -> None:
        self._command = command

    def prepare(self) -> None:
        """Do nothing: no process is kept running."""

    def solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:  # noqa: ARG002
        pythons = [spec for spec in request.specs if match_spec.name(spec) == "python"]
        # Every venv gets pip. Files written for conda list it next to python.
        others = [spec for spec in request.specs if spec not in pythons and match_spec.split(spec)[1:] != ("pip", "")]
        if others or request.archives or (prefix and (request.specs or request.remove)):
            names = ", ".join(
                others or request.specs or request.remove or [archive.url for archive in request.archives]
            )
            raise EnvtoolError(
                tr("A venv has pip packages only, but {packages} was requested as a conda package.", packages=names),
                hint=tr("Request it with --pip, or create the environment with --engine embedded or conda."),
                code=ExitCode.BAD_INPUT,
            )
        if prefix:
            return Solution(request)
        if len({match_spec.split(spec).version.replace(" ", "") for spec in pythons} - {""}) > 1:
            raise EnvtoolError(
                tr("More than one Python version is requested: {pythons}.", pythons=", ".join(pythons)),
                hint=tr("Request one of them."),
                code=ExitCode.BAD_INPUT,
            )
        python, version = find_python(
            max(pythons, key=lambda spec: len(match_spec.split(spec).version), default="python")
        )
        package = Package("python", version, "conda", channel=str(python), requested=bool(pythons))
        return Solution(request, link=(package,), python=version, private=python)

    def create(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:  # noqa: ARG002
        mark_unfinished(prefix, self._command)
        (prefix / OWN).mkdir(exist_ok=True)  # tells what is begun here from what somebody else puts here
        command = (
            uv_program(),
            "venv",
            "--no-project",
            "--no-config",
            "--allow-existing",
            "--python",
            str(solution.private),
            str(prefix),
        )
        done = capture(Command(command, env={"VIRTUAL_ENV": None}), timeout=300)
        if done.returncode:
            raise EnvtoolError(tr("The venv could not be created: {reason}", reason=done.stderr.strip()))

    def change(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Do nothing: a venv has no conda half."""

    def fetch(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Do nothing: a venv has no conda half."""

    def footprint(self, solution: Solution, prefix: Path) -> Footprint:  # noqa: ARG002
        """Return an empty footprint: a venv has no conda half."""
        return Footprint()

    @property
    def runs_scripts(self) -> bool:
        """Packages from the pip index have no link scripts."""
        return True

    def link_scripts(self, solution: Solution, prefix: Path | None) -> LinkScripts:  # noqa: ARG002
        """Return no scripts: a venv has no conda half."""
        return LinkScripts()

    def unregister(self, prefix: Path, reporter: Reporter) -> None:
        """Do nothing: a venv is not registered."""

    def close(self) -> None:
        """Do nothing: no process is kept running."""


def find_python(spec: str) -> tuple[Path, str]:
    """Return an installed Python for a spec such as ``python``, ``python=3.11`` or ``python>=3.10,<3.13``.

    Returns its path and full version ("3.11.7"). The Python that envtool runs on is preferred. Raises EnvtoolError
    (MISSING) if no Python matches.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    wanted = match_spec.split(spec).version.replace(" ", "")
    if not wanted:
        return _full_python(Path(sys.executable))
    if wanted[0] not in "<>!~" and not wanted.startswith("=="):
        wanted = f"=={wanted.lstrip('=')}" + ("" if wanted.count(".") >= 2 or wanted.endswith("*") else ".*")
    with suppress(InvalidSpecifier):
        if SpecifierSet(wanted).contains(platform.python_version(), prereleases=True):
            return _full_python(Path(sys.executable))
    command = Command(
        (uv_program(), "python", "find", "--no-project", "--no-config", "--no-python-downloads", wanted),
        env={"VIRTUAL_ENV": None, "CONDA_PREFIX": None},
    )
    done = capture(command, timeout=60)
    if done.returncode:
        raise EnvtoolError(
            tr("No Python {version} is installed on this machine, and a venv needs one.", version=wanted),
            hint=tr(
                "Installed: {versions}. Request one of these, or use --engine embedded, which installs its own.",
                versions=", ".join(_installed_pythons()),
            ),
            code=ExitCode.MISSING,
        )
    return _full_python(Path(done.stdout.strip()))


def _installed_pythons() -> list[str]:
    """Return the versions of the Pythons of this machine, newest first, that of envtool among them."""
    command = (
        uv_program(),
        "python",
        "list",
        "--no-project",
        "--no-config",
        "--only-installed",
        "--no-python-downloads",
    )
    done = capture(Command(command, env={"VIRTUAL_ENV": None, "CONDA_PREFIX": None}), timeout=60)
    found = re.findall(r"^cpython-([0-9][0-9a-z.]*)", done.stdout, re.MULTILINE)
    return [*dict.fromkeys((*found, platform.python_version()))]


def _full_python(python: Path) -> tuple[Path, str]:
    """Return the base interpreter of a Python, which outlives a virtual environment, and its full version."""
    probe = (
        "import json, os, sys; "
        "print(json.dumps([getattr(sys, '_base_executable', '') or sys.executable, '%d.%d.%d' % sys.version_info[:3]]))"
    )
    done = capture(Command((str(python), "-I", "-c", probe)), timeout=60)
    if done.returncode:
        raise EnvtoolError(
            tr("The Python at {path} fails to start: {reason}", path=python, reason=done.stderr.strip()),
            code=ExitCode.MISSING,
        )
    base, version = parse_json(done.stdout)
    return Path(base), version


ENGINE = EngineType(
    name="venv",
    kind="venv",
    conda_half=False,
    open=lambda setup: Venv(setup.command),
    unavailable=lambda _: None,
    reason=lambda _: tr("Engine: venv, with a Python of this machine."),
)
