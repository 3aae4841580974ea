"""Solutions of the embedded engine: what the worker answers, and the changes that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from envtool.engines.protocol import Solution, SolveRequest
from envtool.i18n import tr
from envtool.model import Channel, Package
from envtool.prefix import conda_meta
from envtool.redaction import redact, split_login
from envtool.reporter import Reporter
from envtool.specs import match_spec

Json = dict[str, Any]


@dataclass(frozen=True)
class Details:
    """The engine's own part of a solution: all records of the resulting environment, and the mirrors in use.

    ``mirrors`` maps the URL of each channel to the URL of the mirror it is read from. ``specs`` are the requested specs
    of this and earlier commands.
    """

    records: Sequence[Json]
    specs: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    mirrors: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False

    def shown(self, packages: Sequence[Package]) -> tuple[Package, ...]:
        """Return packages with the variables in their channels' URLs, not the values, which may be secret."""
        texts = {split_login(c.urls[0])[0]: split_login(c.name)[0] for c in self.channels if "$" in c.name}
        return tuple(
            replace(
                package,
                url=package.url.replace(package.channel, texts[package.channel], 1),
                channel=texts[package.channel],
                private=True,
            )
            if package.channel in texts
            else package
            for package in packages
        )


def solution_of(request: SolveRequest, installed: Sequence[Json], private: Details) -> Solution:
    """Return the changes that turn the ``installed`` records into those of the worker's answer."""
    before = {_content(record): record for record in installed}
    after = {_content(record): record for record in private.records}
    requested = {match_spec.name(spec) for spec in request.specs}
    return Solution(
        request,
        link=private.shown(
            conda_meta.packages_of((record for key, record in after.items() if key not in before), requested)
        ),
        unlink=conda_meta.packages_of((record for key, record in before.items() if key not in after), requested),
        python=next((record["version"] for record in private.records if record["name"] == "python"), ""),
        private=private,
    )


def note_deviations(answer: Json, channels: Sequence[Channel], reporter: Reporter) -> None:
    """Note deviations from the configuration: channels read from other mirrors, and mixed channels."""
    for channel in channels:
        configured = channel.urls[0]
        if (used := answer["mirrors"][configured]) == configured:
            continue
        names = {"channel": channel.name, "url": redact(used), "configured": redact(configured)}
        if answer["lacking"]:
            reporter.note(
                tr("{configured} lacks a requested package. Reading {channel} from {url} this time.", **names)
            )
        else:
            reporter.note(tr("{configured} does not respond. Reading {channel} from {url} this time.", **names))
    if answer["mixed"]:
        reporter.note(tr("Packages of several channels are mixed: strict channel priority has no solution."))


def _content(record: Json) -> tuple[str, ...]:
    """Return the identity of a package. Two channels may have the same build with different content."""
    return (*conda_meta.identity(record), record.get("sha256") or "")


def switch_to_next_mirror(channels: Sequence[Channel], mirrors: dict[str, str], message: str) -> str | None:
    """Switch the channel that an error message names to its next mirror. Return its URL, or None if none is left."""
    for channel in channels:
        configured, used = channel.urls[0], mirrors[channel.urls[0]]
        if used not in message and configured not in message and len(channels) > 1:
            continue
        remaining = channel.urls[channel.urls.index(used) + 1 :]
        if remaining:
            mirrors[configured] = remaining[0]
            return remaining[0]
    return None
