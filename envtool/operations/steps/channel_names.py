"""Channels under the names that the user's settings give them."""

from collections.abc import Iterable
from dataclasses import replace

from envtool.clients import conda
from envtool.model import Environment, Package
from envtool.operations.context import Context


def channel_names(context: Context, environment: Environment, channels: Iterable[str]) -> dict[str, str]:
    """Return the name of each channel, given as packages of the environment record it (a URL or a name)."""
    settings = context.conda_settings(environment.prefix)
    return {channel: conda.canonical_name(settings, channel) for channel in dict.fromkeys(channels) if channel}


def with_channel_names(context: Context, environment: Environment, packages: Iterable[Package]) -> tuple[Package, ...]:
    """Return packages of an environment with their channels by name."""
    packages = tuple(packages)
    names = channel_names(context, environment, (package.channel for package in packages))
    return tuple(replace(package, channel=names.get(package.channel, "")) for package in packages)
