"""The conda engine: runs an installed conda. ``mamba.py`` has the differences for mamba and micromamba.

conda writes the prefix into files, so an environment cannot be staged: it is created at the final path. After a
failure, the caller that reserved the path removes what conda left there.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from envtool.clients.conda import health
from envtool.clients.conda.json_output import Json, last_document
from envtool.clients.conda.program import find_program, is_mamba
from envtool.engines import conda_errors, package_cache, solve_specs
from envtool.engines.channel_fallback import with_fallback
from envtool.engines.conda_packages import from_url, identity, package_of, stem_of
from envtool.engines.download_progress import show_downloads
from envtool.engines.held_conda.client import HeldConda, start_held
from envtool.engines.held_conda.holder import FETCHED
from envtool.engines.package_cache import require_safe
from envtool.engines.protocol import Engine, EngineSetup, EngineType, LinkScripts, Solution, SolveRequest
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import write_private
from envtool.i18n import tr
from envtool.model import Archive, Package, Sources
from envtool.paths import Host
from envtool.prefix import conda_meta
from envtool.prefix.marks import mark_unfinished
from envtool.prefix.snapshot import Footprint
from envtool.process import Command, Completed, stream
from envtool.redaction import redact, split_login
from envtool.reporter import Reporter
from envtool.specs import match_spec

_LIST = "--file"  # conda's option for an explicit list
STALL = 1800.0  # seconds without output: with --json, conda prints nothing until it has finished

# envtool requests pip by name, unless --no-pip is given. Without this, conda adds it to every new Python.
_WITHOUT_PIP = {f"{family}_ADD_PIP_AS_PYTHON_DEPENDENCY": "false" for family in ("CONDA", "MAMBA")}


class Conda:
    """The conda engine for one program of a ``host``.

    ``program`` is the full path of conda and ``command`` the user's command line. ``caches`` are the folders in which
    conda may keep packages. ``accept_tos``: the user has accepted the terms of service of the channels in use. Only
    the user can.
    """

    _asks_channels_to_remove = True

    def __init__(
        self, host: Host, program: Path, command: str, caches: Sequence[Path], *, accept_tos: bool = False
    ) -> None:
        self._host = host
        self._program = program
        self._command = command
        self._caches = caches
        self._held: HeldConda | None = None
        self._environment = {"CONDA_PLUGINS_AUTO_ACCEPT_TOS": "yes"} if accept_tos else {}

    def prepare(self) -> None:
        """Do nothing: conda is started with what it is to do."""

    def solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        request = solve_specs.with_archives(request)
        return with_fallback(lambda used: self._solve(request, prefix, used, reporter), sources, reporter)

    def _solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        if request.archives:
            link = tuple(from_url(archive.url) for archive in request.archives)
            python = next((package.version for package in link if package.name == "python"), "")
            python = python or (_python_in(prefix) if prefix else "")
            return Solution(request, link, python=python, private=replace(sources, channels=()))
        # For a new environment, conda solves for any path that does not exist.
        target = prefix or Path("/nonexistent/envtool")
        verb = _verb(request) if prefix else "create"
        arguments = (*at(target), *_channels(sources, verb), *_packages(request, verb))
        answer = self._solve_held((verb, *arguments), sources, reporter) if prefix else None
        if answer is None:
            answer = self._run((verb, "--dry-run", *arguments), sources, reporter, tr("Solving"))
        actions = answer.get("actions") or {}
        requested = set(map(match_spec.name, request.specs))
        # conda reports URLs and sizes only for packages it has to fetch
        fetched = {identity(record): record for record in actions.get("FETCH", [])}
        linked = ({**fetched.get(identity(record), {}), **record} for record in actions.get("LINK", []))
        link = tuple(package_of(record, requested) for record in linked)
        unlink = tuple(package_of(record, requested) for record in actions.get("UNLINK", []))
        python = next((package.version for package in link if package.name == "python"), "")
        return Solution(request, link, unlink, python or (_python_in(prefix) if prefix else ""), sources)

    def create(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        require_safe(solution.link, self._caches, prefix)
        prefix.rmdir()  # conda requires that the path does not exist; the lock keeps it free

        def create(sources: Sources) -> None:
            if prefix.exists():
                shutil.rmtree(prefix)  # left by the previous attempt
            wanted = replace(solution, private=sources)
            if solution.request.archives or not self._created_held(wanted, prefix, reporter):
                self._apply("create", wanted, prefix, scratch, reporter)

        with_fallback(create, solution.private, reporter)
        mark_unfinished(prefix, self._command)

    def _created_held(self, solution: Solution, prefix: Path, reporter: Reporter) -> bool:
        """Create an environment with a conda that is held before it links: its packages are looked into then.

        Returns False where this conda cannot be held; nothing was done then.
        """
        sources: Sources = solution.private
        arguments = (*at(prefix), *_channels(sources, "create"), *_packages(solution.request, "create"))
        if self._solve_held(("create", *arguments), sources, reporter) is None:
            return False
        if self._held:
            self._go_on(self._held.fetch, tr("Fetching packages"), reporter, solution.link)
        if self._held:  # one that has nothing to link has ended
            require_safe(solution.link, self._caches, prefix)
            self._go_on(self._held.link, tr("Installing packages"), reporter)
        return True

    def change(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        if self._held:
            self._go_on(self._held.link, tr("Installing packages"), reporter)
            return

        def change(sources: Sources) -> None:
            self._apply(_verb(solution.request), replace(solution, private=sources), prefix, scratch, reporter)

        with_fallback(change, solution.private, reporter)

    def fetch(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:  # noqa: ARG002
        """Fetch with the conda that is held. One that is not fetches everything before it links anything."""
        if not self._held:
            return

        def fetch(sources: Sources) -> None:
            if self._held is None:  # it ended when it could not reach the channels as they are
                again = self._solve(solution.request, prefix, sources, reporter)
                if _identities(again) != _identities(solution) or self._held is None:
                    raise conda_errors.other_packages()
            self._go_on(self._held.fetch, tr("Fetching packages"), reporter, solution.link)

        with_fallback(fetch, solution.private, reporter)
        require_safe(solution.link, self._caches, prefix)

    def footprint(self, solution: Solution, prefix: Path) -> Footprint:
        return package_cache.footprint(solution, prefix, self._caches)

    @property
    def runs_scripts(self) -> bool:
        """Always: conda runs the scripts itself, and has no option to leave them out."""
        return True

    def link_scripts(self, solution: Solution, prefix: Path | None) -> LinkScripts:
        return package_cache.link_scripts(solution, prefix, self._caches)

    def unregister(self, prefix: Path, reporter: Reporter) -> None:
        """Do nothing: conda drops missing environments from its list the next time it lists them."""

    def close(self) -> None:
        if self._held:
            self._held.close()
            self._held = None

    def _solve_held(self, arguments: Sequence[str], sources: Sources, reporter: Reporter) -> Json | None:
        """Return the plan of a conda that is held before the change, or None where this conda cannot be held."""
        self.close()
        command = self._command_of(arguments, sources)
        held = start_held(command, STALL)
        if held is None:
            return None
        with reporter.bar(tr("Solving")):
            done = held.solve()
        if done is None:
            held.close()
            return None
        self._held = held
        return self._answer_of(done)

    def _go_on(
        self, step: Callable[[], Completed], label: str, reporter: Reporter, downloads: Sequence[Package] = ()
    ) -> None:
        with reporter.bar(label) as bar, show_downloads(downloads, self._caches, bar):
            done = step()
        self._answer_of(done)

    def _answer_of(self, done: Completed) -> Json:
        """Return the answer of a held conda, and let go of one that has ended. Raises EnvtoolError where it failed."""
        held = self._held
        if held and not held.stop:
            self.close()
        answer = last_document(done.stdout)
        if held and held.stop == FETCHED:
            return answer
        if error := self._failure(answer, done):
            self.close()
            raise (None if answer else health.check_again(self._host, self._program)) or error
        return answer

    def _apply(self, verb: str, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        sources: Sources = solution.private
        if solution.request.archives:
            self._link_archives(verb, solution, prefix, scratch, reporter)
        else:
            arguments = (*at(prefix), *_channels(sources, verb), *_packages(solution.request, verb))
            self._run((verb, *arguments), sources, reporter, tr("Installing packages"), solution.link)

    def _link_archives(self, verb: str, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Link the archives of an explicit request, and check that their records exist: conda prints nothing."""
        archives = solution.request.archives
        arguments = (verb, *at(prefix), *self._explicit_list(archives, scratch))
        self._run(arguments, solution.private, reporter, tr("Installing packages"))
        records = {stem_of(archive.url): prefix / "conda-meta" / f"{stem_of(archive.url)}.json" for archive in archives}
        if missing := [stem for stem, record in records.items() if not record.is_file()]:
            raise EnvtoolError(
                tr("conda ended without an error, but has not installed: {names}", names=", ".join(missing))
            )

    def _explicit_list(self, archives: Sequence[Archive], scratch: Path) -> tuple[str, str]:
        """Write an explicit list and return the option that names it."""
        listing = scratch / "explicit.txt"
        lines = [f"{archive.url}#{self._digest(archive)}".rstrip("#") for archive in archives]
        write_private(listing, "@EXPLICIT\n" + "\n".join(lines) + "\n")  # URLs may hold logins
        return _LIST, str(listing)

    def _digest(self, archive: Archive) -> str:
        return archive.sha256 or archive.md5

    def _run(
        self,
        arguments: Sequence[str],
        sources: Sources,
        reporter: Reporter,
        label: str,
        downloads: Sequence[Package] = (),
    ) -> Json:
        """Return the JSON answer of the program. The progress of ``downloads`` into a package cache is shown."""
        command = self._command_of(arguments, sources)
        with reporter.bar(label) as bar, show_downloads(downloads, self._caches, bar):
            done = self._done(command)
        if _LIST in arguments and not (done.returncode or done.stdout.strip()):
            return {}  # conda prints nothing where it has installed a list
        answer = last_document(done.stdout)
        if error := self._failure(answer, done):
            raise (None if answer else health.check_again(self._host, self._program)) or error
        return answer

    def _command_of(self, arguments: Sequence[str], sources: Sources) -> Command:
        # what is to be removed is installed: no channel has to answer for that
        is_offline = sources.offline or (self._asks_channels_to_remove and arguments[0] == "remove")
        offline = ("--offline",) if is_offline else ()
        environment = {**self._environment, **_WITHOUT_PIP} if arguments[0] == "create" else self._environment
        return Command((str(self._program), *arguments[:1], "--json", "--yes", *offline, *arguments[1:]), environment)

    def _done(self, command: Command) -> Completed:
        """Run the program. Raises DoesNotStartError where it stopped working since it was last checked."""
        try:
            return stream(command, stall=STALL)
        except EnvtoolError as error:
            raise health.check_again(self._host, self._program) or error from None

    def _failure(self, answer: Json, done: Completed) -> EnvtoolError | None:
        return conda_errors.of_conda(self._program, answer, done)


