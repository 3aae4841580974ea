"""A conda sent to other copies of the same channels, where those in force fail it."""

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


def anywhere(work: Callable[[Sources], T], sources: Sources, reporter: Reporter) -> T:
    """Do a work with the sources, and where these fail, again with other copies of the same channels.

    It can be done again: conda has fetched everything before it links anything.
    """
    try:
        return work(sources)
    except EnvtoolError as error:
        if sources.offline or not (error.code == ExitCode.NETWORK or isinstance(error, UnsatisfiableError)):
            raise
        for others in _elsewhere(sources, error):
            try:
                done = work(others)
            except EnvtoolError:
                continue
            _tell(error, others, reporter)
            return done
        raise


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
