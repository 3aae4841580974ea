"""TLS contexts: whose certificates are trusted, and with which certificate the client shows itself."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from envtool.http.errors import RequestError
from envtool.http.settings import HttpSettings
from envtool.i18n import tr

if TYPE_CHECKING:
    import ssl

_LOADING = Lock()


def tls_context(settings: HttpSettings, environ: Mapping[str, str], *, verify: bool) -> "ssl.SSLContext":
    """Return how TLS connections are made. Raises RequestError where a certificate cannot be read.

    Authorities come from the settings, else from ``REQUESTS_CA_BUNDLE`` and its like, else from the system.
    """
    import ssl

    authorities = settings.certificate or _named_authorities(environ)
    with _LOADING:  # reading them takes tens of milliseconds: once, not once per thread
        context = _openssl_context(authorities, settings.client_certificate, settings.client_key, verify=verify)
    if context is None:
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load_client_certificate(context, settings.client_certificate, settings.client_key)
    return context


def _named_authorities(environ: Mapping[str, str]) -> str:
    """Return the authorities that the environment names: in requests' variables, else in OpenSSL's if they exist."""
    if named := environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE"):
        return named
    found = (environ.get(name, "") for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    return next((place for place in found if place and Path(place).exists()), "")


@cache
def _openssl_context(authorities: str, certificate: str, key: str, *, verify: bool) -> "ssl.SSLContext | None":
    """Return OpenSSL's own context, or None where only truststore knows the system's authorities.

    On Linux OpenSSL usually finds them itself. truststore would read them again for every connection (20 ms), and it
    lets no two threads shake hands at once, so it is used where OpenSSL finds none.
    """
    import ssl
    import sys

    if authorities and verify:
        try:
            context = ssl.create_default_context(**{"capath" if Path(authorities).is_dir() else "cafile": authorities})  # type: ignore[arg-type]
        except OSError as error:
            raise _unusable(authorities, error) from None
    else:
        context = ssl.create_default_context()
        if verify and not (sys.platform == "linux" and context.cert_store_stats()["x509_ca"]):
            return None
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _load_client_certificate(context, certificate, key)
    return context


def _load_client_certificate(context: "ssl.SSLContext", certificate: str, key: str) -> None:
    if certificate:
        try:
            context.load_cert_chain(certificate, key or None)
        except OSError as error:
            raise _unusable(certificate, error) from None


def _unusable(path: str, error: OSError) -> RequestError:
    reason = error.strerror or str(error)
    return RequestError(
        "certificate", tr("the certificate file {path} cannot be used: {reason}", path=path, reason=reason)
    )
