"""Sources of packages in one run: what the user named, what is configured, then upstream and its replicas."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from envtool.clients import conda, pip
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Channel, PipSources, Sources
from envtool.operations.context import Context
from envtool.operations.steps import placeholders
from envtool.specs import match_spec

REPLICAS = 3  # sites of other operators to try: where all of these fail, the connection is at fault
DEFAULT_CHANNEL = "conda-forge"  # where nothing is configured


@dataclass(frozen=True)
class SourceOptions:
    """The sources that a command line names. ``index`` replaces the configured index, the others are added."""

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
    conda: Sequence[str] = (),
    *,
    channels: bool = True,
) -> Sources:
    """Return the sources of a run: those of the command line, of the file, of the settings, of ``conda`` (match specs).

    An environment's own configuration (``prefix``) counts. Private channels and indexes have no replicas; only what is
    read from upstream, or from a mirror of it, has. Without ``channels`` none are looked up: nothing is asked of conda.
    Raises EnvtoolError if a variable in a channel's URL is not set.
    """
    _require_channels(options, file_channels)
    in_specs = match_spec.channels(conda)
    found = _channels(context, options, file_channels, prefix, in_specs) if channels else ()
    return Sources(found, _pip(context, options, prefix), options.offline)


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


def _pip(context: Context, options: SourceOptions, prefix: Path | None) -> PipSources:
    configured = pip.in_force(context.host, prefix=prefix)
    return replace(
        configured,
        index=options.index or configured.index,
        extra_indexes=(*options.extra_indexes, *configured.extra_indexes),
        find_links=(*options.find_links, *configured.find_links),
    )
