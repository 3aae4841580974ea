"""The interface of a client: what each program's file says about itself when it is registered."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from envtool.paths import Host

Service = Literal["pypi", "conda", "torch", "python"]
ScopeKind = Literal["user", "env", "site", "system"]
Effect = Literal["wins", "merged", "hidden"]

# The public channels that most people in the field use: a switch moves these and those that the user's files name.
COMMON = ("conda-forge", "bioconda", "pytorch", "nvidia", "rapidsai")


@dataclass(frozen=True)
class UrlMatch:
    """A public URL: the mirror it belongs to (``""`` for upstream itself) and the service it is an address of.

    ``channel`` is upstream's name of a conda channel (``conda-forge``, ``pkgs/main``), ``""`` above all channels.
    ``alive`` is False where the site is known not to serve it any more.
    """

    mirror: str
    service: Service
    channel: str = ""
    alive: bool = True


class SiteMatcher(Protocol):
    """Tells public sites from a user's own."""

    def match(self, url: str) -> UrlMatch | None:
        """Return what is known about a URL, or None where it is the user's own."""

    def is_mirror_host(self, text: str) -> bool:
        """Return whether a host name is a known mirror's."""


@dataclass(frozen=True)
class Endpoints:
    """The addresses of a mirror, before any client's grammar. Empty where the site has no such thing.

    ``index`` is its Python package index, ``parents`` maps each conda channel that it serves to the URL above that
    channel, ``python`` is where uv may fetch interpreters.
    """

    mirror: str
    index: str = ""
    parents: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    upstream: str = "https://conda.anaconda.org"
    upstream_defaults: str = "https://repo.anaconda.com/pkgs"

    def channel(self, name: str) -> str:
        """Return a channel's base URL on the site, or "" where it is not served."""
        return f"{self.parents[name]}/{name}" if name in self.parents else ""

    def upstream_of(self, name: str) -> str:
        """Return a channel's base URL at upstream."""
        if name.startswith("pkgs/"):
            return f"{self.upstream_defaults}/{name.removeprefix('pkgs/')}"
        return f"{self.upstream}/{name}"


@dataclass(frozen=True)
class Scope:
    """Whose settings are meant: the user's, an environment's (``prefix``), conda's installation's (``root``), all."""

    kind: ScopeKind = "user"
    prefix: Path | None = None
    root: Path | None = None


@dataclass(frozen=True)
class Surroundings:
    """What decides which settings count: conda's root prefix, the active environment, and the current folder."""

    host: Host
    root: Path | None = None
    prefix: Path | None = None
    folder: Path = Path()


@dataclass(frozen=True)
class SettingsFiles:
    """The files of a scope, lowest precedence first, and the one to create where none of them names a source yet."""

    paths: tuple[Path, ...]
    default: Path


@dataclass
class Edited:
    """A file's new text, notes on what it means, and the stale entries in it (replaced only after confirmation).

    ``own`` are the addresses that were left because nobody but the user knows them.
    """

    text: str
    notes: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """One setting where it is written: its file or variable, key, value, and whether it takes effect.

    ``urls`` are the addresses that it leads to where these are not the value's own words. May hold logins.
    """

    source: str
    key: str
    value: str
    effect: Effect
    urls: tuple[str, ...] = ()


@dataclass
class InForce:
    """A client's settings: what its words resolve to, the settings behind that, and warnings. May hold logins."""

    resolved: dict[str, tuple[str, ...]] = field(default_factory=dict)
    settings: list[Setting] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class RunSettings:
    """How one command is put under a mirror: variables for it, files to write first, and notes."""

    variables: dict[str, str] = field(default_factory=dict)
    files: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Switched(Protocol):
    """Edits a settings file so that the client uses a mirror."""

    def __call__(
        self, text: str, source: str, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool, where: Surroundings
    ) -> Edited:
        """Return the text of the file ``source`` with the mirror in force; stale entries go only with ``clean``.

        Raises EnvtoolError (BAD_INPUT) where the client itself refuses the file.
        """


class Unset(Protocol):
    """Removes every mirror from a settings file."""

    def __call__(
        self, text: str, source: str, sites: SiteMatcher, *, where: Surroundings, original: str | None = None
    ) -> Edited:
        """Return the text of the file ``source`` without any mirror's lines.

        ``original`` is the text from before the first switch, where that is known: what a switch added goes, too.
        Raises EnvtoolError (BAD_INPUT) where the client itself refuses the file.
        """


@dataclass(frozen=True)
class Client:
    """A registered client: every client's file defines one as ``CLIENT``.

    - ``tested_for``: what `mirror test` and `mirror set auto` ask of a mirror on its behalf.
    - ``programs``: the programs that show that this account has the client, beside its files; a client without any is
      always switched.
    - ``keyword``: a word in the text of every file that names a source.
    - ``marks``: the byte-order marks with which the client can read a file; b"" is none.
    - ``any_bytes``: the client accepts bytes of an unknown encoding in comments.
    - ``files``: returns the files of a scope, or None where the client has none such.
    - ``switched``, ``unset``: return a file's new text with a mirror in force, and without any mirror's lines.
    - ``in_force``: returns the settings in force.
    - ``overrides``: yields a sentence for each setting that would override what is written in the files of a scope, or
      be merged with it.
    - ``for_run``: returns how one command is put under a mirror without editing anybody's files.
    """

    name: str
    tested_for: Literal["conda", "pip"]
    keyword: str
    files: Callable[[Host, Scope], SettingsFiles | None]
    switched: Switched
    unset: Unset
    in_force: Callable[[Surroundings, SiteMatcher], InForce]
    programs: tuple[str, ...] = ()
    marks: tuple[bytes, ...] = (b"",)
    any_bytes: bool = False
    overrides: Callable[[Surroundings, Scope, SiteMatcher], Iterator[str]] | None = None
    for_run: Callable[[Host, Endpoints, SiteMatcher], RunSettings] | None = None
