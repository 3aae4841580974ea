"""The venv engine: an environment around a Python that is already on this machine, made by uv."""

import json
import platform
import sys
from contextlib import suppress
from pathlib import Path

from envtool.engines.installers import uv_program
from envtool.engines.protocol import EngineType, Solution, SolveRequest
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Package, Sources
from envtool.prefix.marks import mark_unfinished
from envtool.prefix.snapshot import Footprint
from envtool.process import Command, capture
from envtool.reporter import Reporter
from envtool.specs import match_spec


class Venv:
    """See the module. It has no conda half: of conda specs it takes ``python`` alone."""

    def __init__(self, command: str) -> None:
        self._command = command

    def solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:  # noqa: ARG002
        pythons = [spec for spec in request.specs if match_spec.name(spec) == "python"]
        # Every venv of ours has pip; files made for conda name it beside python.
        others = [spec for spec in request.specs if spec not in pythons and match_spec.split(spec)[1:] != ("pip", "")]
        if others or request.archives or (prefix and (request.specs or request.remove)):
            what = ", ".join(others or request.specs or request.remove or [archive.url for archive in request.archives])
            raise EnvtoolError(
                tr("A venv holds pip packages only, and {packages} was asked for as a conda package.", packages=what),
                hint=tr("Ask for it with --pip, or make the environment with --engine embedded or conda."),
                code=ExitCode.BAD_INPUT,
            )
        if prefix:
            return Solution(request)
        if len({match_spec.split(spec).version.replace(" ", "") for spec in pythons} - {""}) > 1:
            raise EnvtoolError(
                tr("More than one Python is asked for: {pythons}.", pythons=", ".join(pythons)),
                hint=tr("Name the one that it is to have."),
                code=ExitCode.BAD_INPUT,
            )
        python, version = find_python(
            max(pythons, key=lambda spec: len(match_spec.split(spec).version), default="python")
        )
        package = Package("python", version, "conda", channel=str(python), requested=bool(pythons))
        return Solution(request, link=(package,), python=version, private=python)

    def create(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:  # noqa: ARG002
        mark_unfinished(prefix, self._command)
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
            raise EnvtoolError(tr("The venv could not be made: {reason}", reason=done.stderr.strip()))

    def change(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Do nothing: a venv has no conda half."""

    def fetch(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Do nothing: there is no conda half."""

    def footprint(self, solution: Solution, prefix: Path) -> Footprint:  # noqa: ARG002
        """Return nothing: there is no conda half."""
        return Footprint()

    def unregister(self, prefix: Path) -> None:
        """Do nothing: a venv is registered nowhere."""

    def close(self) -> None:
        """Do nothing: nothing is kept running."""


def find_python(spec: str) -> tuple[Path, str]:
    """Return a Python of this machine for ``python``, ``python=3.11``, ``python>=3.10,<3.13``, and its full version.

    The one that envtool itself runs on comes first. Raises EnvtoolError where there is none.
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
            tr("No Python {version} was found on this machine, and a venv is made around one.", version=wanted),
            hint=tr("Ask for another version, install that Python, or use --engine embedded, which brings its own."),
            code=ExitCode.MISSING,
        )
    return _full_python(Path(done.stdout.strip()))


def _full_python(python: Path) -> tuple[Path, str]:
    """Return the interpreter behind a virtual environment's, which may be thrown away, and its version."""
    probe = (
        "import json, os, sys; "
        "print(json.dumps([getattr(sys, '_base_executable', '') or sys.executable, '%d.%d.%d' % sys.version_info[:3]]))"
    )
    done = capture(Command((str(python), "-I", "-c", probe)), timeout=60)
    if done.returncode:
        raise EnvtoolError(
            tr("The Python at {path} does not start: {reason}", path=python, reason=done.stderr.strip()),
            code=ExitCode.MISSING,
        )
    base, version = json.loads(done.stdout)
    return Path(base), version


ENGINE = EngineType(
    name="venv",
    kind="venv",
    conda_half=False,
    open=lambda setup: Venv(setup.command),
    unavailable=lambda _: None,
    reason=lambda _: tr("Engine: venv, around a Python of this machine."),
)
