"""Network settings of each client, read from its own files and variables."""

from envtool.clients import conda, pip
from envtool.errors import EnvtoolError
from envtool.http.settings import HttpSettings
from envtool.mirrors.health_check import Purpose
from envtool.operations.context import Context


def settings(context: Context, *, strict: bool = True) -> dict[Purpose, HttpSettings]:
    """Return how each client reaches the network.

    Raises EnvtoolError on a broken configuration file; without ``strict`` such a client counts as not configured.
    """
    found: dict[Purpose, HttpSettings] = {}
    try:
        found["conda"] = conda.http_settings(context.conda_settings())
    except EnvtoolError:
        if strict:
            raise
    try:
        found["pip"] = found["torch"] = pip.http_settings(pip.in_force(context.host))
    except EnvtoolError:
        if strict:
            raise
    return found
