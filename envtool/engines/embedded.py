"""The embedded engine: py-rattler in a worker process, made into a transaction.

A new environment is linked into a stage beside its final place, patched for that place, and renamed; an existing one is
changed only from a full cache. The history, the file modes and the registration that conda expects are written here.
"""

import glob
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from envtool import __version__
from envtool.engines import history, link_scripts, registry
from envtool.engines.protocol import EngineName, Solution, Wanted
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import write_atomically
from envtool.model import Channel, Package, Sources
from envtool.paths import Host
from envtool.prefix import mark_unfinished
from envtool.process import Command, Dialogue
from envtool.reporter import Reporter
from envtool.words import redact, tr

STALL = 40.0  # seconds without a sign of life after which a server counts as hanging; ENVTOOL_STALL sets another

# The worker finds envtool and the library where this process finds them, and nothing in the current folder.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from envtool.engines.rattler_worker import main; main()"
)

Json = dict[str, Any]


@dataclass(frozen=True)
class _Private:
    """What a solution means to this engine: all records of the environment to be, and where their channels are read.

    ``mirrors`` maps a channel's own address to the replica in use; ``specs`` are those asked for, now or earlier.
    """

    records: Sequence[Json]
    specs: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    mirrors: Mapping[str, str] = field(default_factory=dict)

    def named(self, packages: Sequence[Package]) -> list[Package]:
        """Return packages with their channels by name, as conda writes them down."""
        names = {channel.urls[0]: channel.name for channel in self.channels}
        return [replace(package, channel=names.get(package.channel, package.channel)) for package in packages]


def available() -> bool:
    """Return whether the library is installed: it has no wheels for some platforms."""
    from importlib.util import find_spec

    return find_spec("rattler") is not None


