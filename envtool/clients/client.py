"""What the editors of the clients' files share: what is wanted, what is known about a URL, and what an edit came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from envtool.paths import Host

Service = Literal["pypi", "conda", "torch", "python"]
ScopeKind = Literal["user", "env", "site", "system"]

# The public channels that most people in the field use: a switch moves these and those that the user's files name.
COMMON = ("conda-forge", "bioconda", "pytorch", "nvidia", "rapidsai")


@dataclass(frozen=True)
class Known:
    """What is known about a URL: the mirror it belongs to (``""`` for upstream itself) and what it is there.

    ``channel`` is upstream's name of a conda channel (``conda-forge``, ``pkgs/main``), ``""`` above all channels.
    ``alive`` says that the site serves it today, as far as known.
    """

    mirror: str
    service: Service
    channel: str = ""
    alive: bool = True


class Recogniser(Protocol):
    """Tells public sites from a user's own."""

    def url(self, text: str) -> Known | None:
        """Return what is known about a URL, or None where it is the user's own."""

    def host(self, text: str) -> bool:
        """Return whether a host name is a known mirror's."""


@dataclass(frozen=True)
class Wanted:
    """What a switch is to bring about, before any client's grammar.

    ``index`` is the PyPI index, ``parents`` maps each conda channel the site serves to the URL above it, ``python`` is
    where uv may fetch interpreters. Empty where the site has no such thing.
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
class Places:
    """The files of a scope, lowest precedence first, and the one that is made where none speaks of sources yet."""

    paths: tuple[Path, ...]
    default: Path


@dataclass
class Edited:
    """A file's new text, what a user should know about it, and what is stale in it (replaced only on a yes)."""

    text: str
    notes: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)


class Editor(Protocol):
    """One client's files: every editor module has these."""

    NAME: str
    KEYWORD: str  # in the text of a file that speaks of sources
    MARKS: tuple[bytes, ...]  # the byte-order marks with which the client can read a file; b"" is none

    def places(self, host: Host, scope: Scope) -> Places | None:
        """Return the files of a scope, or None where the client has none such."""

    def switched(self, text: str, source: str, wanted: Wanted, known: Recogniser, *, clean: bool, host: Host) -> Edited:
        """Return a file's text with the mirror in force; stale entries go only with ``clean``."""

    def unset(self, text: str, source: str, known: Recogniser) -> Edited:
        """Return a file's text without any mirror's lines."""
