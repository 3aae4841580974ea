"""Where packages may come from in one run: what the user named, what he configured, then upstream and its replicas."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from envtool.clients import conda, pip
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import fallbacks
from envtool.model import Channel, PipSources, Sources
from envtool.operations.context import Context

REPLICAS = 3  # how many other operators' sites are tried: where all of these fail it is our own connection
DEFAULT_CHANNEL = "conda-forge"  # where nothing is configured


@dataclass(frozen=True)
class Asked:
    """What a command line says about sources. ``index`` replaces the configured index, the others are added."""

    channels: tuple[str, ...] = ()
    override_channels: bool = False
    index: str = ""
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    offline: bool = False


NOTHING = Asked()


def gather(context: Context, asked: Asked, file_channels: Sequence[str] = (), prefix: Path | None = None) -> Sources:
    """Return the sources of a run: those asked for, then those of the file, then the configured ones.

    An environment's own configuration (``prefix``) counts. Private channels and indexes stay alone; replicas are
    offered only for what is read from upstream.
    """
    return Sources(_channels(context, asked, file_channels, prefix), _pip(context, asked, prefix), asked.offline)


def stays_private(context: Context, asked: Asked) -> bool:
    """Return whether a private channel is configured: what is asked of it may not be looked for anywhere else."""
    known = context.catalogue
    return any(not fallbacks.others(known, channel.urls[0]) for channel in gather(context, asked).channels)


def _channels(context: Context, asked: Asked, file_channels: Sequence[str], prefix: Path | None) -> tuple[Channel, ...]:
    if asked.override_channels and not (asked.channels or file_channels):
        raise EnvtoolError(
            tr("--override-channels leaves no channel: none is named."),
            hint=tr("Name those to use with -c."),
            code=ExitCode.USAGE,
        )
    settings = context.conda_settings(prefix)
    named = [*asked.channels, *(name for name in file_channels if name != "nodefaults")]
    if not asked.override_channels:
        named += [name for name in settings.channels if not (name == "defaults" and "nodefaults" in file_channels)]
    known = context.catalogue
    found: dict[str, Channel] = {}
    for name in named or [DEFAULT_CHANNEL]:
        for canonical, url in conda.channel_urls(settings, name):
            address = url.rstrip("/")
            others = () if asked.offline else fallbacks.others(known, address)[:REPLICAS]
            mirrored = bool(others) and fallbacks.is_mirror(known, address)
            found.setdefault(address, Channel(canonical, (address, *others), mirrored))
    return tuple(found.values())


def _pip(context: Context, asked: Asked, prefix: Path | None) -> PipSources:
    configured = pip.in_force(context.host, prefix=prefix)
    return replace(
        configured,
        index=asked.index or configured.index,
        extra_indexes=(*asked.extra_indexes, *configured.extra_indexes),
        find_links=(*asked.find_links, *configured.find_links),
    )
