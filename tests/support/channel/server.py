"""A file server on the loopback, with the faults of real mirrors on demand."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import unquote, urlsplit


@dataclass
class Fault:
    """A fault for requests whose path contains ``where``, at most ``times`` times (None: always)."""

    where: str
    kind: Literal["status", "hang", "slow", "cut", "corrupt", "html"]
    status: int = 404
    times: int | None = None
    rate: int = 800_000  # bytes a second, for slow


@dataclass
class Server:
    """A running server: its address, the requests so far, and the faults in force."""

    root: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def put(self, fault: Fault) -> None:
        """Put a copy of a fault in force: its ``times`` are counted down."""
        self.faults.append(replace(fault))

    def mend(self) -> None:
        """Remove all faults and forget all requests."""
        self.faults.clear()
        self.requests.clear()

    def fault_for(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.where in path and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: ClassVar[Server]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass

    def _answer(self, *, with_body: bool) -> None:
        state = self.server_state
        path = unquote(urlsplit(self.path).path)
        state.requests.append(path)
        fault = state.fault_for(path)
        if fault and fault.kind == "hang":
            state._stopping.wait(120)
            self.close_connection = True
            return None
        if fault and fault.kind == "status":
            return self._send(fault.status, b"no\n", with_body)
        if fault and fault.kind == "html":
            return self._send(200, b"<html><body>Please log in to the campus network</body></html>", with_body)
        file = state.root / path.lstrip("/")
        if file.is_dir() and (file / "index.html").is_file():
            file = file / "index.html"
        if not file.is_file():
            return self._send(404, b"not found\n", with_body)
        return self._send_file(file.read_bytes(), fault, with_body)

    def _send_file(self, data: bytes, fault: Fault | None, with_body: bool) -> None:
        if fault and fault.kind == "corrupt":
            middle = len(data) // 2
            data = data[:middle] + bytes(255 - byte for byte in data[middle : middle + 64]) + data[middle + 64 :]
        start, end = self._range(len(data))
        self.send_response(206 if (start, end) != (0, len(data)) else 200)
        if (start, end) != (0, len(data)):
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Accept-Ranges", "bytes")
        kind = "text/html" if self.path.endswith(("/", ".html")) else "application/octet-stream"
        self.send_header("Content-Type", kind)
        self.end_headers()
        if not with_body:
            return
        body = data[start:end]
        try:
            if fault and fault.kind == "cut":
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            elif fault and fault.kind == "slow":
                for offset in range(0, len(body), fault.rate // 10):
                    self.wfile.write(body[offset : offset + fault.rate // 10])
                    time.sleep(0.1)
            else:
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _range(self, size: int) -> tuple[int, int]:
        header = self.headers.get("Range", "")
        if not header.startswith("bytes=") or "," in header:
            return 0, size
        first, _, last = header[6:].partition("-")
        if not first:
            return max(0, size - int(last)), size
        return int(first), min(size, int(last) + 1) if last else size

    def _send(self, status: int, body: bytes, with_body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


class _Httpd(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that hang up: some are killed on purpose."""


@contextmanager
def serve(root: Path) -> Iterator[Server]:
    """Serve a folder on a free port until the block ends."""
    state = Server(root)
    handler = type("Handler", (_Handler,), {"server_state": state})
    httpd = _Httpd(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state._stopping.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()
