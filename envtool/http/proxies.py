"""Proxies: which one an address is reached through, by settings and environment, and connections through it."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from envtool.http.errors import RequestError
from envtool.http.logins import without_login
from envtool.http.settings import PORTS, HttpSettings
from envtool.i18n import tr

if TYPE_CHECKING:
    import ssl

    from urllib3 import PoolManager


def proxy_for(address: str, settings: HttpSettings, environ: Mapping[str, str]) -> str:
    """Return the URL of the proxy for an address, which may hold a login; ``""`` for none."""
    return _proxy(address, settings, environ)[0]


def described_proxy(address: str, settings: HttpSettings, environ: Mapping[str, str]) -> str:
    """Return the proxy for an address as messages name it: host and port, and the variable that sets it, if any."""
    proxy, variable = _proxy(address, settings, environ)
    return f"{proxy_name(proxy)} ({variable})" if variable else proxy_name(proxy)


def _proxy(address: str, settings: HttpSettings, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the proxy for an address, and the variable that sets it (``""``: the client's own settings do)."""
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    proxies = {key: (value, "") for key, value in settings.proxies.items()}
    if settings.uses_environment:
        variables = {kind: (value, name) for kind, name, value in proxy_variables(environ)}
        if not _is_exempt(host, parts.port or PORTS[parts.scheme], variables.get("no", ("", ""))[0]):
            proxies |= variables
    keys = (f"{parts.scheme}://{host}", parts.scheme, f"all://{host}", "all")
    proxy, variable = next((proxies[key] for key in keys if key in proxies), ("", ""))
    proxy = proxy.strip()
    return (proxy if "://" in proxy or not proxy else f"http://{proxy}"), variable


def proxy_name(proxy: str) -> str:
    """Return a proxy's host and port, without its login."""
    return proxy.partition("://")[2].rpartition("@")[2].partition("/")[0]


def proxy_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield (``http``, ``https``, ``all`` or ``no``; variable; value) for each of ``HTTP_PROXY`` and its like.

    The lower-case name wins, also where it is empty: that is how programs are told to use none.
    """
    for kind in ("http", "https", "all", "no"):
        name = f"{kind}_proxy" if f"{kind}_proxy" in environ else f"{kind}_proxy".upper()
        if value := environ.get(name, ""):
            yield kind, name, value


def _is_exempt(host: str, port: int, no_proxy: str) -> bool:
    """Return whether ``NO_PROXY`` names a host: by name, domain, network, or ``*``, each with or without a port."""
    for entry in re.split(r"[,\s]+", no_proxy.strip().lower()):
        with_port = re.fullmatch(r"(\[.+\]|[^:]+):(\d+)", entry)
        if with_port and int(with_port[2]) != port:
            continue
        name = (with_port[1] if with_port else entry).strip("[]")
        domain = name.removeprefix("*").lstrip(".")
        if name == "*" or (domain and (host == domain or host.endswith(f".{domain}"))) or _is_in_network(host, name):
            return True
    return False


def _is_in_network(host: str, network: str) -> bool:
    import ipaddress

    if "/" not in network:
        return False
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def pool_manager(proxy: str, context: "ssl.SSLContext | None") -> "PoolManager":
    """Return connections through a proxy (``""``: none). ``context`` is for TLS, to the proxy as well as to the site.

    Raises RequestError where the proxy is of a kind that is not supported.
    """
    import urllib3

    if not proxy:
        return urllib3.PoolManager(ssl_context=context)
    scheme = proxy.partition("://")[0].lower()
    try:
        if scheme in ("socks4", "socks4a", "socks5", "socks5h"):
            return _socks_manager(proxy, context)
        if scheme in PORTS:
            return urllib3.ProxyManager(
                without_login(proxy), proxy_headers=_login(proxy), proxy_ssl_context=context, ssl_context=context
            )
    except ValueError:
        raise RequestError(
            "proxy", tr("the address of the proxy {proxy} is not valid", proxy=proxy_name(proxy))
        ) from None
    raise RequestError(
        "proxy",
        tr("the proxy {proxy} is of a kind that is not supported: {scheme}", proxy=proxy_name(proxy), scheme=scheme),
    )


def _login(proxy: str) -> Mapping[str, str]:
    import urllib3

    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    return urllib3.make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")


def _socks_manager(proxy: str, context: "ssl.SSLContext | None") -> "PoolManager":
    from importlib.util import find_spec

    if find_spec("socks") is None:  # urllib3 would warn as well as fail
        raise RequestError(
            "proxy",
            tr(
                "the proxy {proxy} is a SOCKS proxy, for which PySocks must be installed beside envtool",
                proxy=proxy_name(proxy),
            ),
        )
    from urllib3.contrib.socks import SOCKSProxyManager

    return SOCKSProxyManager(proxy, ssl_context=context)
