"""Local servers for the HTTP client: sites that answer as each test says, and proxies that it goes through."""

import base64
import contextlib
import select
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

Route = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """A running site or proxy. ``requests`` holds (target, headers), ``connections`` counts them."""

    url: str = ""
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def targets(self) -> list[str]:
        return [target for target, _ in self.requests]

    def header(self, name: str) -> str | None:
        """Return a header of the latest request."""
        return self.requests[-1][1].get(name)


class Running(Protocol):
    """Any local server with a URL."""

    url: str


def port_of(server: Running) -> int:
    """Return the port that a local server listens on."""
    return urlsplit(server.url).port or 0


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that go away in the middle are part of the tests


class _Base(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: ClassVar[Server]

    def setup(self) -> None:
        super().setup()
        self.server_state.connections += 1

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass

    def note(self) -> None:
        self.server_state.requests.append((self.path, dict(self.headers)))


@contextmanager
def _running(state: Server, handler: type[_Base], certificate: ssl.SSLContext | None = None) -> Iterator[Server]:
    httpd = _Quiet(("127.0.0.1", 0), handler)
    if certificate:
        httpd.socket = certificate.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    state.url = f"{'https' if certificate else 'http'}://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stopping.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, body: bytes = b"", status: int = 200, **headers: str) -> None:
    """Answer with a whole body; ``_`` in a header's name stands for ``-``."""
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def site(routes: Mapping[str, Route | bytes], certificate: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve paths: bytes as they are, or by a function that answers. What is not among them is 404."""
    state = Server()

    class SiteHandler(_Base):
        server_state = state

        def do_GET(self) -> None:
            self.note()
            route = routes.get(urlsplit(self.path).path)
            if route is None:
                send(self, b"not found", 404)
            elif isinstance(route, bytes):
                send(self, route)
            else:
                route(self)

    with _running(state, SiteHandler, certificate) as server:
        yield server


@contextmanager
def proxy(
    hosts: Mapping[str, "Running"] | None = None,
    *,
    login: str = "",
    status: int = 0,
    certificate: ssl.SSLContext | None = None,
) -> Iterator[Server]:
    """Run a proxy that forwards and makes tunnels, to the servers that ``hosts`` names and nowhere else.

    ``login`` (``user:password``) is asked for; ``status`` is answered to every request.
    """
    state = Server()
    known = hosts or {}

    class ProxyHandler(_Base):
        server_state = state

        def refused(self, host: str) -> bool:
            self.note()
            wanted = "Basic " + base64.b64encode(login.encode()).decode()
            if login and self.headers.get("Proxy-Authorization") != wanted:
                send(self, b"", 407, Proxy_Authenticate='Basic realm="proxy"')
                return True
            if status or host not in known:
                send(self, b"", status or 502)
                return True
            return False

        def do_CONNECT(self) -> None:
            host = self.path.rpartition(":")[0]
            if self.refused(host):
                return
            with socket.create_connection(("127.0.0.1", port_of(known[host])), timeout=10) as beyond:
                self.send_response(200, "Connection established")
                self.end_headers()
                relay(self.connection, beyond, state.stopping)
            self.close_connection = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            host = parts.hostname or ""
            if self.refused(host):
                return
            beyond = HTTPConnection("127.0.0.1", port_of(known[host]), timeout=10)
            with contextlib.closing(beyond):
                headers = {name: value for name, value in self.headers.items() if not name.startswith("Proxy-")}
                beyond.request("GET", f"{parts.path}?{parts.query}".rstrip("?"), headers=headers)
                answer = beyond.getresponse()
                send(self, answer.read(), answer.status)

    with _running(state, ProxyHandler, certificate) as server:
        yield server


def relay(one: socket.socket, other: socket.socket, stopping: threading.Event) -> None:
    """Hand on what either side sends until one of them ends."""
    one.settimeout(10)
    while not stopping.is_set():
        for side in select.select([one, other], [], [], 0.1)[0]:
            data = side.recv(65536)
            if not data:
                return
            (other if side is one else one).sendall(data)


@contextmanager
def socks_proxy(hosts: Mapping[str, "Running"]) -> Iterator[Server]:
    """Run a SOCKS 5 proxy (RFC 1928, no login) that resolves the names in ``hosts``."""
    state = Server()

    class SocksHandler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            client: socket.socket = self.request
            methods = client.recv(2)[1]
            client.recv(methods)
            client.sendall(b"\x05\x00")
            _, _, _, kind = client.recv(4)
            name = client.recv(client.recv(1)[0]).decode() if kind == 3 else socket.inet_ntoa(client.recv(4))
            (port,) = struct.unpack("!H", client.recv(2))
            state.requests.append((f"{name}:{port}", {}))
            with socket.create_connection(("127.0.0.1", port_of(hosts[name])), timeout=10) as beyond:
                client.sendall(b"\x05\x00\x00\x01" + b"\x00" * 6)
                relay(client, beyond, state.stopping)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), SocksHandler) as server:
        server.daemon_threads = True
        state.url = f"socks5h://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.stopping.set()
            server.shutdown()
            thread.join()
