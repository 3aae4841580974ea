"""Installers of the pip half: uv, or the environment's pip for requests and settings that uv does not support."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from envtool.documents import parse_json
from envtool.engines import checkouts, pip_errors, pip_program, uv
from envtool.engines.uv_progress import DownloadProgress
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import PipSources
from envtool.process import Command, capture, stream
from envtool.redaction import redact
from envtool.reporter import Reporter
from envtool.specs import uv_limits

STALL = 600.0  # seconds without output; building a wheel from source can take minutes
_TIMEOUT = 1800.0  # seconds for a resolution, which may build packages to learn what they need

InstallerName = Literal["uv", "pip"]


@dataclass(frozen=True)
class PipHalf:
    """The requested pip half: lines of a requirements file, with paths relative to the current folder.

    ``constraints`` are ``name==version`` lines that must hold: the packages that conda installed, unless the user
    forces pip to overwrite them. ``compile`` compiles the installed sources to bytecode. ``places`` maps lines to where
    the user wrote them.
    """

    lines: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    force: bool = False
    compile: bool = False
    places: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class InstallOptions:
    """How to install: offline, with upgrades, with dependencies, over packages that are already installed."""

    offline: bool = False
    upgrade: bool = False
    dependencies: bool = True
    reinstall: bool = False


DEFAULTS = InstallOptions()


@dataclass(frozen=True)
class Foretold:
    """The packages (``name==version``) that installing a pip half would add to an environment.

    ``exact`` is the pip half that brings exactly these, without resolving again; None where only the request itself
    does, as with folders, URLs and hashes. ``cached`` says that all of them are in uv's cache.
    """

    pins: tuple[str, ...]
    exact: PipHalf | None = None
    cached: bool = False


def why_pip(half: PipHalf, sources: PipSources) -> str:
    """Return why only pip can install a half from these sources, or ``""``."""
    return sources.prefer_pip or uv_limits.why_pip(half.lines, half.places)


def resolve(half: PipHalf, python: str, sources: PipSources, *, offline: bool = False) -> tuple[str, ...]:
    """Return the pins (``name==version``) that satisfy ``half`` on Python ``python`` ("3.11.7"), without changes.

    Raises EnvtoolError if no set of packages satisfies it, or (NETWORK) if no index responds. Returns no pins if a
    package must be built in the environment to learn its metadata.
    """
    lines = uv_limits.resolvable(half.lines)
    if lines is None:
        return ()
    half = replace(half, lines=lines, places=_places(lines, half))
    with _files(half) as files:
        options = ("--quiet", "--no-header", "--no-annotate", "--python-version", python)
        arguments = ("compile", *options, str(files.requirements), *files.constraint_options)
        done = capture(uv.command(arguments, sources, offline=offline), timeout=_TIMEOUT)
        failure = pip_errors.of(done, files.described(half)) if done.returncode else None
    if failure is None:
        return tuple(line for line in done.stdout.splitlines() if "==" in line and not line.startswith(("#", "-", " ")))
    if failure.code == ExitCode.NETWORK or "No solution found" in done.stderr:
        raise failure
    return ()


def foretell(half: PipHalf, python: Path, sources: PipSources, options: InstallOptions = DEFAULTS) -> Foretold | None:
    """Return the packages that installing a pip half would add to the environment of ``python``, without changes.

    Raises EnvtoolError where it could not be installed. None where the environment's pip is too old to tell.
    """
    with _files(half) as files:
        if why_pip(half, sources):
            return _foretold_by_pip(half, python, sources, options, files)
        arguments = ("install", "--dry-run", "--python", str(python), *_flags(options), *files.options)
        done = capture(uv.command(arguments, sources, offline=options.offline), timeout=_TIMEOUT)
        if done.returncode:
            raise pip_errors.of(done, files.described(half))
    found = list(uv.foretold(done.stderr))
    pins = tuple(pin for pin, _ in found)
    exact = all(indexed for _, indexed in found) and uv_limits.can_be_pinned(half.lines)
    settings = tuple(line for line in half.lines if line.startswith("-"))
    only = replace(half, lines=(*settings, *pins) if pins else (), constraints=())
    return Foretold(pins, only if exact else None, uv.is_cached(done.stderr))


def install(
    half: PipHalf, python: Path, sources: PipSources, reporter: Reporter, options: InstallOptions = DEFAULTS
) -> None:
    """Install the pip half into the environment that ``python`` belongs to. Raises EnvtoolError."""
    with _files(half) as files, reporter.bar(tr("Installing pip packages")) as bar:
        if why_pip(half, sources):
            _provide_pip(python, sources, options)
            checkouts.refuse_edited(half.lines, pip_program.source_folder(python))
            reinstall = ("--force-reinstall",) if options.reinstall else ()
            arguments = ("install", *_flags(options), *reinstall, *files.options)
            command = pip_program.command(python, arguments, sources, offline=options.offline)
        else:
            uv_flags = (
                *(("--compile-bytecode",) if half.compile else ()),
                *(("--reinstall",) if options.reinstall else ()),
            )
            arguments = ("install", "--python", str(python), *_flags(options), *uv_flags, *files.options)
            command = replace(uv.command(arguments, sources, offline=options.offline, progress=True), terminal=True)
        progress = DownloadProgress(bar, last=tr("Compiling") if half.compile else "")
        done = stream(command, on_stderr=progress.on_line, stall=STALL)
        if done.returncode:
            raise pip_errors.of(done, files.described(half))


def uninstall(names: Sequence[str], python: Path) -> None:
    """Remove pip packages from the environment that ``python`` belongs to."""
    done = capture(
        Command((uv.uv_program(), "pip", "uninstall", "--no-config", "--python", str(python), *names)), timeout=600
    )
    if done.returncode:
        raise pip_errors.of(done)


def _foretold_by_pip(
    half: PipHalf, python: Path, sources: PipSources, options: InstallOptions, files: "_Files"
) -> Foretold | None:
    checkouts.refuse_edited(half.lines, pip_program.source_folder(python))
    arguments = ("install", "--dry-run", "--quiet", "--report", "-", *_flags(options), *files.options)
    command = pip_program.command(python, arguments, sources, offline=options.offline, source=files.folder / "src")
    done = capture(command, timeout=_TIMEOUT)
    if done.returncode and "No module named pip" not in done.stderr and "no such option: --report" not in done.stderr:
        raise pip_errors.of(done, files.described(half))
    try:
        items = parse_json(done.stdout)["install"]
        pins = tuple(f"{_canonical(item['metadata']['name'])}=={item['metadata']['version']}" for item in items)
    except (ValueError, KeyError, TypeError):
        return None
    return Foretold(pins)


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _flags(options: InstallOptions) -> tuple[str, ...]:
    return (*(("--upgrade",) if options.upgrade else ()), *(() if options.dependencies else ("--no-deps",)))


def _provide_pip(python: Path, sources: PipSources, options: InstallOptions) -> None:
    """Install pip with uv if the environment has none, as in a new venv."""
    if capture(Command((str(python), "-I", "-c", "import pip")), timeout=60).returncode:
        arguments = ("install", "--python", str(python), "pip")
        done = capture(uv.command(arguments, sources, offline=options.offline), timeout=600)
        if done.returncode:
            raise pip_errors.of(done)


def _places(lines: Sequence[str], half: PipHalf) -> dict[str, str]:
    """Return the places of lines that replace the lines of a half, one for one."""
    return {line: half.places.get(old, "") for line, old in zip(lines, half.lines, strict=True)}


@dataclass(frozen=True)
class _Files:
    """The temporary files of one run."""

    folder: Path
    constrained: bool

    @property
    def requirements(self) -> Path:
        return self.folder / "requirements.txt"

    @property
    def constraints(self) -> Path:
        return self.folder / "constraints.txt"

    @property
    def constraint_options(self) -> tuple[str, ...]:
        return ("-c", str(self.constraints)) if self.constrained else ()

    @property
    def options(self) -> tuple[str, ...]:
        """The options that name the files."""
        return ("-r", str(self.requirements), *self.constraint_options)

    def described(self, half: PipHalf) -> pip_errors.PipRequest:
        """Return the request for error messages, which name the user's lines and not these files."""
        return pip_errors.PipRequest(self.folder, half.lines, half.places, held=self.constrained)