def at(prefix: Path) -> tuple[str, str]:
    """Return the option that selects an environment."""
    return "--prefix", str(prefix)


def _verb(request: SolveRequest) -> str:
    return "remove" if request.remove else "update" if request.update else "install"


def _channels(sources: Sources, verb: str) -> tuple[str, ...]:
    if verb == "remove":
        return ()
    for channel in sources.channels:
        if "$" in channel.name or ("://" in channel.name and split_login(channel.urls[0])[0] != channel.urls[0]):
            raise EnvtoolError(
                tr(
                    "{channel} needs a token or login, which conda takes on its command line only: every user of this"
                    " machine could read it.",
                    channel=redact(channel.name),
                ),
                hint=tr("Use --engine embedded."),
            )
    named = (option for channel in sources.channels for option in ("--channel", channel.name))
    return ("--override-channels", *named)


def _packages(request: SolveRequest, verb: str) -> tuple[str, ...]:
    """Return the packages as arguments, after ``--``: a name that looks like an option stays a name."""
    return ("--", *{"remove": request.remove, "update": request.update}.get(verb, request.specs))


def _identities(solution: Solution) -> set[tuple[str, str, str]]:
    return {(package.name, package.version, package.build) for package in solution.link}


def _python_in(prefix: Path) -> str:
    return next((version for name, version, _ in conda_meta.names(prefix) if name == "python"), "")


def _open(setup: EngineSetup) -> Engine:
    """Return the engine for the installed program: conda, or mamba or micromamba."""
    program = find_program(setup.host)
    if program is None:
        raise _not_found()
    if not setup.run_scripts:
        raise EnvtoolError(
            tr("{program} runs packages' link scripts and has no option to leave them out.", program=program.name),
            hint=tr("For a new environment, add --engine embedded to --no-link-scripts."),
            code=ExitCode.USAGE,
        )
    settings = setup.settings()
    default = (setup.root / "pkgs",) if setup.root else ()
    caches = settings.pkgs_dirs or (*default, setup.host.home / ".conda" / "pkgs")
    if is_mamba(program):
        from envtool.engines.mamba import Mamba

        return Mamba(setup.host, program, setup.command, caches, setup.root, settings)
    return Conda(setup.host, program, setup.command, caches, accept_tos=setup.accept_tos)


def _unavailable(host: Host) -> EnvtoolError | None:
    program = find_program(host)
    return health.check(host, program) if program else _not_found()


def _not_found() -> EnvtoolError:
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
