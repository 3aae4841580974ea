"""Which engine does the work, and why, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from envtool.clients import conda_program
from envtool.engines.protocol import Engine, EngineName
from envtool.environments import find
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.steps.names import first_writable
from envtool.paths import Host

if TYPE_CHECKING:
    from envtool.clients.conda import CondaSettings

EngineChoice = Literal["auto", "conda", "embedded", "venv"]


@dataclass(frozen=True)
class Choice:
    """An engine's name, the program it drives (conda family only), and the reason it was taken."""

    engine: EngineName
    reason: str
    program: Path | None = None


def for_new(host: Host, asked: str) -> Choice:
    """Choose the engine of a new environment: an installed conda, else the embedded one, unless the user named one."""
    if asked not in get_args(EngineChoice):
        raise EnvtoolError(
            tr("There is no engine {name!r}.", name=asked),
            hint=tr("The engines are auto, conda, embedded and venv."),
            code=ExitCode.USAGE,
        )
    program = conda_program.find(host)
    if asked == "venv":
        return Choice("venv", tr("Engine: venv, as asked."))
    if asked == "embedded":
        return _embedded(tr("Engine: embedded, as asked."))
    if asked == "conda" and program is None:
        raise EnvtoolError(
            tr("No conda, mamba or micromamba was found."),
            hint=tr("Install one and put it on PATH, or leave --engine out: the embedded engine needs none."),
            code=ExitCode.MISSING,
        )
    if program:
        template = "Engine: conda, as asked ({program})." if asked == "conda" else "Engine: conda, found at {program}."
        return Choice("conda", tr(template, program=program), program)
    return _embedded(tr("Engine: embedded, since no conda is installed."))


def for_existing(host: Host, environment: Environment) -> Choice:
    """Choose the engine of a change: the one that made the environment, or the nearest there is."""
    if environment.kind == "venv":
        return Choice("venv", tr("Engine: venv, which is what {name} is.", name=environment.name or environment.prefix))
    program = conda_program.find(host)
    if environment.engine != "embedded" and program:
        return Choice("conda", tr("Engine: conda, found at {program}.", program=program), program)
    if environment.engine == "embedded":
        return _embedded(tr("Engine: embedded, which made {name}.", name=environment.name or environment.prefix))
    return _embedded(tr("Engine: embedded, since no conda is installed."))


@contextmanager
def opened(host: Host, choice: Choice, command: str, *, accept_tos: bool = False) -> Iterator[Engine]:
    """Yield the engine that was chosen, and stop what it keeps running when the block ends."""
    engine = _make(host, choice, command, accept_tos=accept_tos)
    try:
        yield engine
    finally:
        engine.close()


def folder_for(host: Host, engine: EngineName) -> Path:
    """Return the folder in which an engine's environments go by their name."""
    if engine == "venv":
        return find.venvs_dir(host)
    return first_writable(find.envs_dirs(host))


def _embedded(reason: str) -> Choice:
    from envtool.engines import embedded

    if not embedded.available():
        raise EnvtoolError(
            tr("The embedded engine is not available on this platform."),
            hint=tr("Install conda (or micromamba), or use --engine venv."),
            code=ExitCode.MISSING,
        )
    return Choice("embedded", reason)


def _make(host: Host, choice: Choice, command: str, *, accept_tos: bool) -> Engine:
    if choice.engine == "venv":
        from envtool.engines.venv import Venv

        return Venv(command)
    from envtool.clients import conda

    root = find.conda_root(host)
    settings = conda.in_force(host, root=root)
    if choice.engine == "conda":
        from envtool.engines.conda import Conda
        from envtool.engines.mamba import Mamba

        assert choice.program is not None  # noqa: S101 - for_new and for_existing never choose conda without one
        if conda_program.is_mamba(choice.program):
            return Mamba(choice.program, command, _caches(host, settings), root, settings)
        return Conda(choice.program, command, _caches(host, settings), accept_tos=accept_tos)
    from envtool.engines.embedded import Embedded

    return Embedded(host, command, settings)


def _caches(host: Host, settings: "CondaSettings") -> tuple[Path, ...]:
    """Return the folders in which an installed conda or mamba may keep packages."""
    root = find.conda_root(host)
    return settings.pkgs_dirs or (*((root / "pkgs",) if root else ()), host.home / ".conda" / "pkgs")