class Embedded:
    """See the module. ``command`` is the user's command line, for the history; the rest is the network."""

    name: EngineName = "embedded"

    def __init__(
        self, host: Host, command: str, *, insecure: bool, certificate: str, proxies: Mapping[str, str]
    ) -> None:
        self._host = host
        self._command = redact(command)
        self._certificate = certificate
        self._network: Json = {"insecure": insecure, "proxies": dict(proxies)}
        self._worker: Dialogue | None = None

    # -- the protocol -----------------------------------------------------------------------------------------------

    def solve(self, wanted: Wanted, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        installed = _records(prefix) if prefix else []
        specs = _specs(wanted, installed)
        if wanted.archives:
            return self._explicit(wanted, installed)
        request = {
            "action": "solve",
            "channels": [[channel.name, list(channel.urls)] for channel in sources.channels],
            "specs": specs,
            "installed": str(prefix) if prefix else None,
            "update": list(wanted.update),
            "pins": _pins(prefix),
            "subdir": self._host.subdir,
            "strict": True,
            "offline": sources.offline,
        }
        with reporter.bar(tr("Solving")):
            answer = self._ask(request)
        for channel in sources.channels:
            if (used := answer["mirrors"][channel.urls[0]]) != channel.urls[0]:
                reporter.note(
                    tr(
                        "{channel} is read from {url} this time: {first} does not serve it.",
                        channel=channel.name,
                        url=used,
                        first=channel.urls[0],
                    )
                )
        private = _Private(answer["records"], tuple(specs), sources.channels, answer["mirrors"])
        return _solution(wanted, installed, private)

    def _explicit(self, wanted: Wanted, installed: Sequence[Json]) -> Solution:
        """Return the archives as they are named, beside what is installed under other names."""
        archives = [[archive.url, archive.md5, archive.sha256] for archive in wanted.archives]
        request = {"action": "explicit", "archives": archives, "subdir": self._host.subdir, "offline": False}
        new = self._ask(request)["records"]
        named = {record["name"] for record in new}
        kept = [record for record in installed if record["name"] not in named]
        return _solution(wanted, installed, _Private([*kept, *new]))

    def create(self, solution: Solution, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        stage = workshop / "stage"
        stage.mkdir()
        self._link(solution.private, stage, prefix, workshop, reporter)
        self._finish_files(stage, solution)
        mark_unfinished(stage, self._command)
        # Takes the place of the empty folder that reserved the name: a rename is the one step that cannot be half done.
        stage.replace(prefix)
        link_scripts.run(prefix, solution.link, "post-link")
        registry.register(self._host, prefix)

    def fetch(self, solution: Solution, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        self._link(solution.private, prefix, prefix, workshop, reporter, fetch_only=True)

    def snapshot(self, solution: Solution, prefix: Path) -> Json:
        diary = (prefix / "conda-meta" / "history").read_text(encoding="utf-8", errors="surrogateescape")
        owned = {path for record in _records(prefix) for path in record.get("files", ())}
        coming = [path for package in solution.link for path in self._files_of(package, solution.python)]
        # Files that this change brings, and that nobody but conda had there before: they go when it is undone.
        fresh = [path for path in coming if path in owned or not (prefix / path).exists()]
        return {"records": _records(prefix), "history": diary, "fresh": fresh}

    def change(self, solution: Solution, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        link_scripts.run(prefix, solution.unlink, "pre-unlink")
        self._link(solution.private, prefix, prefix, workshop, reporter)
        self._finish_files(prefix, solution)
        link_scripts.run(prefix, solution.link, "post-link")

    def restore(self, snapshot: Json, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        _drop_broken_records(prefix)
        (prefix / "CACHEDIR.TAG").unlink(missing_ok=True)  # where the change was cut off before it went
        if {_identity(record) for record in _records(prefix)} != {_identity(r) for r in snapshot["records"]}:
            self._link(_Private(snapshot["records"]), prefix, prefix, workshop, reporter)
        owned = {path for record in snapshot["records"] for path in record.get("files", ())}
        for path in snapshot["fresh"]:
            if path not in owned:
                (prefix / path).unlink(missing_ok=True)
        for record in snapshot["records"]:
            _write_record(prefix, record)
        text = snapshot["history"].encode("utf-8", "surrogateescape")
        write_atomically(prefix / "conda-meta" / "history", text)

    def forget(self, prefix: Path) -> None:
        registry.unregister(self._host, prefix)

    def close(self) -> None:
        if self._worker:
            self._worker.__exit__(None, None, None)
            self._worker = None

    # -- linking ----------------------------------------------------------------------------------------------------

    def _link(
        self,
        private: _Private,
        prefix: Path,
        final: Path,
        workshop: Path,
        reporter: Reporter,
        *,
        fetch_only: bool = False,
    ) -> None:
        """Link, and where a package is missing, cut or corrupt, try again from the channel's next replica."""
        mirrors = dict(private.mirrors)
        request = {
            "action": "link",
            "records": private.records,
            "prefix": str(prefix),
            "final": str(final),
            "scratch": str(workshop),
            "fetch_only": fetch_only,
            "specs": private.specs,
        }
        label = tr("Fetching packages") if fetch_only else tr("Installing packages")
        while True:
            try:
                with reporter.bar(label, unit="bytes" if fetch_only else "packages") as bar:
                    self._ask(request | {"mirrors": mirrors}, lambda event: bar.update(event["done"], event["total"]))
            except _PackageError as error:
                turned = _next_replica(private.channels, mirrors, error.message)
                if turned is None:
                    raise
                reporter.note(tr("{reason} Trying {url}.", reason=error.message, url=turned))
            else:
                break
        # A tag that tells backup programs to pass over the folder: right for a cache, wrong for an environment.
        (prefix / "CACHEDIR.TAG").unlink(missing_ok=True)

    def _finish_files(self, prefix: Path, solution: Solution) -> None:
        """Write what conda would have written and the library does not."""
        for package in solution.link:
            _tidy_record(prefix / "conda-meta" / f"{package.name}-{package.version}-{package.build}.json")
        private: _Private = solution.private
        linked, unlinked = private.named(solution.link), private.named(solution.unlink)
        wanted = solution.wanted
        history.append(prefix, history.block(self._command, linked, unlinked, wanted.specs, wanted.remove))

    def _files_of(self, package: Package, python: str) -> list[str]:
        """Return the paths that a fetched package will have in a prefix."""
        stem = f"{package.name}-{package.version}-{package.build}"
        packages = self._host.cache_dir / "conda" / "pkgs"
        listing = next(packages.glob(f"{glob.escape(stem)}*/info/paths.json"), None)
        if listing is None:
            return []
        version = ".".join(python.split(".")[:2])
        places = {"site-packages": f"lib/python{version}/site-packages", "python-scripts": "bin"}
        paths = (str(entry["_path"]) for entry in json.loads(listing.read_bytes())["paths"])
        return ["/".join([places.get(head, head), *rest]) for head, *rest in (path.split("/") for path in paths)]

    # -- the worker -------------------------------------------------------------------------------------------------

    def _ask(self, request: Json, on_progress: Callable[[Json], None] = lambda _: None) -> Json:
        worker = self._worker or self._start()
        own = {
            "cache": str(self._host.cache_dir / "conda"),
            "stall": float(self._host.environ.get("ENVTOOL_STALL") or STALL),
            "user_agent": f"envtool/{__version__}",
        }
        whole = request | self._network | own
        for line in worker.ask(json.dumps(whole)):
            event = json.loads(line)
            if event["event"] == "progress":
                on_progress(event)
            elif event["event"] == "done":
                result: Json = event["result"]
                return result
            else:
                # After an error the library goes on in the background: only the end of its process ends that.
                self.close()
                raise _failure(event, request)
        last = worker.last_words.strip().splitlines()
        self.close()
        raise EnvtoolError(
            tr(
                "The embedded engine's process ended unexpectedly: {reason}.",
                reason=last[-1] if last else tr("it said nothing"),
            ),
            hint=tr("Run the command again; if it happens again, use --engine conda or report it."),
        )

    def _start(self) -> Dialogue:
        environment = {"PYTHONUTF8": "1"} | ({"SSL_CERT_FILE": self._certificate} if self._certificate else {})
        self._worker = Dialogue(Command((sys.executable, "-c", _BOOT, json.dumps(sys.path)), env=environment))
        return self._worker.__enter__()


class _PackageError(EnvtoolError):
    """A package that could not be fetched or unpacked: another replica may have it whole."""


def _failure(event: Json, request: Json) -> EnvtoolError:
    """Return the worker's error as the user's."""
    message = redact(event["message"]).strip()
    match event["kind"]:
        case "channel":
            where = event.get("channel") or ", ".join(name for name, _ in request.get("channels", []))
            reasons = redact(_reasons(event.get("causes", {}))) or message
            return EnvtoolError(
                tr("The channel {channel} could not be read: {reason}", channel=where, reason=reasons),
                hint=tr("Check the connection and the address; `envtool mirror set NAME` chooses another mirror."),
                code=ExitCode.NETWORK,
            )
        case "unsatisfiable":
            return EnvtoolError(
                tr("No set of packages satisfies the request: {reason}", reason=message),
                hint=tr("Check the spelling, loosen a version, or name another channel with -c."),
            )
        case "spec":
            return EnvtoolError(
                tr("A package specification cannot be understood: {reason}", reason=message),
                hint=tr("Write name, name=1.2 or 'name>=1.2,<2' (quoted)."),
                code=ExitCode.BAD_INPUT,
            )
        case "package":
            return _PackageError(
                message,
                hint=tr("Run the command again, or choose another mirror with `envtool mirror set NAME`."),
                code=ExitCode.NETWORK,
            )
    return EnvtoolError(
        tr("The embedded engine failed: {reason}", reason=message), hint=tr("Use --engine conda or report it.")
    )


def _reasons(causes: Mapping[str, str]) -> str:
    """Return why each address failed; in one line where they all failed alike, as they do without a network."""
    if len(causes) > 1 and len(set(causes.values())) == 1:
        return tr(
            "{reason}, the same at each of {count} addresses ({addresses}).",
            reason=next(iter(causes.values())),
            count=len(causes),
            addresses=", ".join(urlsplit(url).netloc for url in causes),
        )
    return "\n  ".join(f"{url}: {reason}" for url, reason in causes.items())


def _next_replica(channels: Sequence[Channel], mirrors: dict[str, str], message: str) -> str | None:
    """Turn the failing channel to its next replica and return its address, or None when there is none left."""
    for channel in channels:
        canonical, used = channel.urls[0], mirrors[channel.urls[0]]
        if used not in message and canonical not in message and len(channels) > 1:
            continue
        later = channel.urls[channel.urls.index(used) + 1 :]
        if later:
            mirrors[canonical] = later[0]
            return later[0]
    return None


# -- records ----------------------------------------------------------------------------------------------------------


def _records(prefix: Path) -> list[Json]:
    records = []
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        with suppress(ValueError, OSError):
            records.append(json.loads(path.read_bytes()))
    return records


def _specs(wanted: Wanted, installed: Sequence[Json]) -> list[str]:
    """Return the specs to solve for: the new ones, and whatever keeps in place what is there and not to go.

    The solver returns only what its specs need, so all that was asked for earlier is asked for again; and also what
    nothing else needs, since not every tool writes down what was asked for.
    """
    gone = _with_dependents(set(wanted.remove), installed)
    settled = gone | {_spec_name(spec) for spec in wanted.specs} | set(wanted.update)
    needed = {name for record in installed for name in _needs(record)}
    kept: list[str] = []
    for record in installed:
        asked = record.get("requested_specs") or [spec for spec in [record.get("requested_spec")] if spec]
        if record["name"] not in settled and (asked or record["name"] not in needed):
            kept += asked or [record["name"]]
    return [*kept, *wanted.specs, *wanted.update]


def _pins(prefix: Path | None) -> list[str]:
    """Return the specs of ``conda-meta/pinned``, which hold for every change of an environment."""
    try:
        lines = (prefix / "conda-meta" / "pinned").read_text(encoding="utf-8").splitlines() if prefix else []
    except FileNotFoundError:
        return []
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def _with_dependents(names: set[str], installed: Sequence[Json]) -> set[str]:
    """Return the names and those of all packages that cannot be without them: they go, too."""
    found = set(names)
    while more := {record["name"] for record in installed if record["name"] not in found and _needs(record) & found}:
        found |= more
    return found


def _needs(record: Json) -> set[str]:
    return {_spec_name(spec) for spec in record.get("depends", ())}


def _spec_name(spec: str) -> str:
    name = spec.rsplit("::", 1)[-1].strip()
    for index, character in enumerate(name):
        if character in " =<>!~[":
            return name[:index].lower()
    return name.lower()


def _solution(wanted: Wanted, installed: Sequence[Json], private: _Private) -> Solution:
    before = {_identity(record): record for record in installed}
    after = {_identity(record): record for record in private.records}
    requested = {_spec_name(spec) for spec in wanted.specs}
    return Solution(
        wanted,
        link=tuple(_package(record, requested) for key, record in after.items() if key not in before),
        unlink=tuple(_package(record, requested) for key, record in before.items() if key not in after),
        python=next((record["version"] for record in private.records if record["name"] == "python"), ""),
        private=private,
    )


def _drop_broken_records(prefix: Path) -> None:
    """Delete records that a kill cut off: the library refuses to work beside them."""
    for path in (prefix / "conda-meta").glob("*.json"):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            path.unlink()


def _identity(record: Json) -> tuple[str, str, str]:
    return record["name"], record["version"], record["build"]


def _package(record: Json, requested: set[str]) -> Package:
    return Package(
        name=record["name"],
        version=record["version"],
        manager="conda",
        build=record["build"],
        channel=_without_subdir(record),
        subdir=record.get("subdir", ""),
        url=redact(record.get("url") or ""),
        md5=record.get("md5") or "",
        sha256=record.get("sha256") or "",
        size=record.get("size"),
        depends=tuple(record.get("depends", ())),
        requested=record["name"] in requested,
    )


def _without_subdir(record: Json) -> str:
    channel = str(record.get("channel") or "").rstrip("/")
    return channel.removesuffix("/" + str(record.get("subdir")))


def _tidy_record(path: Path) -> None:
    """Make a record readable for others (the library writes 0600), without logins, its channel in conda's spelling."""
    record = json.loads(path.read_bytes())
    for key in ("url", "channel"):
        if record.get(key):
            record[key] = redact(record[key]).rstrip("/")
    _write(path, record)


def _write_record(prefix: Path, record: Json) -> None:
    """Write an installed package's record back as it was: who asked for it is not known to the library."""
    name, version, build = _identity(record)
    _write(prefix / "conda-meta" / f"{name}-{version}-{build}.json", record)


def _write(path: Path, record: Json) -> None:
    write_atomically(path, json.dumps(record, indent=2).encode() + b"\n")
    path.chmod(0o644)
