"""The site that a name or an address given to ``mirror set`` means: nothing is written that was not listed or asked."""

from collections.abc import Sequence
from dataclasses import replace

from envtool.clients import client
from envtool.clients.protocol import UrlMatch
from envtool.i18n import tr
from envtool.mirrors import endpoints, url_matching
from envtool.operations.context import Context
from envtool.operations.mirror.site import Site, is_torch
from envtool.redaction import redact


def meant(context: Context, text: str) -> Site:
    """Return the site that a name, an alias or an address means.

    An address on a listed host means that mirror; any other is asked what it serves, and so is a mirror that nobody
    has verified. Raises EnvtoolError where it serves nothing, is retired, or is an index of PyTorch wheels.
    """
    known = context.catalogue
    match = url_matching.UrlMatcher(known).match(text) if "://" in text else None
    if "://" in text and match is None:
        from envtool.operations.mirror import asking  # loads an HTTP client, which a listed name does not need

        return asking.unlisted(context, text)
    mirror = endpoints.mirror_meant(known, text)
    site = Site.of_mirror(known, mirror)
    if match:
        return _of_address(site, match, text)
    if mirror.offered and not mirror.own:
        return site
    from envtool.operations.mirror import asking

    return asking.checked(context, site)


def tested(context: Context, name: str, clients: Sequence[str]) -> Site:
    """Return the mirror that was chosen for these clients by a test, as far as it has what is to be written."""
    from envtool.operations.mirror import asking

    mirror = context.catalogue.named(name)
    site = Site.of_mirror(context.catalogue, mirror)
    return asking.checked(context, site) if any(client(name).tested_for == "conda" for name in clients) else site


def _of_address(site: Site, match: UrlMatch, url: str) -> Site:
    """Return what an address of a listed mirror means: all of it, or one service where the address is of one."""
    if match.service == "torch":
        raise is_torch(url, match.mirror)
    if not match.alive:
        note = tr(
            "{url} is no address of {mirror}'s that is known: its listed ones are used.",
            url=redact(url),
            mirror=match.mirror,
        )
        return replace(site, notes=(note,))
    if match.service == "pypi":
        return replace(site, endpoints=replace(site.endpoints, parents={}, python=""), purposes=("pip",))
    if match.service == "conda":
        return replace(site, endpoints=replace(site.endpoints, index="", python=""), purposes=("conda",))
    return site
