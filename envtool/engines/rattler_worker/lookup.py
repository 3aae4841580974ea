"""Look-up of packages in channels without solving: what is not there, and what is in its place."""

import difflib
from typing import Any

from rattler import Channel, Subdir
from rattler.exceptions import GatewayError

from envtool.engines.rattler_worker import unavailable
from envtool.engines.rattler_worker.errors import StalledError
from envtool.engines.rattler_worker.network import gateway, unless_stalled
from envtool.specs import match_spec

Json = dict[str, Any]


async def lookup(request: Json) -> Json:
    """Return which specs nothing in the channels matches.

    ``channels``, ``specs`` and ``subdir`` are those of a request to solve. In the answer, ``specs`` maps each such spec
    to the versions that there are, and ``similar`` each whose name is unknown to names that are spelled alike.
    """
    urls = {urls[0]: urls[0] for _, urls, _ in request["channels"]}
    missing = await unavailable.find(request | {"chosen": []}, urls)
    unknown = [spec for spec, versions in missing.items() if not versions]
    if not unknown:
        return {"specs": missing, "similar": {}}
    platforms = [Subdir(request["subdir"]), Subdir("noarch")]
    try:
        names = await unless_stalled(request, gateway(request, urls).names(map(Channel, urls), platforms))
    except (GatewayError, StalledError):
        return {"specs": missing, "similar": {}}
    known = [name.normalized for name in names]
    similar = {spec: difflib.get_close_matches(match_spec.name(spec), known, 3) for spec in unknown}
    return {"specs": missing, "similar": similar}
