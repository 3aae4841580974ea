"""The client: requests with redirects followed by rule, limits in time and size, whole, in parts or as a stream."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urljoin, urlsplit, urlunsplit

from envtool import __version__
from envtool.http.certificates import tls_context
from envtool.http.errors import ErrorKind, RequestError, explained
from envtool.http.logins import Logins, without_login
from envtool.http.proxies import described_proxy, pool_manager, proxy_for, proxy_name
from envtool.http.settings import HttpSettings, Limits
from envtool.i18n import tr
from envtool.paths import Host

if TYPE_CHECKING:
    import ssl

    from urllib3 import BaseHTTPResponse, PoolManager

AGENT = f"envtool/{__version__}"
_REDIRECTS = (301, 302, 303, 307, 308)
_HOPS = 10
_CHUNK = 65536
_INSTANT = 0.005  # seconds


@dataclass(frozen=True)
class Response:
    """An answer of status 200 or 206. ``url`` is where it came from after redirects, ``headers`` have lower-case names.

    ``seconds`` passed until the first byte of the body, ``rate`` is in bytes per second (0 where too short to say).
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    rate: float

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode("utf-8", "replace")

    @property
    def content_type(self) -> str:
        """The ``Content-Type`` header."""
        return self.headers.get("content-type", "")


