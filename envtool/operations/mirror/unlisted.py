"""Sources that no list knows: which of them an earlier switch wrote, and which answer like public ones."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from envtool import journal
from envtool.mirrors import url_matching
from envtool.operations.context import Context
from envtool.redaction import redact

if TYPE_CHECKING:
    from envtool.mirrors.health_check import Question


@dataclass(frozen=True)
class UnlistedSource:
    """An index or a channel in a settings file, and the kind of client that reads it."""

    client: Literal["conda", "pip"]
    url: str


def written_by_us(context: Context, sources: Collection[UnlistedSource]) -> set[str]:
    """Return the addresses that an earlier `mirror set` wrote."""
    if not sources:
        return set()
    words = {word.strip("\"',[]") for line in journal.lines_written(context.host, "mirror") for word in line.split()}
    return {source.url for source in sources if source.url in words or source.url.rpartition("/")[0] in words}


def answering(context: Context, sources: Sequence[UnlistedSource]) -> tuple[str, ...]:
    """Return the addresses that answer as a mirror of the default index, or of a public channel, would.

    A private index may do that, too, where it passes requests on. One with a login is the user's own and is not asked.
    """
    if not sources:
        return ()
    from envtool.mirrors import probe
    from envtool.operations.mirror import network

    asked = {source.url: _question(context, source) for source in sources if redact(source.url) == source.url}
    questions = {url: question for url, question in asked.items() if question}
    if not questions:
        return ()
    private = {source.url: _as_a_channel(context, source) for source in sources if source.url in questions}
    every = [*questions.values(), *(question for of_one in private.values() for question in of_one)]
    results = probe.check_all(context.host, every, settings=network.settings(context, strict=False))
    working = {result.url for result in results if result.status in ("ok", "elsewhere")}
    return tuple(
        url
        for url, question in questions.items()
        if question.url in working and not any(own.url in working for own in private[url])
    )


def _as_a_channel(context: Context, source: UnlistedSource) -> "list[Question]":
    """Return what shows that an address is a channel itself, of a name that no public one has: then it is private."""
    from envtool.mirrors.health_check import Question

    if source.client != "conda" or url_matching.public_channel(source.url):
        return []
    base = source.url.rstrip("/")
    return [Question(source.url, "conda", f"{base}/{subdir}") for subdir in (context.host.subdir, "noarch")]


def _question(context: Context, source: UnlistedSource) -> "Question | None":
    """Return what to ask of an address, or None where nobody could answer."""
    from envtool.mirrors.health_check import Question

    if not source.url.startswith(("http://", "https://")):
        return None
    if source.client == "pip":
        return Question(source.url, "pip", source.url)
    # what is no public channel may be the place of all of them
    channel = (
        source.url.rstrip("/") if url_matching.public_channel(source.url) else f"{source.url.rstrip('/')}/conda-forge"
    )
    return Question(source.url, "conda", f"{channel}/{context.host.subdir}")
