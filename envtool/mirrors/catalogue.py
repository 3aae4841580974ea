"""The catalogue of mirrors: ``mirrors.yaml`` with the user's own file on top."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from envtool.encoding import decode
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import SETTINGS_LIMIT, read_file
from envtool.i18n import tr
from envtool.paths import Host

State = Literal["active", "partial", "uncertain", "unverified", "redirector", "retired"]
STATES: tuple[State, ...] = ("active", "partial", "uncertain", "unverified", "redirector", "retired")


@dataclass(frozen=True)
class PypiIndex:
    """A mirror of the default Python package index: its address, the others that lead to it, and dead ones."""

    index: str
    also: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()


@dataclass(frozen=True)
class CondaChannels:
    """A mirror of conda: ``channels`` lie below ``base``/cloud, ``pkgs`` (parts of defaults) below ``base``/pkgs."""

    base: str
    also: tuple[str, ...] = ()
    pkgs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def parent(self, channel: str) -> str | None:
        """Return the URL above a channel (``conda-forge``, ``pkgs/main``), or None where the site does not serve it."""
        if channel in self.elsewhere:
            return self.elsewhere[channel]
        if channel in self.channels:
            return f"{self.base}/cloud"
        if channel.removeprefix("pkgs/") in self.pkgs and channel.startswith("pkgs/"):
            return self.base
        return None

    def url(self, channel: str) -> str | None:
        """Return a channel's base URL without subdir, or None where the site does not serve it."""
        parent = self.parent(channel)
        return f"{parent}/{channel}" if parent else None


@dataclass(frozen=True)
class TorchWheels:
    """A mirror of the PyTorch wheel index: ``base``/cu128/ is an index, or a flat listing for ``--find-links``."""

    base: str
    how: Literal["index", "find-links"]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """The source of a claim, and its date."""

    what: str
    source: str
    date: str


@dataclass(frozen=True)
class Mirror:
    """One site. Mirrors of one ``group`` fail together; ``depends`` are the groups that it fetches from."""

    name: str
    title: str
    state: State
    group: str
    aliases: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    note: str = ""
    replacement: str = ""
    pypi: PypiIndex | None = None
    conda: CondaChannels | None = None
    torch: TorchWheels | None = None
    python: str = ""
    hosts: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    installers: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    evidence: tuple[Evidence, ...] = ()
    own: bool = False  # from the user's file

    @property
    def usable(self) -> bool:
        """Whether it may be used: it is not retired."""
        return self.state != "retired"

    @property
    def offered(self) -> bool:
        """Whether it is tested, and chosen, without being named: somebody has looked at it."""
        return self.state not in ("retired", "unverified")

    @property
    def date(self) -> str:
        """The newest date of its evidence, as written; "" where there is none."""
        return max((item.date for item in self.evidence), default="")


@dataclass(frozen=True)
class Catalogue:
    """All mirrors, the preferred ones first, and where upstream is."""

    mirrors: Mapping[str, Mirror]
    conda: str
    defaults: str
    torch: str
    preferred_torch: str = ""  # the mirror whose PyTorch wheels are to be tried first

    def named(self, name: str) -> Mirror:
        """Return a mirror by its name or alias. Raises EnvtoolError with close matches."""
        wanted = name.strip().lower()
        for mirror in self.mirrors.values():
            if wanted == mirror.name or wanted in mirror.aliases:
                return mirror
        names = [word for mirror in self.mirrors.values() if mirror.usable for word in (mirror.name, *mirror.aliases)]
        close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
        hint = (
            tr("Did you mean {names}? `envtool mirror list` lists all mirrors.", names=", ".join(close))
            if close
            else tr("`envtool mirror list` lists all mirrors; a URL works, too.")
        )
        raise EnvtoolError(tr("There is no mirror called {name}.", name=repr(name)), hint=hint, code=ExitCode.USAGE)


def load(host: Host) -> Catalogue:
    """Return the catalogue with the user's own mirrors. Raises EnvtoolError (BAD_INPUT) with file and line."""
    from envtool.mirrors.schema import checked

    shipped = _shipped()
    data = checked(_text(shipped), shipped, whole=True)
    path = own_file(host)
    own = checked(_text(path), path, whole=False) if path.exists() else {}
    own_mirrors = own.get("mirrors", {})
    entries = {**data["mirrors"], **own_mirrors}
    mirrors = {
        name: _mirror(name, entries[name], own=name in own_mirrors) for name in sorted(entries, key=_rank(entries))
    }
    upstream = data["upstream"]
    return Catalogue(mirrors, upstream["conda"], upstream["defaults"], upstream["torch"], own.get("torch", ""))


def _rank(entries: Mapping[str, Mapping[str, Any]]) -> Callable[[str], tuple[float, str]]:
    """Return the sort key of names: by preference, then alphabetically, and never by the place in the file."""
    return lambda name: (entries[name].get("preference", math.inf), name)


def own_file(host: Host) -> Path:
    """Return the file of the user's own mirrors."""
    return host.config_dir / "mirrors.yaml"


def _shipped() -> Path:
    here = Path(__file__).resolve()
    beside = here.with_name("mirrors.yaml")  # in an installed package
    return beside if beside.exists() else here.parents[2] / "mirrors.yaml"  # in a checkout


def _text(path: Path) -> str:
    try:
        return decode(read_file(path, limit=SETTINGS_LIMIT))
    except (OSError, UnicodeDecodeError) as error:
        raise EnvtoolError(
            tr("The list of mirrors {path} could not be read: {reason}.", path=path, reason=error),
            hint=tr("Restore it, or install envtool again."),
            code=ExitCode.BAD_INPUT,
        ) from None


def _mirror(name: str, entry: Mapping[str, Any], *, own: bool = False) -> Mirror:
    pypi, conda, torch = entry.get("pypi"), entry.get("conda"), entry.get("torch")
    return Mirror(
        name=name,
        title=entry.get("title", name),
        state=entry.get("state", "active"),
        group=entry.get("group", name),
        aliases=tuple(entry.get("aliases", ())),
        depends=tuple(entry.get("depends", ())),
        note=entry.get("note", ""),
        replacement=entry.get("replacement", ""),
        pypi=PypiIndex(_bare(pypi["index"]), _all(pypi, "also"), _all(pypi, "dead")) if pypi else None,
        conda=_conda(conda) if conda else None,
        torch=TorchWheels(_bare(torch["base"]), torch["how"], _all(torch, "also")) if torch else None,
        python=_bare(entry.get("python", "")),
        hosts=tuple(entry.get("hosts", ())),
        other=_all(entry, "other"),
        installers=entry.get("installers", {}),
        status=entry.get("status", ""),
        evidence=tuple(Evidence(e["what"], e["source"], str(e["date"])) for e in entry.get("evidence", ())),
        own=own,
    )


def _conda(entry: Mapping[str, Any]) -> CondaChannels:
    return CondaChannels(
        base=_bare(entry["base"]),
        also=_all(entry, "also"),
        pkgs=tuple(entry.get("pkgs", ())),
        channels=tuple(entry.get("channels", ())),
        elsewhere={name: _bare(url) for name, url in entry.get("elsewhere", {}).items()},
        missing=tuple(entry.get("missing", ())),
    )


def _all(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(map(_bare, entry.get(key, ())))


def _bare(url: str) -> str:
    return url.rstrip("/")
