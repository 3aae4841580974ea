"""Local sites laid out like real mirrors, with the faults of real ones."""

import hashlib
import io
import json
import ssl
import threading
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import unquote, urlsplit

SUBDIRS = ("linux-64", "linux-aarch64", "noarch")


def wheel(name: str, version: str) -> tuple[str, bytes]:
    """Return the file name and bytes of a wheel with one module."""
    stem = f"{name.replace('-', '_')}-{version}"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}.py", f"version = {version!r}\n" + "# filling\n" * 20000)
        archive.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return f"{stem}-py3-none-any.whl", buffer.getvalue()


def tree(
    *, projects: dict[str, str], channels: tuple[str, ...] = ("cloud/conda-forge", "pkgs/main")
) -> dict[str, bytes]:
    """Return the files of a site: a PEP 503 index, conda channels and PyTorch wheels in both layouts."""
    files: dict[str, bytes] = {}
    for name, version in projects.items():
        file, data = wheel(name, version)
        digest = hashlib.sha256(data).hexdigest()
        files[f"/pypi/simple/{name}/"] = f'<a href="../../packages/{file}#sha256={digest}">{file}</a>'.encode()
        files[f"/pypi/packages/{file}"] = data
    for channel in channels:
        for subdir in SUBDIRS:
            listing = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": {"leaf-1.0-0.conda": {}}}
            files[f"/anaconda/{channel}/{subdir}/repodata.json"] = json.dumps(listing).encode()
            files[f"/anaconda/{channel}/{subdir}/leaf-1.0-0.conda"] = b"PK" + b"x" * 300_000
    name = "torch-2.13.0%2Bcu128-cp311-cp311-manylinux_2_28_x86_64.whl"
    files["/whl/cu128/torch/"] = f'<a href="/whl/cu128/{name}">torch</a>'.encode()
    files["/flat/cu128/"] = f'<a href="{name.replace("%2B", "&#43;")}">torch</a>'.encode()
    for base in ("/whl", "/flat"):
        files[f"{base}/cu128/{unquote(name)}"] = b"PK" + b"x" * 300_000
    return files


@dataclass
class Site:
    """A running site. Its faults are plain switches; ``requests`` holds (path, User-Agent)."""

    files: dict[str, bytes]
    url: str = ""
    hangs: bool = False
    hangs_at: str = ""  # a piece of the path that is never answered
    slow: float = 0.0  # seconds before every 16 KiB
    refuses_agent: str = ""
    login: str = ""  # user:password without which it answers 401
    lacks: str = ""  # a piece of the path that is 404
    redirects_to: str = ""
    redirects: str = "/"  # what of it
    cuts: str = ""  # a piece of the path whose body ends half-way
    portal: bool = False
    spoils: str = ""  # a piece of the path whose bytes are wrong
    modified: float = 1_790_000_000.0
    requests: list[tuple[str, str]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def asked(self, piece: str) -> bool:
        """Whether a path with that piece in it was requested."""
        return any(piece in path for path, _ in self.requests)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: ClassVar[Site]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_CONNECT(self) -> None:
        self._answer(with_body=False)  # no proxy, but one may be looked for here

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        site = self.site
        path = unquote(urlsplit(self.path).path)
        agent = self.headers.get("User-Agent", "")
        site.requests.append((path, agent))
        if site.hangs or (site.hangs_at and site.hangs_at in path):
            site.stopping.wait(60)
            self.close_connection = True
            return
        if site.login and self.headers.get("Authorization") != f"Basic {b64encode(site.login.encode()).decode()}":
            self._send(401, b"who are you?", "text/html", with_body=with_body)
        elif site.refuses_agent and agent.startswith(site.refuses_agent):
            self._send(403, b"00000069", "text/html", with_body=with_body)
        elif site.portal:
            self._send(200, b"<html>Please log in to the campus network</html>", "text/html", with_body=with_body)
        elif site.redirects_to and path.startswith(site.redirects):
            self._send(302, b"", "text/html", with_body=with_body, location=site.redirects_to + self.path)
        elif path not in site.files or (site.lacks and site.lacks in path):
            self._send(404, b"not found", "text/html", with_body=with_body)
        else:
            data = site.files[path]
            if site.spoils and site.spoils in path:
                data = data[:-40] + bytes(255 - byte for byte in data[-40:])
            kind = "text/html" if path.endswith("/") else "application/octet-stream"
            self._send(200, data, kind, with_body=with_body, cut=bool(site.cuts) and site.cuts in path)

    def _send(
        self, status: int, data: bytes, kind: str, *, with_body: bool, location: str = "", cut: bool = False
    ) -> None:
        wanted = self.headers.get("Range", "")
        if status == 200 and wanted.startswith("bytes=0-"):
            data, status = data[: int(wanted[8:] or len(data)) + 1], 206
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Last-Modified", formatdate(self.site.modified, usegmt=True))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        if not with_body:
            return
        if cut:
            data = data[: len(data) // 2]
            self.close_connection = True
        try:
            for start in range(0, len(data), 16384):
                if self.site.slow and self.site.stopping.wait(self.site.slow):
                    return
                self.wfile.write(data[start : start + 16384])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that goes away in the middle is part of the game


@contextmanager
def serve(files: dict[str, bytes], *, certificate: ssl.SSLContext | None = None, **switches: object) -> Iterator[Site]:
    """Serve files on a free port until the block ends."""
    site = Site(files, **switches)  # type: ignore[arg-type]
    httpd = _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
    if certificate:
        httpd.socket = certificate.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "https" if certificate else "http"
    site.url = f"{scheme}://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.stopping.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()
