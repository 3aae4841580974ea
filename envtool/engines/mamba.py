"""The conda engine for mamba 2 and micromamba: their differences from conda."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from envtool.clients.conda import CondaSettings
from envtool.clients.conda.json_output import Json
from envtool.engines import conda_errors, solve_specs
from envtool.engines.conda import Conda, at
from envtool.engines.conda_packages import stem_of
from envtool.engines.errors import not_cached
from envtool.engines.protocol import Solution, SolveRequest
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Archive, Package, Sources
from envtool.paths import Host
from envtool.prefix import conda_meta
from envtool.process import Completed
from envtool.reporter import Reporter
from envtool.specs import match_spec


class Mamba(Conda):
    """The conda engine for mamba or micromamba.

    ``root`` is its root prefix. ``settings`` are conda's settings, some of which mamba ignores.
    """

    _asks_channels_to_remove = False

    def __init__(
        self,
        host: Host,
        program: Path,
        command: str,
        caches: Sequence[Path],
        root: Path | None,
        settings: CondaSettings,
    ) -> None:
        super().__init__(host, program, command, caches)
        self._settings = settings
        if root:  # mamba 2.0 has no default
            self._environment["MAMBA_ROOT_PREFIX"] = str(root)

    def _solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        if prefix is None and not request.archives:
            request = replace(request, specs=self._specs_for_new(request.specs))
        return super()._solve(request, prefix, sources, reporter)

    def _specs_for_new(self, specs: Sequence[str]) -> tuple[str, ...]:
        """Return the specs of a new environment: with conda's default packages, and without an unrequested pip."""
        specs = (*specs, *solve_specs.not_named(self._settings.create_default_packages, specs))
        names = [match_spec.name(spec) for spec in specs]
        if "pip" in names:
            return specs
        # Whatever its settings, mamba adds pip to a Python that is requested without a channel.
        without_channel = [name == "python" and "::" not in spec for name, spec in zip(names, specs, strict=True)]
        return tuple(f"::{spec}" if bare else spec for bare, spec in zip(without_channel, specs, strict=True))

    def _link_archives(self, verb: str, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        """Link archives. Installed packages of the same names are removed first: mamba would keep both."""
        installed = [path.stem for path in conda_meta.record_files(prefix)]
        archives = tuple(archive for archive in solution.request.archives if stem_of(archive.url) not in installed)
        names = {conda_meta.split_stem(stem_of(archive.url))[0] for archive in archives}
        old = [name for name, *_ in map(conda_meta.split_stem, installed) if name in names]
        if self._offline(solution.private):
            dry_run = (verb, "--dry-run", *at(prefix), *self._explicit_list(archives, scratch))
            self._run(dry_run, solution.private, reporter, tr("Checking the cache"))
        if old:  # fetch everything before removing anything
            fetch = (verb, *at(prefix), "--download-only", *self._explicit_list(archives, scratch))
            self._run(fetch, solution.private, reporter, tr("Fetching packages"))
            self._remove(old, prefix, reporter)
        if archives:
            super()._link_archives(
                verb, replace(solution, request=SolveRequest(archives=archives)), prefix, scratch, reporter
            )

    def _remove(self, names: Sequence[str], prefix: Path, reporter: Reporter) -> None:
        """Unlink packages, but not those that depend on them."""
        self._run(("remove", *at(prefix), "--force", "--", *names), Sources(), reporter, tr("Removing"))

    def _digest(self, archive: Archive) -> str:
        # mamba 2.0 reads a bare hash as MD5, and ignores one with the prefix of another algorithm.
        return archive.md5 or (archive.sha256 and f"sha256:{archive.sha256}")

    def _run(
        self,
        arguments: Sequence[str],
        sources: Sources,
        reporter: Reporter,
        label: str,
        downloads: Sequence[Package] = (),
    ) -> Json:
        answer = super()._run(arguments, sources, reporter, label, downloads)
        if self._offline(sources) and "--dry-run" in arguments:
            # Offline, mamba reads no index, but fetches missing packages nevertheless.
            records = answer.get("actions", {}).get("FETCH", ())
            missing = [record["fn"] for record in records if not record["url"].startswith("file:")]
            if missing:
                raise not_cached(", ".join(missing))
        return answer

    def _offline(self, sources: Sources) -> bool:
        return sources.offline or self._settings.offline

    def _failure(self, answer: Json, done: Completed) -> EnvtoolError | None:
        return conda_errors.of_mamba(self._program, answer, done)
