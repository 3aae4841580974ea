"""A mirror's endpoints: its addresses as the clients need them, from the list of mirrors or from a URL."""

from urllib.parse import urlsplit

from envtool.clients.protocol import COMMON, Endpoints
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors.catalogue import Catalogue, CondaChannels, Mirror, PypiIndex
from envtool.mirrors.url_matching import UrlMatcher
from envtool.redaction import redact


def of_mirror(catalogue: Catalogue, mirror: Mirror) -> Endpoints:
    """Return a mirror's endpoints."""
    return Endpoints(
        mirror=mirror.name,
        index=mirror.pypi.index if mirror.pypi else "",
        parents=_parents(mirror.conda) if mirror.conda else {},
        python=mirror.python,
        upstream=catalogue.conda,
        upstream_defaults=catalogue.defaults,
    )


def mirror_meant(catalogue: Catalogue, text: str) -> Mirror:
    """Return the mirror that a name, an alias or a URL means.

    An unknown URL that ends in ``/simple`` is a Python package index; any other is a base with ``pkgs/`` and ``cloud/``
    below it. Raises EnvtoolError for an unknown name, a retired mirror, or a URL with a login in it.
    """
    if "://" not in text:
        mirror = catalogue.named(text)
    elif known := UrlMatcher(catalogue).match(text):
        if not known.mirror:
            raise EnvtoolError(
                tr("{url} is upstream, not a mirror.", url=redact(text)),
                hint=tr("`envtool mirror unset` goes back to upstream."),
                code=ExitCode.USAGE,
            )
        mirror = catalogue.named(known.mirror)
    else:
        return _from_url(text)
    if not mirror.usable:
        raise EnvtoolError(
            tr("{mirror} is retired (as of {date}): {note}", mirror=mirror.name, date=mirror.date, note=mirror.note),
            hint=tr("Use {other} instead: envtool mirror set {other}", other=mirror.replacement),
            code=ExitCode.USAGE,
        )
    return mirror


def refuse_odd_url(url: str) -> None:
    """Raise EnvtoolError (USAGE) for a URL that is of no use in a settings file, or has a login in it."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as a bracket that is not closed
        parts = urlsplit("")
    if parts.scheme not in ("http", "https", "file") or not (parts.netloc or parts.scheme == "file"):
        raise EnvtoolError(
            tr("{url} is not an http, https or file URL.", url=redact(url)),
            hint=tr("Give the name of a mirror (`envtool mirror list`) or a complete URL."),
            code=ExitCode.USAGE,
        )
    if redact(url) != url:
        raise EnvtoolError(
            tr("{url} holds a login, which envtool never writes to a file.", url=redact(url)),
            hint=tr("Keep the login in ~/.netrc and give the URL without it."),
            code=ExitCode.USAGE,
        )


def _from_url(url: str) -> Mirror:
    refuse_odd_url(url)
    base = url.rstrip("/")
    name = urlsplit(url).netloc or base
    if base.endswith("/simple"):
        return Mirror(name, name, "active", name, pypi=PypiIndex(base), own=True)
    return Mirror(
        name, name, "active", name, conda=CondaChannels(base, pkgs=("main", "r"), channels=COMMON[:1]), own=True
    )


def _parents(conda: CondaChannels) -> dict[str, str]:
    names = (*(f"pkgs/{part}" for part in conda.pkgs), *conda.channels, *conda.elsewhere)
    return {name: parent for name in names if (parent := conda.parent(name))}
