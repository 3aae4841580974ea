"""Installers of the pip half: uv, or the environment's pip if uv cannot honour a setting of pip.

uv does not read pip's configuration. The settings in force for pip are passed to it in environment variables, never in
arguments, which every user of the machine can read.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from envtool.engines.uv_progress import DownloadProgress
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import PipSources
from envtool.process import Command, Completed, capture, stream
from envtool.redaction import redact
from envtool.reporter import Reporter

STALL = 600.0  # seconds without output; building a wheel from source can take minutes

InstallerName = Literal["uv", "pip"]


@dataclass(frozen=True)
class PipHalf:
    """The requested pip half: lines of a requirements file, with paths relative to the current folder.

    ``constraints`` are ``name==version`` lines that must hold: the packages that conda installed, unless the user
    forces pip to overwrite them. ``compile`` compiles the installed sources to bytecode.
    """

    lines: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    force: bool = False
    compile: bool = False


@dataclass(frozen=True)
class InstallOptions:
    """How to install: offline, with upgrades, with dependencies, over packages that are already installed."""

    offline: bool = False
    upgrade: bool = False
    dependencies: bool = True
    reinstall: bool = False


DEFAULTS = InstallOptions()

_LOCATIONS = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")  # pip would install there instead of in the environment


def uv_program() -> str:
    """Return the path of the uv installed with envtool, else of the uv on PATH. Raises EnvtoolError (MISSING)."""
    name = "uv.exe" if os.name == "nt" else "uv"
    bundled = Path(sys.executable).parent / name
    if bundled.is_file():
        return str(bundled)
    import sysconfig

    scheme = sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))
    found = shutil.which(name, path=scheme) or shutil.which(name)
    if not found:
        raise EnvtoolError(
            tr("uv was not found, although it is installed with envtool."),
            hint=tr("Reinstall envtool, or put uv on PATH."),
            code=ExitCode.MISSING,
        )
    return found


def resolve(half: PipHalf, python: str, sources: PipSources, *, offline: bool = False) -> tuple[str, ...]:
    """Return the pins (``name==version``) that satisfy ``half`` on Python ``python`` ("3.11.7"), without changes.

    Raises EnvtoolError if no set of packages satisfies it, or (NETWORK) if no index responds. Returns no pins if a
    package must be built in the environment to learn its metadata.
    """
    with _files(half) as (requirements, constraints):
        options = ("--quiet", "--no-header", "--no-annotate", "--python-version", python)
        done = capture(_uv(("compile", *options, *requirements, *constraints), sources, offline=offline), timeout=1800)
    if done.returncode == 0:
        return tuple(line for line in done.stdout.splitlines() if "==" in line and not line.startswith(("#", "-", " ")))
    failure = _failure(done, half)
    if failure.code == ExitCode.NETWORK or "No solution found" in done.stderr:
        raise failure
    return ()


def install(
    half: PipHalf, python: Path, sources: PipSources, reporter: Reporter, options: InstallOptions = DEFAULTS
) -> None:
    """Install the pip half into the environment that ``python`` belongs to. Raises EnvtoolError."""
    flags = (*(("--upgrade",) if options.upgrade else ()), *(() if options.dependencies else ("--no-deps",)))
    with _files(half) as (requirements, constraints), reporter.bar(tr("Installing pip packages")) as bar:
        if sources.prefer_pip:
            reporter.note(tr("pip installs the pip packages: {reason}.", reason=sources.prefer_pip))
            reinstall = ("--force-reinstall",) if options.reinstall else ()
            arguments = ("install", "--no-input", "--no-user", *flags, *reinstall, "-r", *requirements, *constraints)
            _provide_pip(python, sources, options)
            command = Command((str(python), "-m", "pip", *arguments), env=dict.fromkeys(_LOCATIONS))
        else:
            uv_flags = (
                *(("--compile-bytecode",) if half.compile else ()),
                *(("--reinstall",) if options.reinstall else ()),
            )
            arguments = ("install", "--python", str(python), *flags, *uv_flags, "-r", *requirements, *constraints)
            command = replace(_uv(arguments, sources, offline=options.offline, progress=True), terminal=True)
        progress = DownloadProgress(bar, last=tr("Compiling") if half.compile else "")
        done = stream(command, on_stderr=progress.on_line, stall=STALL)
    if done.returncode:
        raise _failure(done, half)


def _provide_pip(python: Path, sources: PipSources, options: InstallOptions) -> None:
    """Install pip with uv if the environment has none, as in a new venv."""
    if capture(Command((str(python), "-I", "-c", "import pip")), timeout=60).returncode:
        done = capture(_uv(("install", "--python", str(python), "pip"), sources, offline=options.offline), timeout=600)
        if done.returncode:
            raise _failure(done)


def uninstall(names: Sequence[str], python: Path) -> None:
    """Remove pip packages from the environment that ``python`` belongs to."""
    done = capture(
        Command((uv_program(), "pip", "uninstall", "--no-config", "--python", str(python), *names)), timeout=600
    )
    if done.returncode:
        raise _failure(done)


@contextmanager
def _files(half: PipHalf) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Write requirements and constraints to temporary files, and yield the arguments for each of them."""
    with tempfile.TemporaryDirectory(prefix="envtool-") as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text("".join(f"{line}\n" for line in half.lines), encoding="utf-8")
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("".join(f"{line}\n" for line in half.constraints), encoding="utf-8")
        yield (str(requirements),), ("-c", str(constraints)) if half.constraints else ()


