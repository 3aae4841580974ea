"""Requests of the embedded engine to its worker: specs in the user's words, translated for the library."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.clients.conda import channel_urls
from envtool.clients.conda.settings import CondaSettings
from envtool.engines import solve_specs
from envtool.engines.protocol import SolveRequest
from envtool.model import Channel
from envtool.prefix import conda_meta, pinned
from envtool.redaction import split_login
from envtool.specs import match_spec

Json = dict[str, Any]


@dataclass(frozen=True)
class WorkerRequest:
    """A request to solve for a prefix (None: a new one), with the records ``installed`` there, from these channels."""

    request: SolveRequest
    prefix: Path | None
    installed: Sequence[Json]
    channels: Sequence[Channel]
    settings: CondaSettings
    subdir: str

    @property
    def specs(self) -> tuple[str, ...]:
        """All specs to be solved for, as users write them: the new ones, and those that keep what is installed.

        An archive's spec is the name of its package.
        """
        specs = solve_specs.specs_to_solve(self.request, self.installed)
        if self.prefix is None:
            specs += solve_specs.not_named(self.settings.create_default_packages, specs)
        return tuple(match_spec.name(spec) if match_spec.is_archive(spec) else spec for spec in specs)

    @property
    def message(self) -> Json:
        """The request in the worker's terms."""
        archives = [spec for spec in self.request.specs if match_spec.is_archive(spec)]
        priority = self.settings.channel_priority
        specs = self.specs
        return {
            "action": "solve",
            "channels": [[channel.name, channel.urls, channel.mirrored] for channel in self.channels],
            # The library ignores records that a spec excludes. Strict priority must see all records of a name.
            "specs": [
                *(self._with_url(spec) if match_spec.split(spec).channel else [spec] for spec in specs),
                *([match_spec.name(spec)] for spec in specs if priority == "strict"),
            ],
            "archives": [[each.url, each.md5, each.sha256] for each in map(solve_specs.archive, archives)],
            "local_first": bool(archives) and len(archives) == len(self.request.specs) and not self.request.update,
            "installed": str(self.prefix) if self.prefix else None,
            "update": [*self.request.update, *self._from_elsewhere()],
            "pins": [*self.settings.pinned_packages, *(pinned.specs(self.prefix) if self.prefix else ())],
            "subdir": self.subdir,
            "priority": priority,
        }

    def _with_url(self, spec: str) -> list[str]:
        """Return a spec with the URL of its channel instead of the name; several if the name stands for several."""
        parts = match_spec.split(spec)
        return [parts.in_channel(url) for url in self._urls(parts.channel)]

    def _from_elsewhere(self) -> Iterator[str]:
        """Yield the installed packages that are requested from another channel than they came from."""
        installed = {record["name"]: conda_meta.package_of(record).channel for record in self.installed}
        for parts in map(match_spec.split, self.request.specs):
            if parts.channel and parts.name in installed:
                urls = (split_login(url)[0] for url in self._urls(parts.channel))
                if installed[parts.name] not in urls:
                    yield parts.name

    def _urls(self, name: str) -> list[str]:
        """Return the URLs of the channels that a name stands for: those of the settings, if they are in use.

        The command line may replace a channel's URL. A channel whose URL contains a variable is named by that text.
        """
        places = channel_urls(self.settings, name)
        configured = [url.rstrip("/") for _, url in places]
        used = [channel.urls[0] for channel in self.channels]
        names = {name, *(canonical for canonical, _ in places)}
        named = [channel.urls[0] for channel in self.channels if channel.name in names]
        return [url for url in configured if url in used] or named or configured


def public(spec: str) -> str:
    """Return a spec without its channel if that contains a login or a variable, for records."""
    parts = match_spec.split(spec)
    if "$" in parts.channel or split_login(parts.channel)[0] != parts.channel:
        return parts.in_channel("")
    return spec
