"""Sources of packages in one run: what the user named, what is configured, then upstream and its replicas."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.clients import conda, pip
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Channel, PipSources, Sources, Spec
from envtool.operations.context import Context
from envtool.operations.steps import placeholders
from envtool.specs import match_spec

if TYPE_CHECKING:
    from envtool.mirrors.catalogue import Mirror
    from envtool.operations.steps.source_option import NamedSource

REPLICAS = 3  # sites of other operators to try: where all of these fail, the connection is at fault
DEFAULT_CHANNEL = "conda-forge"  # where nothing is configured


@dataclass(frozen=True)
class SourceOptions:
    """The sources that a command line names. ``index`` is the value of -i, the others are added to what is configured.

    -i names a mirror for both halves, a channel, or an index that replaces the configured one.
    """

    channels: tuple[str, ...] = ()
    override_channels: bool = False
    index: str = ""
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    offline: bool = False


NO_OPTIONS = SourceOptions()


def gather(
    context: Context,
    options: SourceOptions,
    file_channels: Sequence[str] = (),
    prefix: Path | None = None,
    asked: Spec | None = None,
    *,
    channels: bool = True,
) -> Sources:
    """Return the sources of a run: those of the command line, of the file, of the settings, of the specs ``asked`` for.

    An environment's own configuration (``prefix``) counts. Private channels and indexes have no replicas; only what is
    read from upstream, or from a mirror of it, has. Without ``channels`` none are looked up: nothing is asked of conda.
    Raises EnvtoolError if a variable in a channel's URL is not set, or if -i names nothing that can serve what is
    asked for.
    """
    _require_channels(options, file_channels)
    source = _source(context, options, asked)
    if source and source.channel:
        options = replace(options, channels=(source.channel, *options.channels))
    in_specs = match_spec.channels(asked.conda if asked else ())
    found = _channels(context, options, file_channels, prefix, in_specs) if channels else ()
    if source and source.mirror:
        found = tuple(_moved(context, source.mirror, channel, offline=options.offline) for channel in found)
    return Sources(found, _pip(context, options, source, prefix), options.offline)


def _source(context: Context, options: SourceOptions, asked: Spec | None) -> "NamedSource | None":
    if not options.index:
        return None
    from envtool.operations.steps import source_option

    source = source_option.understood(context, options.index, offline=options.offline)
    if asked is not None:
        source_option.require_use(context, options.index, source, asked)
    return source


def uses_private_channel(context: Context, options: SourceOptions) -> bool:
    """Return whether a private channel is in use: what it holds may not be looked for anywhere else."""
    from envtool.mirrors import fallbacks

    return any(
        not fallbacks.others(context.catalogue, channel.urls[0]) for channel in _channels(context, options, (), None)
    )


def _require_channels(options: SourceOptions, file_channels: Sequence[str]) -> None:
    if options.override_channels and not (options.channels or file_channels):
        raise EnvtoolError(
            tr("--override-channels was given, but no channel is named."),
            hint=tr("Name the channels to use with -c."),
            code=ExitCode.USAGE,
        )


def _channels(
    context: Context,
    options: SourceOptions,
    file_channels: Sequence[str],
    prefix: Path | None,
    spec_channels: Sequence[str] = (),
) -> tuple[Channel, ...]:
    settings = context.conda_settings(prefix)
    named = [*options.channels, *(name for name in file_channels if name != "nodefaults")]
    if not options.override_channels:
        named += [name for name in settings.channels if not (name == "defaults" and "nodefaults" in file_channels)]
    found: dict[str, Channel] = {}
    for name in (*(named or [DEFAULT_CHANNEL]), *spec_channels):
        for canonical, url in conda.channel_urls(settings, placeholders.expand(name, context.host.environ)):
            address = url.rstrip("/")
            # The value of a variable may be secret: the channel is called by the text that names the variable.
            secret = bool(placeholders.variables(name))
            if secret or address not in found:
                shown = name if secret else canonical
                found[address] = _channel(context, shown, address, offline=options.offline)
    return tuple(found.values())


def _channel(context: Context, name: str, address: str, *, offline: bool) -> Channel:
    if offline:
        return Channel(name, (address,))
    from envtool.mirrors import fallbacks

    others = fallbacks.others(context.catalogue, address)[:REPLICAS]
    return Channel(name, (address, *others), bool(others) and fallbacks.is_mirror(context.catalogue, address))


def _moved(context: Context, mirror: "Mirror", channel: Channel, *, offline: bool) -> Channel:
    """Return a channel as a mirror serves it, this once; as it is where the mirror does not."""
    from envtool.mirrors.url_matching import UrlMatcher

    known = UrlMatcher(context.catalogue).match(channel.urls[0])
    public = known.channel if known and known.service == "conda" else ""
    address = mirror.conda.url(public) if mirror.conda and public else None
    if address is None:
        context.reporter.note(
            tr("{mirror} does not serve the channel {channel}.", mirror=mirror.name, channel=channel.name)
        )
        return channel
    return _channel(context, channel.name, address, offline=offline)


def _pip(context: Context, options: SourceOptions, source: "NamedSource | None", prefix: Path | None) -> PipSources:
    configured = pip.in_force(context.host, prefix=prefix)
    mirror = source.mirror if source else None
    index = mirror.pypi.index if mirror and mirror.pypi else source.index if source else ""
    return replace(
        configured,
        index=index or configured.index,
        extra_indexes=(*options.extra_indexes, *configured.extra_indexes),
        find_links=(*options.find_links, *configured.find_links),
    )
