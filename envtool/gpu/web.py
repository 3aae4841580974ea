"""Fetching pages, and small parts of large files, as pip would: with its certificates, proxy, logins, trusted hosts."""

import io
import ssl
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import url2pathname

from envtool.gpu.wheels import JSON_PAGE, Wheel
from envtool.i18n import tr
from envtool.model import PipSources
from envtool.paths import Host

PATIENCE = 15.0  # seconds for one answer; pip's own timeout where that is shorter
_ACCEPT = f"{JSON_PAGE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_AGENT = "envtool"


class UnansweredError(Exception):
    """A source that did not give what was asked for; the message says why, without logins.

    ``status`` is the HTTP status, 404 also for a file that does not exist; 0 where nobody answered at all.
    """

    def __init__(self, reason: str, *, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Page:
    """What came back: the text, its content type, and the address that relative links start from."""

    text: str
    content_type: str
    url: str


class Web:
    """One way to the network, as pip's settings describe it. Folders and ``file:`` addresses work too."""

    def __init__(self, host: Host, sources: PipSources, *, patience: float = PATIENCE) -> None:
        self._host = host
        self._sources = sources
        self._logins = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        self._timeout = min(sources.timeout or patience, patience)

    def page(self, url: str) -> Page:
        """Return a page, or a folder's listing as one. Raises UnansweredError."""
        if (path := local(url)) is not None:
            return _folder(path)
        with self._answer(url, {"Accept": _ACCEPT}) as answer:
            text = self._guarded(answer.read).decode("utf-8", "replace")
            return Page(text, answer.headers.get("Content-Type", ""), answer.geturl())

    def metadata(self, wheel: Wheel) -> str:
        """Return a wheel's METADATA: the copy beside it, else read out of the wheel itself. Raises UnansweredError."""
        if (path := local(wheel.url)) is not None:
            return _metadata_in(lambda: path.open("rb"))
        if wheel.metadata:
            try:
                return self.page(wheel.url + ".metadata").text
            except UnansweredError:
                pass  # promised and not there: then as if it had not been promised
        return _metadata_in(lambda: io.BufferedReader(_Remote(self, wheel.url), 65536))

    def size(self, wheel: Wheel) -> int | None:
        """Return a wheel's size in bytes, None where nobody says."""
        if wheel.size is not None:
            return wheel.size
        try:
            path = local(wheel.url)
            return path.stat().st_size if path is not None else self.part(wheel.url, 0, 0)[1]
        except (UnansweredError, OSError):
            return None

    def part(self, url: str, first: int, last: int) -> tuple[bytes, int]:
        """Return some bytes of a file (both ends included), and the whole file's size."""
        with self._answer(url, {"Range": f"bytes={first}-{last}"}) as answer:
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if answer.status != 206 or not total.isdecimal():
                raise UnansweredError(tr("it does not send parts of a file"))  # and the whole one is half a gigabyte
            return self._guarded(answer.read), int(total)

    def answers(self, url: str) -> bool:
        """Whether a file is there, without fetching it."""
        if (path := local(url)) is not None:
            return path.is_file()
        try:
            with self._answer(url, {"Range": "bytes=0-0"}):
                return True
        except UnansweredError:
            return False

    def _answer(self, url: str, headers: dict[str, str]) -> Any:
        address = self._remembering_login(url)
        request = urllib.request.Request(address, headers={"User-Agent": _AGENT, **headers})  # noqa: S310 - http(s)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler(self._proxies(request.host)),
            urllib.request.HTTPSHandler(context=self._context(address)),
            # sends a login only to the host that it is for, also where an answer leads elsewhere
            urllib.request.HTTPBasicAuthHandler(self._logins),
        )
        return closing(self._guarded(lambda: opener.open(request, timeout=self._timeout)))

    def _remembering_login(self, url: str) -> str:
        """Return an address without its login, which is kept for this address's host."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        site = f"{parts.scheme}://{host}/"
        if "@" in parts.netloc:
            self._logins.add_password(None, site, unquote(parts.username or ""), unquote(parts.password or ""))
        elif login := _from_netrc(self._host, parts.hostname or ""):
            self._logins.add_password(None, site, *login)
        return urlunsplit(parts._replace(netloc=host))

    def _proxies(self, host: str) -> dict[str, str]:
        if self._sources.proxy:
            return {"http": self._sources.proxy, "https": self._sources.proxy}
        environ = {name.lower(): value for name, value in self._host.environ.items() if value}
        found = {kind: environ.get(f"{kind}_proxy") or environ.get("all_proxy", "") for kind in ("http", "https")}
        exempt = urllib.request.proxy_bypass_environment(host, {"no": environ.get("no_proxy", "")})  # type: ignore[attr-defined]
        return {} if exempt else {kind: url for kind, url in found.items() if url}

    def _context(self, address: str) -> ssl.SSLContext:
        certificate = self._sources.certificate or self._host.environ.get("SSL_CERT_FILE", "")
        place = Path(certificate)
        known = {"capath" if place.is_dir() else "cafile": certificate} if certificate and place.exists() else {}
        context = ssl.create_default_context(**known)  # type: ignore[arg-type]
        if self._sources.client_certificate:
            context.load_cert_chain(self._sources.client_certificate)
        parts = urlsplit(address)
        if {parts.hostname, parts.netloc} & set(self._sources.trusted_hosts):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def _guarded(self, action: Callable[[], Any]) -> Any:
        """Run an action on the network; whatever goes wrong there becomes one sentence."""
        try:
            return action()
        except urllib.error.HTTPError as error:
            raise UnansweredError(
                tr("it answers {code} {reason}", code=error.code, reason=error.reason), status=error.code
            ) from None
        except urllib.error.URLError as error:
            raise UnansweredError(_reason(error.reason)) from None
        except (OSError, HTTPException, ValueError) as error:
            raise UnansweredError(_reason(error)) from None


class _Remote(io.RawIOBase):
    """A file on a server, read in parts."""

    def __init__(self, web: Web, url: str) -> None:
        self._web, self._url, self._position = web, url, 0
        self._size = web.part(url, 0, 0)[1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        data, _ = self._web.part(self._url, self._position, end - 1)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def local(url: str) -> Path | None:
    """Return the path that an address means, None for one on the network."""
    if url.startswith("file:"):
        return Path(url2pathname(urlsplit(url).path))
    return None if "://" in url else Path(url)


def _folder(path: Path) -> Page:
    """Return a local page, or a folder as a page: its index.html where it has one, else its files as links."""
    try:
        if path.is_dir() and (path / "index.html").is_file():
            path = path / "index.html"
        if path.is_file():
            return Page(path.read_text("utf-8", "replace"), "text/html", path.absolute().as_uri())
        names = sorted(item.name for item in path.iterdir() if item.is_file())
    except FileNotFoundError:
        raise UnansweredError(tr("it does not exist"), status=404) from None
    except OSError as error:
        raise UnansweredError(error.strerror or str(error)) from None
    links = "".join(f'<a href="{(path.absolute() / name).as_uri()}">{name}</a>\n' for name in names)
    return Page(links, "text/html", path.absolute().as_uri() + "/")


def _metadata_in(opened: Callable[[], Any]) -> str:
    try:
        with opened() as file, zipfile.ZipFile(file) as archive:
            name = next(item for item in archive.namelist() if item.endswith(".dist-info/METADATA"))
            return archive.read(name).decode("utf-8", "replace")
    except (zipfile.BadZipFile, StopIteration, OSError) as error:
        raise UnansweredError(tr("the wheel cannot be read: {reason}", reason=error)) from None


def _from_netrc(host: Host, name: str) -> tuple[str, str] | None:
    import netrc

    try:
        found = netrc.netrc(host.environ.get("NETRC") or str(host.home / ".netrc")).authenticators(name)
    except (OSError, netrc.NetrcParseError):
        return None
    return (found[0], found[2] or "") if found else None


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return tr("it does not answer")
    return str(getattr(error, "strerror", None) or error)
