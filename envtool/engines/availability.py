"""Availability of packages in channels, for engines that do not report what they could not find."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from typing import NamedTuple

from envtool.clients.conda.settings import CondaSettings
from envtool.engines.rattler import Rattler
from envtool.model import Sources
from envtool.paths import Host


class Missing(NamedTuple):
    """``specs`` that no channel matches, with the versions that there are; ``similar`` names of those unknown."""

    specs: Mapping[str, Sequence[str]]
    similar: Mapping[str, Sequence[str]]


def missing(host: Host, settings: CondaSettings, specs: Sequence[str], sources: Sources) -> Missing:
    """Return the packages that channels lack. Returns nothing if channels cannot be read on this platform.

    Raises EnvtoolError where a channel cannot be read.
    """
    if not find_spec("rattler"):
        return Missing({}, {})
    message = {
        "action": "lookup",
        "channels": [[channel.name, channel.urls, channel.mirrored] for channel in sources.channels],
        "specs": [[spec] for spec in specs],
        "subdir": host.subdir,
        "offline": sources.offline or settings.offline,
    }
    with closing(Rattler(host, settings)) as worker:
        return Missing(**worker.request(message))