def uninstall_with_pip(names: Sequence[str], python: Path) -> None:
    """Remove packages with the environment's own pip, which can remove eggs. Raises EnvtoolError."""
    done = capture(Command((str(python), "-m", "pip", "uninstall", "--yes", *names)), timeout=600)
    if done.returncode:
        reason = redact(done.stderr.strip() or done.stdout.strip())[-2000:]
        raise EnvtoolError(
            tr("{names} could not be uninstalled: {reason}", names=", ".join(names), reason=reason),
            hint=tr("Only the environment's own pip can remove it. Install one: envtool install --pip pip"),
        )


@contextmanager
def _files(half: PipHalf) -> Iterator[_Files]:
    """Write requirements and constraints to temporary files."""
    with tempfile.TemporaryDirectory(prefix="envtool-") as folder:
        files = _Files(Path(folder), bool(half.constraints))
        files.requirements.write_text("".join(f"{line}\n" for line in half.lines), encoding="utf-8")
        files.constraints.write_text("".join(f"{line}\n" for line in half.constraints), encoding="utf-8")
        yield files


def compile_bytecode(python: Path, reporter: Reporter) -> None:
    """Compile all Python sources of an environment, for processes that may not write there."""
    script = "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('purelib'), quiet=2, workers=0)"
    with reporter.bar(tr("Compiling")):
        # The exit code is ignored: test data and templates for other Pythons never compile.
        capture(Command((str(python), "-I", "-c", script)), timeout=1800)
