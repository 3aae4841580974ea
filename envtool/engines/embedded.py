"""The embedded engine: py-rattler in a worker process, with the guarantees of a transaction.

A new environment is linked into a staging folder, with its final path in the files, and then renamed. An existing
environment is changed only after all packages are in the cache. This module also writes what conda expects and the
library does not write: the history, file modes and environments.txt.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from envtool.clients.conda import canonical_name
from envtool.clients.conda.settings import CondaSettings
from envtool.engines import package_cache, post_link, solve_specs
from envtool.engines.post_link import Action
from envtool.engines.protocol import EngineSetup, EngineType, LinkScripts, Solution, SolveRequest
from envtool.engines.rattler import PackageError, Rattler
from envtool.engines.rattler_requests import WorkerRequest, public
from envtool.engines.rattler_solutions import Details, note_deviations, solution_of, switch_to_next_mirror
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Package, Sources
from envtool.paths import Host
from envtool.prefix import conda_meta, environments_txt, history
from envtool.prefix.marks import mark_unfinished
from envtool.prefix.snapshot import Footprint
from envtool.redaction import redact
from envtool.reporter import Reporter
from envtool.specs import match_spec

Json = dict[str, Any]


class Embedded:
    """The embedded engine. ``command`` is the user's command line, for the history; conda's ``settings`` apply.

    ``runs_scripts`` is False where packages' link scripts are left out.
    """

    def __init__(self, host: Host, command: str, settings: CondaSettings, *, runs_scripts: bool = True) -> None:
        self.runs_scripts = runs_scripts
        self._host = host
        self._caches = (host.cache_dir / "conda" / "pkgs",)
        self._command = redact(command)
        self._settings = settings
        self._worker = Rattler(host, settings)

    # -- Engine protocol --------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        self._worker.start()

    def solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        installed = conda_meta.require_records(prefix) if prefix else []
        if request.archives:
            return self._explicit(request, installed, sources, reporter)
        offline = self._is_offline(sources)
        if request.remove and not (request.specs or request.update):
            return solution_of(request, installed, self._without(request, installed, sources))
        question = WorkerRequest(request, prefix, installed, sources.channels, self._settings, self._host.subdir)
        with reporter.bar(tr("Solving")) as bar:
            answer = self._worker.request(
                question.message | {"offline": offline}, lambda event: bar.update(event["done"], unit="bytes")
            )
        self._require_platform(answer["records"])
        note_deviations(answer, sources.channels, reporter)
        private = Details(
            answer["records"], tuple(map(public, question.specs)), sources.channels, answer["mirrors"], offline
        )
        return solution_of(request, installed, private)

    def _without(self, request: SolveRequest, installed: Sequence[Json], sources: Sources) -> Details:
        """Return the packages that remain. They are installed, so no channel is read."""
        records = solve_specs.remaining(map(match_spec.name, request.remove), installed)
        specs = [spec for record in records for spec in conda_meta.requested_specs(record)]
        packages = tuple(spec for spec in specs if not match_spec.is_archive(spec))
        return Details(records, packages, sources.channels, offline=self._is_offline(sources))

    def _explicit(
        self, request: SolveRequest, installed: Sequence[Json], sources: Sources, reporter: Reporter
    ) -> Solution:
        """Return a solution of exactly the requested archives, and the installed packages with other names."""
        archives = [[archive.url, archive.md5, archive.sha256] for archive in request.archives]
        offline = self._is_offline(sources)
        message = {"action": "explicit", "archives": archives, "subdir": self._host.subdir, "offline": offline}
        with reporter.bar(tr("Fetching packages"), unit="bytes") as bar:
            new = self._worker.request(message, lambda event: bar.update(event["done"], unit="bytes"))["records"]
        self._require_platform(new)
        names = {record["name"] for record in new}
        kept = [record for record in installed if record["name"] not in names]
        return solution_of(request, installed, Details([*kept, *new], offline=offline))

    def create(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        stage = scratch / "stage"
        stage.mkdir()
        known = self.link_scripts(solution, None)
        self._link(solution.private, stage, prefix, scratch, reporter)
        self._announce_fetched(known, solution, None, reporter)
        self._finish_files(stage, solution)
        mark_unfinished(prefix, self._command)
        # Replaces the empty folder that reserved the path. A rename is atomic.
        stage.replace(prefix)
        self._run_scripts(prefix, solution.link, "post-link")
        environments_txt.register(self._host, prefix, reporter)

    def fetch(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        known = self.link_scripts(solution, prefix)
        self._link(solution.private, prefix, prefix, scratch, reporter, fetch_only=True)
        self._announce_fetched(known, solution, prefix, reporter)

    def footprint(self, solution: Solution, prefix: Path) -> Footprint:
        return package_cache.footprint(solution, prefix, self._caches)

    def link_scripts(self, solution: Solution, prefix: Path | None) -> LinkScripts:
        return package_cache.link_scripts(solution, prefix, self._caches)

    def change(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        self._run_scripts(prefix, solution.unlink, "pre-unlink")
        self._link(solution.private, prefix, prefix, scratch, reporter)
        self._finish_files(prefix, solution)
        self._run_scripts(prefix, solution.link, "post-link")

    def unregister(self, prefix: Path, reporter: Reporter) -> None:
        environments_txt.unregister(self._host, prefix, reporter)

    def close(self) -> None:
        self._worker.close()

    def _require_platform(self, records: Sequence[Json]) -> None:
        """Raise EnvtoolError for an archive that was built for another platform. Its URL need not say so."""
        supported = ("noarch", self._host.subdir, self._host.environ.get("CONDA_SUBDIR"))
        for record in records:
            if record["subdir"] not in supported:
                raise EnvtoolError(
                    tr(
                        "{url} is for {platform}, and this machine is {subdir}.",
                        url=redact(record["url"]),
                        platform=record["subdir"],
                        subdir=self._host.subdir,
                    ),
                    hint=tr("Install the archive that was built for this platform."),
                    code=ExitCode.BAD_INPUT,
                )

    def _announce_fetched(
        self, known: LinkScripts, solution: Solution, prefix: Path | None, reporter: Reporter
    ) -> None:
        """Name the scripts of packages that were not in the cache when the solution was shown."""
        found = self.link_scripts(solution, prefix).known
        new = LinkScripts(tuple(script for script in found if script not in known.known))
        post_link.announce(new, reporter, run=self.runs_scripts)

    def _run_scripts(self, prefix: Path, packages: Sequence[Package], action: Action) -> None:
        if self.runs_scripts:
            post_link.run(prefix, packages, action)

    def _is_offline(self, sources: Sources) -> bool:
        return sources.offline or self._settings.offline

    # -- linking ----------------------------------------------------------------------------------------------------

    def _link(
        self,
        private: Details,
        prefix: Path,
        final: Path,
        scratch: Path,
        reporter: Reporter,
        *,
        fetch_only: bool = False,
    ) -> None:
        """Link packages. If one is missing, truncated or corrupt, try again with the channel's next mirror."""
        mirrors = dict(private.mirrors)
        message = {
            "action": "link",
            "records": private.records,
            "prefix": str(prefix),
            "final": str(final),
            "scratch": str(scratch),
            "fetch_only": fetch_only,
            "offline": private.offline,
            "specs": private.specs,
        }
        label = tr("Fetching packages") if fetch_only else tr("Installing packages")
        while True:
            try:
                with reporter.bar(label) as bar:
                    self._worker.request(
                        message | {"mirrors": mirrors},
                        lambda event: bar.update(
                            event["done"], event.get("total"), label=event.get("label", ""), unit=event["unit"]
                        ),
                    )
            except PackageError as error:
                url = switch_to_next_mirror(private.channels, mirrors, error.message)
                if url is None:
                    raise
                reporter.note(tr("{reason}. Trying {url}.", reason=error.message.rstrip("."), url=url))
            else:
                break
        # The library writes this tag, with which backup programs skip a folder. That is right for caches only.
        (prefix / "CACHEDIR.TAG").unlink(missing_ok=True)

    def _finish_files(self, prefix: Path, solution: Solution) -> None:
        """Complete the records and write the history, as conda does and the library does not."""
        for package in solution.link:
            conda_meta.tidy(prefix, package)
        linked, unlinked = (self._with_channel_names(packages) for packages in (solution.link, solution.unlink))
        request = solution.request
        history.append(prefix, self._command, linked, unlinked, [*map(public, request.specs)], request.remove)

    def _with_channel_names(self, packages: Sequence[Package]) -> list[Package]:
        """Return packages with the names of their channels instead of URLs, as in conda's history."""
        return [replace(package, channel=canonical_name(self._settings, package.channel)) for package in packages]


def _open(setup: EngineSetup) -> Embedded:
    return Embedded(setup.host, setup.command, setup.settings(), runs_scripts=setup.run_scripts)


def _unavailable(_: Host) -> EnvtoolError | None:
    """Return an error if the library is not installed: it has no wheels for some platforms."""
    from importlib.util import find_spec

    if find_spec("rattler"):
        return None
    return EnvtoolError(
        tr("The embedded engine is not available on this platform."),
        hint=tr("Install conda (or micromamba), or use --engine venv."),
        code=ExitCode.MISSING,
    )


ENGINE = EngineType(
    name="embedded",
    kind="conda",
    conda_half=True,
    open=_open,
    unavailable=_unavailable,
    reason=lambda _: tr("Engine: embedded, since no conda is installed."),
)
