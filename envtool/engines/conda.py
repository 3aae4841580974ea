"""The conda engine: drives an installed conda; ``mamba.py`` says what mamba and micromamba do otherwise.

It writes its own prefix into files and so cannot be staged: it works at the final path, and what it leaves there after
a failure is removed by whoever reserved that path.
"""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from envtool.clients.conda.program import find_program, is_mamba
from envtool.engines import conda_errors
from envtool.engines.channel_fallback import with_fallback
from envtool.engines.download_progress import show_downloads
from envtool.engines.package_cache import footprint
from envtool.engines.protocol import Engine, EngineSetup, EngineType, Solution, SolveRequest
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Archive, Package, Sources
from envtool.paths import Host
from envtool.prefix import conda_meta
from envtool.prefix.marks import mark_unfinished
from envtool.prefix.snapshot import Footprint
from envtool.process import Command, Completed, stream
from envtool.redaction import redact
from envtool.reporter import Reporter
from envtool.specs import match_spec

STALL = 1800.0  # seconds of silence: with --json conda says nothing until it is done

# pip is asked for by name where it is wanted, and left out with --no-pip: conda would add it to every new Python.
_WITHOUT_PIP = {f"{family}_ADD_PIP_AS_PYTHON_DEPENDENCY": "false" for family in ("CONDA", "MAMBA")}

Json = dict[str, Any]


