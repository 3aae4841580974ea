"""One request within a deadline, seen as it is: redirects followed by hand, the start of a body timed."""

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from envtool.i18n import tr
from envtool.paths import Host

_HOPS = 5
_CHUNK = 65536


@dataclass(frozen=True)
class Answer:
    """What a server said. ``url`` is where it ended after redirects; ``seconds`` until the first byte of the body.

    ``body`` holds at most as much as was asked for, ``rate`` is its speed in bytes per second (0 where too short to
    say), ``truncated`` that the connection ended before the length that was promised.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    rate: float
    truncated: bool = False


class NoAnswerError(Exception):
    """Nobody answered. ``kind`` is ``timeout``, ``certificate`` or ``down``."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:  # noqa: ARG002 - where it leads is ours to judge
        return None


def trust(host: Host, certificate: str = "") -> ssl.SSLContext:
    """Return what certificates are checked against; reading them takes tens of milliseconds, so once for all."""
    certificate = certificate or host.environ.get("SSL_CERT_FILE", "")
    place = Path(certificate)
    known = {"capath" if place.is_dir() else "cafile": certificate} if certificate and place.exists() else {}
    return ssl.create_default_context(**known)  # type: ignore[arg-type]


class Fetcher:
    """Requests on behalf of one client program: its User-Agent, the machine's proxies, certificates and netrc."""

    def __init__(self, host: Host, agent: str, context: ssl.SSLContext) -> None:
        self._host, self._agent, self._context = host, agent, context
        environ = {name.lower(): value for name, value in host.environ.items() if value}
        self._exempt = environ.get("no_proxy", "")
        self._proxies = {kind: environ[f"{kind}_proxy"] for kind in ("http", "https") if f"{kind}_proxy" in environ}

    def get(self, url: str, deadline: float, *, first: int = 0, accept: str = "*/*") -> Answer:
        """Return the answer to a GET, of the body at most ``first`` bytes (0: up to 8 MiB). Raises NoAnswerError.

        ``deadline`` is a time.monotonic() moment, for all of it.
        """
        headers = {"User-Agent": self._agent, "Accept": accept, "Accept-Encoding": "identity"}
        if first:
            headers["Range"] = f"bytes=0-{first - 1}"
        for _ in range(_HOPS):
            answer = self._once(url, headers, deadline, first or 1 << 23)
            target = answer.headers.get("location", "")
            if answer.status not in (301, 302, 303, 307, 308) or not target:
                return answer
            url = urljoin(url, target)
        raise NoAnswerError("down", tr("it redirects in a circle"))

    def _once(self, url: str, headers: dict[str, str], deadline: float, size: int) -> Answer:
        begun = time.monotonic()
        address, login = self._without_login(url)
        request = urllib.request.Request(address, headers={**headers, **login})  # noqa: S310 - http, https or file
        try:
            with self._open(request, max(0.05, deadline - begun)) as response:
                return _read(response, address, begun, deadline, size)
        except urllib.error.URLError as error:
            raise _no_answer(error.reason) from None
        except (OSError, HTTPException, ValueError) as error:
            raise _no_answer(error) from None

    def _open(self, request: urllib.request.Request, timeout: float) -> Any:
        exempt = urllib.request.proxy_bypass_environment(request.host, {"no": self._exempt})  # type: ignore[attr-defined]
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({} if exempt else self._proxies),
            urllib.request.HTTPSHandler(context=self._context),
            _Stay(),
        )
        try:
            return opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            return error  # a status is an answer, too

    def _without_login(self, url: str) -> tuple[str, dict[str, str]]:
        import base64

        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not user and (found := _from_netrc(self._host, parts.hostname or "")):
            user, password = found
        login = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()} if user else {}
        return urlunsplit(parts._replace(netloc=host)), login


def _read(response: HTTPResponse, url: str, begun: float, deadline: float, size: int) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    promised = int(headers["content-length"]) if headers.get("content-length", "").isdecimal() else None
    body, first_byte, truncated = b"", 0.0, False
    while len(body) < size:
        if time.monotonic() > deadline:
            raise NoAnswerError("timeout", tr("it was too slow"))
        chunk = response.read1(min(_CHUNK, size - len(body)))
        first_byte = first_byte or time.monotonic()
        if not chunk:
            truncated = promised is not None and len(body) < promised
            break
        body += chunk
    ended = time.monotonic()
    first_byte = first_byte or ended
    took = ended - first_byte
    rate = len(body) / took if took > 0.005 and len(body) > _CHUNK else 0.0
    return Answer(response.status, url, headers, body, first_byte - begun, rate, truncated)


def _no_answer(reason: object) -> NoAnswerError:
    if isinstance(reason, TimeoutError):
        return NoAnswerError("timeout", tr("it does not answer"))
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NoAnswerError("certificate", tr("its certificate is not valid: {why}", why=reason.verify_message))
    if isinstance(reason, ssl.SSLError):
        return NoAnswerError("certificate", tr("no secure connection: {why}", why=reason.reason or reason))
    return NoAnswerError("down", str(getattr(reason, "strerror", None) or reason))


def _from_netrc(host: Host, name: str) -> tuple[str, str] | None:
    import netrc

    try:
        found = netrc.netrc(host.environ.get("NETRC") or str(host.home / ".netrc")).authenticators(name)
    except (OSError, netrc.NetrcParseError):
        return None
    return (found[0], found[2] or "") if found else None