@dataclass(frozen=True)
class Stream:
    """An answer of status 200 or 206 whose body is still to come, in ``chunks``, which raise RequestError."""

    status: int
    url: str
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class HttpClient:
    """Requests on behalf of one program: with its settings and user agent, and the account's netrc.

    Connections are reused. Threads should each have a client of their own.
    """

    def __init__(
        self, host: Host, settings: HttpSettings | None = None, *, agent: str = AGENT, limits: Limits | None = None
    ) -> None:
        import urllib3  # noqa: F401 - takes longer than many a request: not to be paid within a limit

        self._host = host
        self._settings = settings or HttpSettings()
        limits = limits or Limits()
        timeout = min(self._settings.timeout or limits.stall, limits.stall)
        self._limits = replace(limits, connect=min(timeout, limits.connect), stall=timeout)
        self._agent = agent
        self._logins = Logins(host)
        self._managers: dict[tuple[str, str, bool], PoolManager] = {}

    def get(self, url: str, *, accept: str = "*/*", limits: Limits | None = None) -> Response:
        """Return what is at ``url``. Raises RequestError, also for a status other than 200 and 206."""
        limits = limits or self._limits
        headers = {"Accept": accept, "Accept-Encoding": "gzip"}
        return self._whole(url, headers, limits, size=limits.size, cut=False)

    def sample(self, url: str, size: int, *, accept: str = "*/*", limits: Limits | None = None) -> Response:
        """Return the first ``size`` bytes of what is at ``url``, uncompressed, or all of it. Raises RequestError."""
        headers = {"Accept": accept, "Accept-Encoding": "identity", "Range": f"bytes=0-{size - 1}"}
        return self._whole(url, headers, limits or self._limits, size=size, cut=True)

    def part(self, url: str, first: int, last: int) -> tuple[bytes, int]:
        """Return the bytes ``first`` to ``last`` (inclusive) of a file, and the size of all of it.

        Raises RequestError, of kind ``range`` where the server would send the whole file, which may be large.
        """
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={first}-{last}"}
        with self.open(url, headers=headers) as stream:
            total = stream.headers.get("content-range", "").rpartition("/")[2]
            if stream.status != 206 or not total.isdecimal():
                raise RequestError("range", tr("the server does not send parts of files"), status=stream.status)
            return b"".join(stream.chunks), int(total)

    def goes_straight(self, url: str) -> bool:
        """Return whether a URL is reached without a proxy, so that its host name is resolved here."""
        return not self._proxy(url)

    def exists(self, url: str) -> bool:
        """Return whether there is a file at ``url``, without fetching it."""
        try:
            with self.open(url, headers={"Accept-Encoding": "identity", "Range": "bytes=0-0"}):
                return True
        except RequestError:
            return False

    @contextmanager
    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, limits: Limits | None = None
    ) -> Iterator[Stream]:
        """Yield an answer whose body is read as it comes. Raises RequestError as :meth:`get` does."""
        limits = limits or self._limits
        deadline = time.monotonic() + limits.total if limits.total else None
        answer, address = self._answer(url, {"User-Agent": self._agent, **(headers or {})}, limits, deadline)
        try:
            _require_success(answer, through=self._proxy(address))
            lower = {name.lower(): value for name, value in answer.headers.items()}
            yield Stream(answer.status, address, lower, _chunks(answer, deadline))
        finally:
            answer.close()

    def _whole(self, url: str, headers: Mapping[str, str], limits: Limits, *, size: int, cut: bool) -> Response:
        """Return an answer with its body: with no more than ``size`` bytes of it where ``cut``, else RequestError."""
        begun = time.monotonic()
        body, first, ended = bytearray(), 0.0, 0.0
        with self.open(url, headers=headers, limits=limits) as stream:
            for chunk in stream.chunks:
                ended = time.monotonic()
                first = first or ended
                body += chunk
                if len(body) >= size and cut:
                    break
                if len(body) > size:
                    raise RequestError(
                        "size", tr("the answer is larger than {size} bytes", size=size), status=stream.status
                    )
        took = ended - first
        # in less than _INSTANT the clock would measure itself: a mirror on the campus is that near
        rate = len(body) / max(took, _INSTANT) if len(body) > _CHUNK else 0.0
        seconds = (first or time.monotonic()) - begun
        return Response(stream.status, stream.url, stream.headers, bytes(body[:size]), seconds, rate)

    def _answer(
        self, url: str, headers: dict[str, str], limits: Limits, deadline: float | None
    ) -> tuple["BaseHTTPResponse", str]:
        """Return the answer at the end of all redirects, and the address that gave it."""
        address = self._logins.taken_from(_checked(url, "address"))
        was_secure = False
        for _ in range(_HOPS + 1):
            is_secure = address.startswith("https:")
            # a login that went encrypted is never repeated in the clear
            login = {} if was_secure and not is_secure else self._logins.header_for(address)
            was_secure = was_secure or is_secure
            answer = self._sent(address, {**headers, **login}, limits, deadline)
            target = answer.headers.get("Location", "")
            if answer.status not in _REDIRECTS or not target:
                return answer, address
            answer.close()
            address = without_login(_checked(target, "redirect", base=address))
        raise RequestError("redirect", tr("the server redirects in a circle"))

    def _sent(
        self, address: str, headers: Mapping[str, str], limits: Limits, deadline: float | None
    ) -> "BaseHTTPResponse":
        import urllib3

        left = max(0.05, deadline - time.monotonic()) if deadline else None
        proxy = self._proxy(address)
        try:
            return self._manager(address, proxy).request(
                "GET",
                address,
                headers=dict(headers),
                timeout=urllib3.Timeout(total=left, connect=limits.connect, read=limits.stall),
                preload_content=False,
                redirect=False,
                retries=False,
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            described = described_proxy(address, self._settings, self._host.environ)
            raise explained(error, host=urlsplit(address).hostname or "", proxy=described) from None

    def _proxy(self, address: str) -> str:
        return proxy_for(address, self._settings, self._host.environ)

    def _manager(self, address: str, proxy: str) -> "PoolManager":
        """Return the connections for an address: by its scheme, its proxy, and whether its certificate is verified."""
        parts = urlsplit(address)
        trusted = {parts.hostname, parts.netloc} & set(self._settings.trusted_hosts)
        key = (parts.scheme, proxy, self._settings.verify and not trusted)
        if key not in self._managers:
            uses_tls = parts.scheme == "https" or proxy.lower().startswith("https:")
            self._managers[key] = pool_manager(proxy, self._context(verify=key[2]) if uses_tls else None)
        return self._managers[key]

    def _context(self, *, verify: bool) -> "ssl.SSLContext":
        import urllib3

        if not verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the user has decided
        return tls_context(self._settings, self._host.environ, verify=verify)


def _checked(url: str, kind: Literal["address", "redirect"], *, base: str = "") -> str:
    """Return a URL that HTTP can ask, its host name in ASCII. Raises RequestError of that ``kind`` for any other."""
    try:
        parts = urlsplit(urljoin(base, url))
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            netloc = parts.netloc
            if not parts.hostname.isascii():
                login, at, _ = netloc.rpartition("@")
                port = f":{parts.port}" if parts.port else ""
                netloc = f"{login}{at}{parts.hostname.encode('idna').decode('ascii')}{port}"
            return urlunsplit(parts._replace(netloc=netloc, fragment=""))
    except ValueError:
        pass
    if kind == "redirect":
        raise RequestError("redirect", tr("the server redirects to an address that is not HTTP"))
    raise RequestError("address", tr("the address is not an HTTP address"))


def _require_success(answer: "BaseHTTPResponse", *, through: str) -> None:
    status = answer.status
    if status in (200, 206):
        return
    if status == 407 and through:
        raise RequestError("proxy", tr("the proxy {proxy} asks for a login", proxy=proxy_name(through)))
    kind: ErrorKind = "missing" if status in (404, 410) else "status"
    reason = answer.reason or ""
    raise RequestError(kind, tr("HTTP {status} {reason}", status=status, reason=reason).strip(), status=status)


def _chunks(answer: "BaseHTTPResponse", deadline: float | None) -> Iterator[bytes]:
    from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

    while True:
        try:
            chunk = answer.read1(_CHUNK)
        except ReadTimeoutError:
            raise RequestError("timeout", tr("the server stopped sending"), status=answer.status) from None
        except DecodeError:
            raise RequestError("connection", tr("the answer is broken"), status=answer.status) from None
        except (HTTPError, OSError):
            raise RequestError("truncated", tr("the connection ended too early"), status=answer.status) from None
        if not chunk:
            return
        yield chunk
        if deadline and time.monotonic() > deadline:
            raise RequestError("timeout", tr("the server is too slow"), status=answer.status)