class Conda:
    """See the module. ``program`` is the full path of the conda to drive, ``command`` the user's command line.

    ``caches`` are the folders in which it may keep packages. ``accept_tos`` says that the user accepts the terms of
    service of the channels in use; nobody else may say it.
    """

    def __init__(self, program: Path, command: str, caches: Sequence[Path], *, accept_tos: bool = False) -> None:
        self._program = program
        self._command = command
        self._caches = caches
        self._environment = {"CONDA_PLUGINS_AUTO_ACCEPT_TOS": "yes"} if accept_tos else {}

    def solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        return with_fallback(lambda where: self._solve(request, prefix, where, reporter), sources, reporter)

    def _solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        if request.archives:
            link = tuple(_from_url(archive.url) for archive in request.archives)
            return Solution(request, link, private=replace(sources, channels=()))
        # conda solves for a prefix that does not exist when none does: the path only has to be free.
        target = prefix or Path("/nonexistent/envtool")
        verb = _verb(request) if prefix else "create"
        arguments = (verb, "--dry-run", *at(target), *_channels(sources, verb), *_what(request, verb))
        answer = self._run(arguments, sources, reporter, tr("Solving"))
        actions = answer.get("actions") or {}
        requested = set(map(match_spec.name, request.specs))
        # conda tells addresses and sizes only of what it has to fetch
        known = {_identity(record): record for record in actions.get("FETCH", [])}
        told = ({**known.get(_identity(record), {}), **record} for record in actions.get("LINK", []))
        link = tuple(_package(record, requested) for record in told)
        unlink = tuple(_package(record, requested) for record in actions.get("UNLINK", []))
        python = next((package.version for package in link if package.name == "python"), "")
        return Solution(request, link, unlink, python or (_python_in(prefix) if prefix else ""), sources)

    def create(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        prefix.rmdir()  # conda wants the path to be free; our lock keeps it free

        def make(sources: Sources) -> None:
            if prefix.exists():
                shutil.rmtree(prefix)  # what the try before this one left
            self._apply("create", replace(solution, private=sources), prefix, scratch, reporter)

        with_fallback(make, solution.private, reporter)
        mark_unfinished(prefix, self._command)

    def change(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        def bring(sources: Sources) -> None:
            self._apply(_verb(solution.request), replace(solution, private=sources), prefix, scratch, reporter)

        with_fallback(bring, solution.private, reporter)

    def fetch(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Do nothing: conda itself fetches all before it links any."""

    def footprint(self, solution: Solution, prefix: Path) -> Footprint:
        return footprint(solution, prefix, self._caches)

    def unregister(self, prefix: Path) -> None:
        """Do nothing: conda takes environments that are gone out of its list by itself, the next time it lists them."""

    def close(self) -> None:
        """Do nothing: nothing is kept running."""

    def _apply(self, verb: str, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        sources: Sources = solution.private
        if solution.request.archives:
            self._take(verb, solution, prefix, scratch, reporter)
        else:
            what = (*at(prefix), *_channels(sources, verb), *_what(solution.request, verb))
            self._run((verb, *what), sources, reporter, tr("Installing packages"), solution.link)

    def _take(self, verb: str, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Link exactly the archives that are asked for."""
        listing = self._listed(solution.request.archives, scratch)
        self._run((verb, *at(prefix), *listing), solution.private, reporter, tr("Installing packages"))

    def _listed(self, archives: Sequence[Archive], scratch: Path) -> tuple[str, str]:
        """Write an explicit list and return the option that hands it over."""
        listing = scratch / "explicit.txt"
        lines = [f"{archive.url}#{self._digest(archive)}".rstrip("#") for archive in archives]
        listing.write_text("@EXPLICIT\n" + "\n".join(lines) + "\n", encoding="utf-8")
        return "--file", str(listing)

    def _digest(self, archive: Archive) -> str:
        return archive.sha256 or archive.md5

    def _run(
        self,
        arguments: Sequence[str],
        sources: Sources,
        reporter: Reporter,
        label: str,
        coming: Sequence[Package] = (),
    ) -> Json:
        """Return the program's answer; ``coming`` are the packages whose way into a cache is shown."""
        offline = ("--offline",) if sources.offline else ()
        environment = {**self._environment, **_WITHOUT_PIP} if arguments[0] == "create" else self._environment
        command = Command(
            (str(self._program), *arguments[:1], "--json", "--yes", *offline, *arguments[1:]), environment
        )
        with reporter.bar(label) as bar, show_downloads(coming, self._caches, bar):
            done = stream(command, stall=STALL)
        answer = _last_json(done.stdout)
        if error := self._failure(answer, done):
            raise error
        return answer

    def _failure(self, answer: Json, done: Completed) -> EnvtoolError | None:
        return conda_errors.of_conda(self._program, answer, done)


def at(prefix: Path) -> tuple[str, str]:
    """Return the option that names an environment."""
    return "--prefix", str(prefix)


def _verb(request: SolveRequest) -> str:
    return "remove" if request.remove else "update" if request.update else "install"


def _channels(sources: Sources, verb: str) -> tuple[str, ...]:
    if verb == "remove":
        return ()
    named = (option for channel in sources.channels for option in ("--channel", channel.name))
    return ("--override-channels", *named)


def _what(request: SolveRequest, verb: str) -> tuple[str, ...]:
    """Return the packages, after a word that ends the options: a name that looks like one stays a name."""
    return ("--", *{"remove": request.remove, "update": request.update}.get(verb, request.specs))


def _last_json(text: str) -> Json:
    """Return the JSON document that conda's output ends with.

    Older versions print progress documents before it, NUL-separated; mamba lets through what link scripts say.
    """
    for start in re.finditer(r"\{(?=[\n\"}])", text[text.rfind("\0") + 1 :]):
        try:
            document: Json = json.loads(start.string[start.start() :])
        except ValueError:
            continue
        return document
    return {}


def _identity(record: Json) -> tuple[str, str, str]:
    return record["name"], record["version"], record.get("build_string") or record.get("build", "")


def _package(record: Json, requested: set[str]) -> Package:
    return Package(
        name=record["name"],
        version=record["version"],
        manager="conda",
        build=_identity(record)[2],
        channel=record.get("channel", ""),
        subdir=record.get("platform") or record.get("subdir", ""),
        url=redact(record.get("url") or ""),
        md5=record.get("md5") or "",
        sha256=record.get("sha256") or "",
        size=record.get("size"),
        requested=record["name"] in requested,
    )


def _from_url(url: str) -> Package:
    channel, subdir, _ = url.rsplit("/", 2)
    name, version, build = conda_meta.split_stem(stem_of(url))
    return Package(name, version, "conda", build, redact(channel), subdir, redact(url), requested=True)


def stem_of(url: str) -> str:
    """Return an archive's name without its suffix, which is also its record's."""
    return url.rsplit("/", 1)[1].removesuffix(".conda").removesuffix(".tar.bz2")


def _python_in(prefix: Path) -> str:
    return next((version for name, version, _ in conda_meta.names(prefix) if name == "python"), "")


def _open(setup: EngineSetup) -> Engine:
    """Return the engine for the program in use: conda, or one of the mamba family."""
    program = find_program(setup.host)
    if program is None:
        raise _none_found()
    settings = setup.settings()
    default = (setup.root / "pkgs",) if setup.root else ()
    caches = settings.pkgs_dirs or (*default, setup.host.home / ".conda" / "pkgs")
    if is_mamba(program):
        from envtool.engines.mamba import Mamba

        return Mamba(program, setup.command, caches, setup.root, settings)
    return Conda(program, setup.command, caches, accept_tos=setup.accept_tos)


def _unavailable(host: Host) -> EnvtoolError | None:
    return None if find_program(host) else _none_found()


def _none_found() -> EnvtoolError:
    return EnvtoolError(
        tr("No conda, mamba or micromamba was found."),
        hint=tr("Install one and put it on PATH, or omit --engine: the embedded engine needs none."),
        code=ExitCode.MISSING,
    )


ENGINE = EngineType(
    name="conda",
    kind="conda",
    conda_half=True,
    open=_open,
    unavailable=_unavailable,
    reason=lambda host: tr("Engine: conda, found at {program}.", program=find_program(host)),
    title=lambda host: f"conda ({find_program(host)})",
)