def _uv(arguments: Sequence[str], sources: PipSources, *, offline: bool, progress: bool = False) -> Command:
    """Return a ``uv pip`` command with the settings that pip would use."""
    environment: dict[str, str | None] = {
        "VIRTUAL_ENV": None,
        "CONDA_PREFIX": None,
        "UV_NO_PROGRESS": None if progress else "1",
        "NO_COLOR": "1",
        # As pip does: take the best version of all indexes, not of the first one that has the package.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INDEX": None,
        "UV_EXTRA_INDEX_URL": " ".join(sources.extra_indexes) or None,
        "UV_FIND_LINKS": ",".join(sources.find_links) or None,
        "UV_INSECURE_HOST": " ".join(sources.trusted_hosts) or None,
        "UV_CONSTRAINT": " ".join(sources.constraints) or None,
    }
    optional = {
        "UV_DEFAULT_INDEX": sources.index or "",
        "SSL_CERT_FILE": sources.certificate,
        "SSL_CLIENT_CERT": sources.client_certificate,
        "ALL_PROXY": sources.proxy,
        "UV_HTTP_TIMEOUT": str(int(sources.timeout)) if sources.timeout else "",
    }
    environment |= {name: value for name, value in optional.items() if value}
    flags = (*(("--offline",) if offline else ()), *(("--no-index",) if sources.no_index else ()))
    return Command((uv_program(), "pip", *arguments, "--no-config", *flags), env=environment)


_NETWORK_SIGNS = (
    "error sending request",
    "Failed to fetch",
    "Could not connect",
    "dns error",
    "Connection refused",
    "timed out",
    "not cached",
    "Network connectivity is disabled",
)


_LAST_FRAME = re.compile(r"^[\u2800-\u28ff].* {3,}(?=\S)")  # of uv's progress display, before an error


def _failure(done: Completed, half: PipHalf | None = None) -> EnvtoolError:
    """Return the error for what uv or pip printed when it failed to install ``half``."""
    text = redact(done.stderr or done.stdout)
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("Using Python "))
    reason = "\n".join(_LAST_FRAME.sub("", line) for line in lines)[-2000:].strip().removeprefix("error: ")
    if any(sign in text for sign in _NETWORK_SIGNS):
        return EnvtoolError(
            tr("The pip packages could not be fetched: {reason}", reason=reason),
            hint=tr("Check the connection. `envtool mirror set NAME --target pip` selects another mirror."),
            code=ExitCode.NETWORK,
        )
    hint = tr("Check the names and versions. `-i INDEX` selects another index.")
    if half and half.constraints:
        hint = tr(
            "Check the names and versions. `-i INDEX` selects another index, and --force lets pip overwrite packages "
            "that conda installed."
        )
    return EnvtoolError(tr("The pip packages could not be installed: {reason}", reason=reason), hint=hint)


def compile_bytecode(python: Path, reporter: Reporter) -> None:
    """Compile all Python sources of an environment, for processes that may not write there."""
    script = "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('purelib'), quiet=2, workers=0)"
    with reporter.bar(tr("Compiling")):
        # The exit code is ignored: test data and templates for other Pythons never compile.
        capture(Command((str(python), "-I", "-c", script)), timeout=1800)
