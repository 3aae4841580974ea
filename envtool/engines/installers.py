"""How the pip half is resolved and changed: by uv, or by the environment's pip where only that honours the settings.

uv reads none of pip's configuration, so what is in force for pip is handed to it: by environment variables and a file,
never by arguments, which every user of the machine could read.
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

from envtool.engines.uv_progress import Downloads
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import PipSources
from envtool.process import Command, Completed, capture, stream
from envtool.redaction import redact
from envtool.reporter import Reporter

STALL = 600.0  # seconds of silence: building a wheel from source can take minutes without a word

InstallerName = Literal["uv", "pip"]


@dataclass(frozen=True)
class PipHalf:
    """What is asked of the pip half: requirements-file lines, in which relative paths start from the current folder.

    ``constraints`` are ``name==version`` lines that must hold whatever else happens: the conda-installed set, unless
    the user forces pip to overwrite it.
    """

    lines: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    force: bool = False
    compile: bool = False


@dataclass(frozen=True)
class InstallOptions:
    """How to install: without the network, to the newest versions, with what the packages need, over what is there."""

    offline: bool = False
    upgrade: bool = False
    dependencies: bool = True
    reinstall: bool = False


DEFAULTS = InstallOptions()

_ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")  # places other than the environment that was named


def uv_program() -> str:
    """Return the uv that was installed with envtool, else the one on PATH. Raises EnvtoolError where there is none."""
    name = "uv.exe" if os.name == "nt" else "uv"
    beside = Path(sys.executable).parent / name
    if beside.is_file():
        return str(beside)
    import sysconfig

    scheme = sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))
    found = shutil.which(name, path=scheme) or shutil.which(name)
    if not found:
        raise EnvtoolError(
            tr("uv was not found, though envtool was installed with it."),
            hint=tr("Reinstall envtool, or put uv on PATH."),
            code=ExitCode.MISSING,
        )
    return found


def resolve(half: PipHalf, python: str, sources: PipSources, *, offline: bool = False) -> tuple[str, ...]:
    """Return the pins (``name==version``) that ``half`` comes to on Python ``python`` ("3.11.7"), changing nothing.

    Raises EnvtoolError when nothing satisfies it or no index answers. What can only be known by building it in the
    environment is left for then: the result is empty.
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
    """Install the pip half into the environment that ``python`` belongs to."""
    flags = (*(("--upgrade",) if options.upgrade else ()), *(() if options.dependencies else ("--no-deps",)))
    with _files(half) as (requirements, constraints), reporter.bar(tr("Installing pip packages")) as bar:
        if sources.prefer_pip:
            reporter.note(tr("pip installs the pip packages: {reason}.", reason=sources.prefer_pip))
            again = ("--force-reinstall",) if options.reinstall else ()
            arguments = ("install", "--no-input", "--no-user", *flags, *again, "-r", *requirements, *constraints)
            _provide_pip(python, sources, options)
            command = Command((str(python), "-m", "pip", *arguments), env=dict.fromkeys(_ELSEWHERE))
        else:
            own = (*(("--compile-bytecode",) if half.compile else ()), *(("--reinstall",) if options.reinstall else ()))
            arguments = ("install", "--python", str(python), *flags, *own, "-r", *requirements, *constraints)
            command = replace(_uv(arguments, sources, offline=options.offline, progress=True), terminal=True)
        downloads = Downloads(bar, last=tr("Compiling") if half.compile else "")
        done = stream(command, on_stderr=downloads.hear, stall=STALL)
    if done.returncode:
        raise _failure(done, half)


def _provide_pip(python: Path, sources: PipSources, options: InstallOptions) -> None:
    """Have uv install pip where there is none yet, as in a venv that was just made."""
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
    """Write requirements and constraints to private files and yield the arguments that name each."""
    with tempfile.TemporaryDirectory(prefix="envtool-") as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text("".join(f"{line}\n" for line in half.lines), encoding="utf-8")
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("".join(f"{line}\n" for line in half.constraints), encoding="utf-8")
        yield (str(requirements),), ("-c", str(constraints)) if half.constraints else ()


def _uv(arguments: Sequence[str], sources: PipSources, *, offline: bool, progress: bool = False) -> Command:
    """Return a ``uv pip`` command that sees what pip would see."""
    environment: dict[str, str | None] = {
        "VIRTUAL_ENV": None,
        "CONDA_PREFIX": None,
        "UV_NO_PROGRESS": None if progress else "1",
        "NO_COLOR": "1",
        # pip takes the best version of all indexes; a user who configured several for pip means that.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INDEX": None,
        "UV_EXTRA_INDEX_URL": " ".join(sources.extra_indexes) or None,
        "UV_FIND_LINKS": ",".join(sources.find_links) or None,
        "UV_INSECURE_HOST": " ".join(sources.trusted_hosts) or None,
        "UV_CONSTRAINT": " ".join(sources.constraints) or None,
    }
    given = {
        "UV_DEFAULT_INDEX": sources.index or "",
        "SSL_CERT_FILE": sources.certificate,
        "SSL_CLIENT_CERT": sources.client_certificate,
        "ALL_PROXY": sources.proxy,
        "UV_HTTP_TIMEOUT": str(int(sources.timeout)) if sources.timeout else "",
    }
    environment |= {name: value for name, value in given.items() if value}
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


_DRAWN = re.compile(r"^[\u2800-\u28ff].* {3,}(?=\S)")  # uv's last picture of its progress, before an error


def _failure(done: Completed, half: PipHalf | None = None) -> EnvtoolError:
    """Return what uv or pip said, while at work on ``half``, as the user's error."""
    text = redact(done.stderr or done.stdout)
    said = (line for line in text.splitlines() if line.strip() and not line.startswith("Using Python "))
    reason = "\n".join(_DRAWN.sub("", line) for line in said)[-2000:].strip().removeprefix("error: ")
    if any(sign in text for sign in _NETWORK_SIGNS):
        return EnvtoolError(
            tr("The pip packages could not be fetched: {reason}", reason=reason),
            hint=tr("Check the connection; `envtool mirror set NAME --target pip` chooses another mirror."),
            code=ExitCode.NETWORK,
        )
    hint = tr("Check the spelling and the versions; `-i INDEX` names another index.")
    if half and half.constraints:
        hint += " " + tr("What conda installed is kept as it is; --force lets pip overwrite it.")
    return EnvtoolError(tr("The pip packages could not be installed: {reason}", reason=reason), hint=hint)


def compile_bytecode(python: Path, reporter: Reporter) -> None:
    """Compile all Python sources of an environment: each process would otherwise do it again where it may not write."""
    script = "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('purelib'), quiet=2, workers=0)"
    with reporter.bar(tr("Compiling")):
        # Sources for other Pythons (test data, templates) do not compile; that is no failure of the environment.
        capture(Command((str(python), "-I", "-c", script)), timeout=1800)
