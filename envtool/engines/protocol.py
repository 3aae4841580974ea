"""The interface of an engine, and what each engine says about itself when it is registered."""

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
    """No set of packages from the sources in use satisfies the request; other sources may have more packages.

    ``unavailable`` maps each spec that nothing matches to the versions of its package that there are, the newest first;
    it is empty where an engine does not tell.
    """

    def __init__(self, message: str, *, hint: str = "", unavailable: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.unavailable = unavailable or {}


class Engine(Protocol):
    """Creates and changes environments. Raises EnvtoolError, after it has undone or named what it began.

    ``runs_scripts`` is False where packages' link scripts are left out.
    """

    @property
    def runs_scripts(self) -> bool:
        """Whether the scripts of packages are run."""

    def prepare(self) -> None:
        """Start what takes long to start, without waiting for it: :meth:`solve` will be called soon."""

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
        """Remove a deleted environment from the lists that the engine keeps; warn where that fails."""

    def close(self) -> None:
        """Stop the programs that the engine keeps running."""


@dataclass(frozen=True)
class EngineSetup:
    """What an engine is opened with.

    ``command`` is the user's command line, for the records; ``root`` is conda's root prefix and ``settings`` returns
    conda's settings, read when an engine first asks for them. ``accept_tos`` says that the user accepts the terms of
    service of the channels in use; ``run_scripts`` is False where packages' link scripts are to be left out.
    """

    host: Host
    command: str
    root: Path | None
    settings: "Callable[[], CondaSettings]"
    accept_tos: bool = False
    run_scripts: bool = True


@dataclass(frozen=True)
class EngineType:
    """A registered engine: every engine's file defines one as ``ENGINE``.

    - ``kind``: the kind of environment that it makes, and can change.
    - ``conda_half``: whether such an environment holds conda packages. Without them its Python is one of this machine,
      pip comes from the pip index, no channel is needed, and ``auto`` takes the engine only where none can be read.
    - ``open``: returns the engine, ready to work; the caller closes it.
    - ``unavailable``: returns why the engine cannot work here, as the error to raise, or None where it can.
    - ``reason``: a sentence that says why it is taken where nobody asked for it by name.
    - ``title``: what notes call it; its name, unless there is more to say.
    """

    name: str
    kind: Kind
    conda_half: bool
    open: Callable[[EngineSetup], Engine]
    unavailable: Callable[[Host], EnvtoolError | None]
    reason: Callable[[Host], str]
    title: Callable[[Host], str] | None = None

    def title_here(self, host: Host) -> str:
        """Return what notes call the engine."""
        return self.title(host) if self.title else self.name
