"""Retry a conda command with other mirrors of its channels."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from envtool.engines.protocol import UnsatisfiableError
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Channel, Sources
from envtool.redaction import redact
from envtool.reporter import Reporter

T = TypeVar("T")


def with_fallback(action: Callable[[Sources], T], sources: Sources, reporter: Reporter) -> T:
    """Call an action with the sources and, if that fails, with other mirrors of the same channels.

    Returns the result of the first call that succeeds; otherwise raises the EnvtoolError of the first call. Only
    network errors and unsatisfiable requests are retried. An action can be repeated, because conda fetches all
    packages before it links any.
    """
    try:
        return action(sources)
    except EnvtoolError as error:
        if sources.offline or not (error.code == ExitCode.NETWORK or isinstance(error, UnsatisfiableError)):
            raise
        for fallback in _fallbacks(sources, error):
            try:
                result = action(fallback)
            except EnvtoolError:
                continue
            _note_fallback(error, fallback, reporter)
            return result
        raise


def _fallbacks(sources: Sources, failure: EnvtoolError) -> Iterator[Sources]:
    """Yield the sources with each channel replaced by its next mirror, until no channel has another.

    After an unsatisfiable request only configured mirrors are replaced: no mirror has packages that upstream lacks.
    """
    replaced = [c for c in sources.channels if c.mirrored or not isinstance(failure, UnsatisfiableError)]
    for index in range(1, max((len(channel.urls) for channel in replaced), default=1)):
        channels = (_at(channel, index) if channel in replaced else channel for channel in sources.channels)
        yield replace(sources, channels=tuple(channels))


def _at(channel: Channel, index: int) -> Channel:
    """Return a channel at its URL number ``index``, or the last one if it has fewer."""
    url = channel.urls[min(index, len(channel.urls) - 1)]
    return channel if url == channel.urls[0] else Channel(redact(url), (url,))


def _note_fallback(failure: EnvtoolError, used: Sources, reporter: Reporter) -> None:
    names = ", ".join(channel.name for channel in used.channels)
    if isinstance(failure, UnsatisfiableError):
        reporter.note(tr("A mirror lacks a requested package. Using {channels} this time.", channels=names))
    else:
        reporter.note(tr("A channel does not respond. Using {channels} this time.", channels=names))
