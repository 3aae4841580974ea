"""The interface of an engine, and its registration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from envtool.errors import EnvtoolError
from envtool.model import Archive, Kind, Package, Sources
from envtool.paths import Host
from envtool.prefix.snapshot import Footprint
from envtool.reporter import Reporter

if TYPE_CHECKING:
    from envtool.clients.conda import CondaSettings


@dataclass(frozen=True)
class SolveRequest:
    """A request to change the conda half: ``specs`` to install, names to ``remove``, names to ``update``.

    With ``archives`` nothing is solved: exactly these are installed.
    """

    specs: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    archives: tuple[Archive, ...] = ()


@dataclass(frozen=True)
class LinkScripts:
    """The scripts that packages of a solution run when they are linked or unlinked, with the rights of the user.

    ``known`` are (package, action), the action being ``pre-link``, ``post-link`` or ``pre-unlink``; ``unknown`` is the
    number of packages that can have some, and are not in the cache.
    """

    known: tuple[tuple[str, str], ...] = ()
    unknown: int = 0


@dataclass(frozen=True)
class Solution:
    """The changes that an engine plans for a prefix: ``--dry-run`` shows them, ``create`` or ``change`` makes them.

    ``python`` is the version that the environment will have, ``""`` for none; ``private`` belongs to the engine.
    """

    request: SolveRequest
    link: tuple[Package, ...] = ()
    unlink: tuple[Package, ...] = ()
    python: str = ""
    private: Any = field(default=None, repr=False)

    @property
    def changes_nothing(self) -> bool:
        """Whether the prefix already satisfies the request."""
        return not (self.link or self.unlink)


class UnsatisfiableError(EnvtoolError):
    """No set of packages from the sources in use satisfies the request. Other sources may have more packages.

    ``unavailable`` maps each spec that nothing matches to the versions of its package that there are, the newest first;
    it is empty where an engine does not tell.
    """

    def __init__(self, message: str, *, hint: str = "", unavailable: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.unavailable = unavailable or {}


class Engine(Protocol):
    """Creates and changes environments. On failure it undoes its changes or names them, and raises EnvtoolError.

    ``runs_scripts`` is False if packages' link scripts are not run.
    """

    @property
    def runs_scripts(self) -> bool:
        """Whether the scripts of packages are run."""

    def prepare(self) -> None:
        """Start the programs that take long to start, without waiting for them, before :meth:`solve` is called."""

    def solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        """Return the changes for ``prefix`` (None: a new one). Writes nothing outside the caches."""

    def create(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Create an environment at ``prefix``, an empty folder reserved for it; ``scratch`` is on its file system.

        The environment appears with envtool's unfinished mark in it, or not at all.
        """

    def fetch(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Fetch every file of a solution into the cache, so that what follows needs no network."""

    def footprint(self, solution: Solution, prefix: Path) -> Footprint:
        """Return the paths that a fetched solution may replace, remove or add.

        Raises EnvtoolError where one of its packages would write outside the environment, or into envtool's folder.
        """

    def link_scripts(self, solution: Solution, prefix: Path | None) -> LinkScripts:
        """Return the scripts that a solution runs, as far as the caches tell; ``prefix`` is None for a new one."""

    def change(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Apply a fetched solution to an existing environment."""

    def unregister(self, prefix: Path, reporter: Reporter) -> None:
        """Remove a deleted environment from the lists that the engine keeps. Warn if that fails."""

    def close(self) -> None:
        """Stop the programs that the engine keeps running."""


@dataclass(frozen=True)
class EngineSetup:
    """The values that an engine is opened with.

    ``command`` is the user's command line, for the records; ``root`` is conda's root prefix and ``settings`` returns
    conda's settings, read when an engine first asks for them. ``accept_tos`` says that the user accepts the terms of
    service of the channels in use; ``run_scripts`` is False if packages' link scripts must not be run.
    """

    host: Host
    command: str
    root: Path | None
    settings: "Callable[[], CondaSettings]"
    accept_tos: bool = False
    run_scripts: bool = True


@dataclass(frozen=True)
class EngineType:
    """A registered engine. Each engine's file defines one as ``ENGINE``.

    - ``kind``: the kind of environment that it creates and changes.
    - ``conda_half``: whether its environments have conda packages. Otherwise their Python is one of this machine,
      pip comes from the pip index, no channel is needed, and ``auto`` uses the engine only if no channel can be read.
    - ``open``: returns the opened engine, which the caller closes.
    - ``unavailable``: returns the error that explains why the engine cannot work here, or None if it can.
    - ``reason``: returns a sentence that explains the choice if the user did not name the engine.
    - ``title``: returns its name in notes, if that is not ``name``.
    """

    name: str
    kind: Kind
    conda_half: bool
    open: Callable[[EngineSetup], Engine]
    unavailable: Callable[[Host], EnvtoolError | None]
    reason: Callable[[Host], str]
    title: Callable[[Host], str] | None = None

    def title_here(self, host: Host) -> str:
        """Return the name of the engine in notes."""
        return self.title(host) if self.title else self.name
