"""The nouns: values that the rooms hand to each other. Nothing here touches the world."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

# "as" says that a name is passed on.
from envtool.environment import Environment as Environment  # noqa: PLC0414
from envtool.environment import Kind as Kind  # noqa: PLC0414

Manager = Literal["conda", "pip"]


@dataclass(frozen=True)
class Origin:
    """Where a pip package came from when it did not come from an index (PEP 610, ``direct_url.json``).

    ``kind`` is ``vcs`` (url, commit, and the revision asked for), ``archive`` (url, sha256 where known), ``local`` (a
    folder) or ``editable`` (a folder whose sources are in use as they are).
    """

    kind: Literal["vcs", "archive", "local", "editable"]
    url: str
    vcs: str = ""
    commit: str = ""
    revision: str = ""
    sha256: str = ""
    subdirectory: str = ""


@dataclass(frozen=True)
class Package:
    """One installed (or about to be installed) thing.

    For ``manager`` conda: ``channel`` is the channel's base URL or name without subdir, ``url`` the archive's address;
    neither ever carries a login; ``private`` says that reading them takes one. For pip: ``version`` keeps its local
    part (``2.13.0+cpu``), ``origin`` is None when it came from an index. ``requested`` says that a person asked for it
    by name, ``depends`` holds requirement strings.
    """

    name: str
    version: str
    manager: Manager
    build: str = ""
    channel: str = ""
    subdir: str = ""
    url: str = ""
    md5: str = ""
    sha256: str = ""
    size: int | None = None
    depends: tuple[str, ...] = ()
    requested: bool = False
    origin: Origin | None = None
    installer: str = ""
    private: bool = False

    @property
    def is_conda_wheel(self) -> bool:
        """Whether this is a wheel of the pip index that conda-pypi installed into the conda half."""
        return self.manager == "conda" and self.url.endswith(".whl")


@dataclass(frozen=True)
class Archive:
    """One line of an explicit list: an archive's URL with its hash, installed without solving.

    ``platform`` is the one that the list is for, or else that of the URL (``linux-64``, ``noarch``), or "".
    ``source`` is the file and line that name the archive, for messages.
    """

    url: str
    md5: str = ""
    sha256: str = ""
    platform: str = field(default="", compare=False)
    source: tuple[str, int] = field(default=("", 0), compare=False)


@dataclass(frozen=True)
class Spec:
    """What a user or a file asks for: ``conda`` match specs, ``pip`` requirements-file lines.

    Where ``explicit`` is not empty, ``conda`` is. ``prefix`` is the path that a file records, on the machine where it
    was made. ``places`` maps lines of ``pip`` to where they were written, in the words of messages.
    """

    name: str = ""
    channels: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    explicit: tuple[Archive, ...] = ()
    prefix: str = field(default="", compare=False)
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Reading:
    """A file understood: the spec, and what had to be changed or left out to understand it, one sentence each."""

    spec: Spec
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Channel:
    """A conda channel as the user knows it (``name``) and where it is read from.

    ``urls`` are base URLs without subdir, the first being the one in force; the others are replicas of the same
    upstream, to be tried in that order when the one before fails. Private channels have no replica. ``mirrored`` says
    that the one in force is a mirror: what it lacks its upstream may have.
    """

    name: str
    urls: tuple[str, ...]
    mirrored: bool = False


@dataclass(frozen=True)
class PipSources:
    """Where pip packages come from. ``index`` None is the client's default index. May hold logins: never print it."""

    index: str | None = None
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    trusted_hosts: tuple[str, ...] = ()
    certificate: str = ""
    client_certificate: str = ""
    proxy: str = ""
    timeout: float | None = None  # seconds
    constraints: tuple[str, ...] = ()
    prefer_pip: str = ""  # why only pip can honour these settings; "" where uv can


@dataclass(frozen=True)
class Sources:
    """Where packages may come from in this run, in order."""

    channels: tuple[Channel, ...] = ()
    pip: PipSources = PipSources()
    offline: bool = False


@dataclass(frozen=True)
class FileEdit:
    """One file before and after, byte for byte; None is a file that is not there."""

    path: Path
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class Plan:
    """What a command is about to do: ``--dry-run`` prints it, otherwise it is carried out."""

    title: str
    steps: tuple[str, ...] = ()
    edits: tuple[FileEdit, ...] = ()
