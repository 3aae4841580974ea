"""The conda engine: drives an installed conda, mamba or micromamba.

It writes its own prefix into files and so cannot be staged: it works at the final path, and what it leaves there after
a failure is removed by whoever reserved that path.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from envtool.engines import conda_records
from envtool.engines.protocol import EngineName, Solution, UnsatisfiableError, Wanted
from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Archive, Channel, Package, Sources
from envtool.prefix import mark_unfinished
from envtool.process import Command, Completed, stream
from envtool.reporter import Reporter
from envtool.words import redact, tr

STALL = 1800.0  # seconds of silence: with --json conda says nothing until it is done

Json = dict[str, Any]


class Conda:
    """See the module. ``program`` is the full path of the conda, mamba or micromamba to drive.

    ``accept_tos`` says that the user accepts the terms of service of the channels in use; nobody else may say it.
    """

    name: EngineName = "conda"

    def __init__(self, program: Path, command: str, *, accept_tos: bool = False) -> None:
        self._program = program
        self._command = command
        self._environment = {"CONDA_PLUGINS_AUTO_ACCEPT_TOS": "yes"} if accept_tos else {}

    def solve(self, wanted: Wanted, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        try:
            return self._solve(wanted, prefix, sources, reporter)
        except EnvtoolError as error:
            if sources.offline or not (error.code == ExitCode.NETWORK or isinstance(error, UnsatisfiableError)):
                raise
            for others in _elsewhere(sources, error):
                try:
                    solution = self._solve(wanted, prefix, others, reporter)
                except EnvtoolError:
                    continue
                _tell(error, others, reporter)
                return solution
            raise

    def _solve(self, wanted: Wanted, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        if wanted.archives:
            return Solution(wanted, link=tuple(_from_url(archive.url) for archive in wanted.archives), private=sources)
        # conda solves for a prefix that does not exist when none does: the path only has to be free.
        target = prefix or Path("/nonexistent/envtool")
        verb = _verb(wanted) if prefix else "create"
        arguments = (verb, "--dry-run", *_target(target), *_channels(sources, verb), *_what(wanted, verb))
        answer = self._run(arguments, sources, reporter, tr("Solving"))
        actions = answer.get("actions") or {}
        requested = {spec.split("=")[0].split(" ")[0].split("::")[-1].lower() for spec in wanted.specs}
        link = tuple(_package(record, requested) for record in actions.get("LINK", []))
        unlink = tuple(_package(record, requested) for record in actions.get("UNLINK", []))
        python = next((package.version for package in link if package.name == "python"), "")
        return Solution(wanted, link, unlink, python or (_python_in(prefix) if prefix else ""), sources)

    def create(self, solution: Solution, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        prefix.rmdir()  # conda wants the path to be free; our lock keeps it free
        self._apply("create", solution, prefix, workshop, reporter)
        mark_unfinished(prefix, self._command)

    def change(self, solution: Solution, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        self._apply(_verb(solution.wanted), solution, prefix, workshop, reporter)

    def fetch(self, solution: Solution, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        """Do nothing: conda itself fetches all before it links any."""

    def snapshot(self, solution: Solution, prefix: Path) -> Json:  # noqa: ARG002
        """Return where each installed package came from: to its revisions conda goes back only where it can solve."""
        return {path.stem: _address(path) for path in (prefix / "conda-meta").glob("*.json")}

    def restore(self, snapshot: Json, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        now = [path.stem for path in (prefix / "conda-meta").glob("*.json")]
        lost = tuple(Archive(**address) for stem, address in snapshot.items() if stem not in now)
        if lost:
            self._apply("install", Solution(Wanted(archives=lost), private=Sources()), prefix, workshop, reporter)
        kept = {_name_of(stem) for stem in snapshot}
        added = [name for name in map(_name_of, now) if name not in kept]
        if added:
            self._run(("remove", *_target(prefix), "--force", "--", *added), Sources(), reporter, tr("Removing"))

    def mend(self, snapshot: Json, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        for record in conda_records.overwritten(prefix, conda_records.read_all(prefix)):
            conda_records.drop(prefix, record)
        self.restore(snapshot, prefix, workshop, reporter)

    def forget(self, prefix: Path) -> None:
        """Do nothing: conda takes environments that are gone out of its list by itself, the next time it lists them."""

    def close(self) -> None:
        """Do nothing: nothing is kept running."""

    def _apply(self, verb: str, solution: Solution, prefix: Path, workshop: Path, reporter: Reporter) -> None:
        sources: Sources = solution.private
        what: tuple[str, ...]
        if solution.wanted.archives:
            listing = workshop / "explicit.txt"
            lines = [
                f"{archive.url}#{archive.sha256 or archive.md5}".rstrip("#") for archive in solution.wanted.archives
            ]
            listing.write_text("@EXPLICIT\n" + "\n".join(lines) + "\n", encoding="utf-8")
            what = ("--file", str(listing))
        else:
            what = (*_channels(sources, verb), *_what(solution.wanted, verb))
        self._run((verb, *_target(prefix), *what), sources, reporter, tr("Installing packages"))

    def _run(self, arguments: Sequence[str], sources: Sources, reporter: Reporter, label: str) -> Json:
        offline = ("--offline",) if sources.offline else ()
        command = Command(
            (str(self._program), *arguments[:1], "--json", "--yes", *offline, *arguments[1:]), self._environment
        )
        with reporter.bar(label):
            done = stream(command, stall=STALL)
        answer = _last_json(done.stdout)
        if done.returncode or (answer.get("success") is False and answer.get("error")):
            raise _failure(answer, done)
        return answer


def _elsewhere(sources: Sources, failure: EnvtoolError) -> Iterator[Sources]:
    """Yield the sources with each channel at its next replica, by address, until no channel has another.

    Where the channels answered and lacked something, only mirrors are left: what upstream lacks nobody has.
    """
    turning = [c for c in sources.channels if c.mirrored or not isinstance(failure, UnsatisfiableError)]
    for turn in range(1, max((len(channel.urls) for channel in turning), default=1)):
        channels = (_at(channel, turn) if channel in turning else channel for channel in sources.channels)
        yield replace(sources, channels=tuple(channels))


def _at(channel: Channel, turn: int) -> Channel:
    url = channel.urls[min(turn, len(channel.urls) - 1)]
    return channel if url == channel.urls[0] else Channel(redact(url), (url,))


def _tell(failure: EnvtoolError, others: Sources, reporter: Reporter) -> None:
    names = ", ".join(channel.name for channel in others.channels)
    template = (
        "A mirror does not have what was asked for; packages come from {channels} this time."
        if isinstance(failure, UnsatisfiableError)
        else "A channel does not answer; packages come from {channels} this time."
    )
    reporter.note(tr(template, channels=names))


def _verb(wanted: Wanted) -> str:
    return "remove" if wanted.remove else "update" if wanted.update else "install"


def _target(prefix: Path) -> tuple[str, str]:
    return "--prefix", str(prefix)


def _channels(sources: Sources, verb: str) -> tuple[str, ...]:
    if verb == "remove":
        return ()
    named = (option for channel in sources.channels for option in ("--channel", channel.name))
    return ("--override-channels", *named)


def _what(wanted: Wanted, verb: str) -> tuple[str, ...]:
    """Return the packages, after a word that ends the options: a name that looks like one stays a name."""
    return ("--", *{"remove": wanted.remove, "update": wanted.update}.get(verb, wanted.specs))


def _last_json(text: str) -> Json:
    """Return the JSON document in conda's output; older versions print progress documents before it, NUL-separated."""
    for part in reversed(text.split("\0")):
        start = part.find("{")
        if start >= 0:
            try:
                document = json.loads(part[start:])
            except ValueError:
                continue
            if isinstance(document, dict):
                return document
    return {}


