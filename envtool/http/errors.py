"""Failed requests: what went wrong, told apart and in one sentence."""

import re
from typing import Literal

from envtool.i18n import tr

ErrorKind = Literal[
    "address",  # not one that HTTP can ask
    "refused",  # nobody listens there
    "unresolved",  # no such host name
    "timeout",
    "certificate",  # TLS: not trusted, expired, for another host, or no TLS at all
    "proxy",  # the proxy, not the site
    "connection",  # no route, reset, an answer that is not HTTP
    "truncated",  # the connection ended before the body did
    "redirect",  # in a circle, or to something that is not HTTP
    "missing",  # 404, 410; a local file that does not exist
    "status",  # any other status that is not success
    "size",  # more than was allowed for
    "range",  # the server does not send parts of files
]
_NETWORK: tuple[ErrorKind, ...] = ("refused", "unresolved", "timeout", "certificate", "proxy", "connection")


class RequestError(Exception):
    """A request that failed. The message says why, without address and login; ``status`` is 0 where nobody answered."""

    def __init__(self, kind: ErrorKind, reason: str, *, status: int = 0) -> None:
        super().__init__(reason)
        self.kind: ErrorKind = kind
        self.status = status

    @property
    def is_unreachable(self) -> bool:
        """Whether the network failed, so that asking the same host again would fail, too."""
        return self.kind in _NETWORK


def explained(error: Exception, *, host: str, proxy: str) -> RequestError:
    """Return what urllib3, or the system below it, raised in a request to ``host``.

    ``proxy`` is the host and port of the proxy that was used, ``""`` for none.
    """
    from urllib3.exceptions import LocationValueError

    if isinstance(error, LocationValueError):
        return RequestError("address", tr("the address is not an HTTP address"))
    cause = _innermost(error)
    if proxy and _is_of_proxy(error, cause):
        return RequestError("proxy", _proxy_reason(cause, proxy))
    kind = _kind(cause)
    reasons = {
        "refused": tr("the connection was refused"),
        "unresolved": tr("the host name {host} cannot be resolved", host=host),
        "timeout": tr("the server does not answer"),
        "certificate": _tls_reason(cause),
    }
    return RequestError(kind, reasons.get(kind) or _system_reason(cause))


def _innermost(error: BaseException) -> BaseException:
    """Return what an error of urllib3 wraps, however deep."""
    from urllib3.exceptions import HTTPError

    inner: object = getattr(error, "original_error", None) or error.__cause__
    if inner is None:
        inner = next((item for item in reversed(error.args) if isinstance(item, BaseException)), None)
    if inner is None and isinstance(error, HTTPError):
        inner = error.__context__  # its SOCKS part names no cause
    return _innermost(inner) if isinstance(inner, BaseException) else error


def _kind(cause: BaseException) -> ErrorKind:
    import socket
    import ssl

    if isinstance(cause, ssl.SSLError):
        return "certificate"
    if isinstance(cause, socket.gaierror):
        return "unresolved"
    if isinstance(cause, ConnectionRefusedError):
        return "refused"
    return "timeout" if isinstance(cause, TimeoutError) else "connection"


def _is_of_proxy(error: Exception, cause: BaseException) -> bool:
    """Return whether it was the proxy that failed: not reached, not agreed with, or unwilling to make a tunnel."""
    from urllib3.exceptions import ProxyError

    of_socks = type(cause).__module__ == "socks"
    return isinstance(error, ProxyError) or of_socks or str(cause).startswith("Tunnel connection failed")


def _proxy_reason(cause: BaseException, proxy: str) -> str:
    if match := re.match(r"Tunnel connection failed: (\d+) ?(.*)", str(cause)):
        if match[1] == "407":
            return tr("the proxy {proxy} asks for a login", proxy=proxy)
        return tr("the proxy {proxy} answers HTTP {status} {reason}", proxy=proxy, status=match[1], reason=match[2])
    cause = getattr(cause, "socket_err", None) or cause  # of PySocks
    kind = _kind(cause)
    if kind == "refused":
        return tr("the proxy {proxy} refused the connection", proxy=proxy)
    if kind == "unresolved":
        return tr("the host name of the proxy {proxy} cannot be resolved", proxy=proxy)
    if kind == "timeout":
        return tr("the proxy {proxy} does not answer", proxy=proxy)
    return tr("the proxy {proxy} failed: {reason}", proxy=proxy, reason=_system_reason(cause))


def _tls_reason(cause: BaseException) -> str:
    if verify_message := getattr(cause, "verify_message", ""):
        return tr("the certificate is not valid: {reason}", reason=verify_message)
    return tr("no secure connection is possible: {reason}", reason=getattr(cause, "reason", "") or cause)


def _system_reason(cause: BaseException) -> str:
    return str(getattr(cause, "strerror", None) or cause)
