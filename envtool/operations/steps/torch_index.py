"""Requirement lines that name PyTorch's wheel index, limited to torch, and read from a mirror where it is blocked.

Every export of an environment with ``torch==2.6.0+cu124`` has such a line. Taken literally it breaks the rest: that
index also has old copies of numpy and others, and an installer that finds a name there looks no further.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.clients import pip
from envtool.i18n import tr
from envtool.model import Sources
from envtool.operations.context import Context
from envtool.reporter import Reporter

if TYPE_CHECKING:
    from envtool.mirrors.catalogue import Catalogue

_PATIENCE = 8.0  # seconds, to see whether a page exists
_INDEX = re.compile(r"--extra-index-url[\s=]+(?P<base>\S+?)/(?P<build>[a-z]+[\d.]*)/?")
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s*={2,3}\s*[^\s+;]+\+(?P<build>[a-z0-9.]+)(?:\s*;.*)?")


@dataclass(frozen=True)
class _Place:
    """A site with the wheels of one build: one page a project, or one (``flat``) for all of them."""

    url: str
    flat: bool

    def pages(self, names: Iterable[str]) -> tuple[str, ...]:
        return (self.url,) if self.flat else tuple(f"{self.url}/{name}/" for name in names)


def localized(context: Context, lines: tuple[str, ...], sources: Sources) -> tuple[str, ...]:
    """Return requirement lines in which PyTorch's index, or a mirror that answers, serves the pinned wheels alone."""
    if sources.offline or not any(_INDEX.fullmatch(line) for line in lines):
        return lines
    from envtool.gpu.index_client import IndexClient
    from envtool.http.client import HttpClient
    from envtool.http.settings import Limits

    limits = Limits(connect=_PATIENCE, stall=_PATIENCE)
    indexes = IndexClient(HttpClient(context.host, pip.http_settings(sources.pip), limits=limits))
    return tuple(_replaced(lines, context.catalogue, indexes.exists, context.reporter))


def _replaced(
    lines: Iterable[str], known: "Catalogue", answers: Callable[[str], bool], reporter: Reporter
) -> Iterable[str]:
    from envtool.mirrors import fallbacks

    pinned = [match for line in lines if (match := _PINNED.fullmatch(line))]
    for line in lines:
        index = _INDEX.fullmatch(line)
        names = [match["name"].lower() for match in pinned if index and match["build"] == index["build"]]
        if index is None or index["base"] != known.torch or not names:
            yield line
            continue
        official = _Place(f"{known.torch}/{index['build']}", flat=False)
        places = [
            official,
            *(_Place(url, how == "find-links") for how, url in fallbacks.for_torch(known, index["build"])),
        ]
        found = next((place for place in places if answers(place.pages(names)[0])), None)
        if found is None:
            reporter.note(tr("PyTorch's wheel index cannot be reached; looking in the configured indexes only."))
        elif found != official:
            reporter.note(
                tr("{url} cannot be reached; using {mirror} for this run.", url=official.url, mirror=found.url)
            )
        yield from (f"--find-links {page}" for page in (found.pages(names) if found else ()))