_NETWORK_ERRORS = (
    "CondaHTTPError",
    "HTTPError",
    "ProxyError",
    "SSLError",
    "OfflineError",
    "UnavailableInvalidChannel",
    "ConnectionError",
)


def _failure(answer: Json, done: Completed) -> EnvtoolError:
    kind = str(answer.get("exception_name", ""))
    said = answer.get("message") or answer.get("error") or done.stderr.strip()[-2000:] or f"exit code {done.returncode}"
    reason = redact(str(said)).strip()
    if kind.startswith("CondaToS"):
        return EnvtoolError(
            tr("conda refuses until the terms of service of a channel are accepted: {reason}", reason=reason),
            hint=tr(
                "Read them with `conda tos view`; then accept them with --accept-tos, or do without that channel: "
                "--override-channels -c conda-forge."
            ),
        )
    if kind in _NETWORK_ERRORS or "HTTP" in kind:
        return EnvtoolError(
            tr("conda could not reach a channel: {reason}", reason=reason),
            hint=tr("Check the connection; `envtool mirror set NAME` chooses another mirror."),
            code=ExitCode.NETWORK,
        )
    if kind in (
        "ResolvePackageNotFound",
        "PackagesNotFoundError",
        "UnsatisfiableError",
        "LibMambaUnsatisfiableError",
        "PackagesNotFoundInChannelsError",
    ):
        return UnsatisfiableError(
            tr("No set of packages satisfies the request: {reason}", reason=reason),
            hint=tr("Check the spelling, loosen a version, or name another channel with -c."),
        )
    return EnvtoolError(tr("conda failed: {reason}", reason=reason), hint=tr("`--engine embedded` does without conda."))


def _package(record: Json, requested: set[str]) -> Package:
    return Package(
        name=record["name"],
        version=record["version"],
        manager="conda",
        build=record.get("build_string") or record.get("build", ""),
        channel=record.get("channel", ""),
        subdir=record.get("platform") or record.get("subdir", ""),
        url=redact(record.get("url") or ""),
        md5=record.get("md5") or "",
        sha256=record.get("sha256") or "",
        size=record.get("size"),
        requested=record["name"] in requested,
    )


def _from_url(url: str) -> Package:
    channel, subdir, file = url.rsplit("/", 2)
    name, version, build = file.removesuffix(".conda").removesuffix(".tar.bz2").rsplit("-", 2)
    return Package(name, version, "conda", build, redact(channel), subdir, redact(url), requested=True)


def _address(record: Path) -> dict[str, str]:
    content = json.loads(record.read_bytes())
    return {key: content.get(key) or "" for key in ("url", "md5", "sha256")}


def _name_of(stem: str) -> str:
    return stem.rsplit("-", 2)[0]


def _python_in(prefix: Path) -> str:
    record = next((prefix / "conda-meta").glob("python-[0-9]*.json"), None)
    return record.name.rsplit("-", 2)[1] if record else ""
