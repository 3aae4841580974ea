"""Requests on real connections: what comes back, what is refused, and what it may cost."""

import gzip
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from support.loopback import Route, send, site

from envtool.http.client import AGENT, HttpClient
from envtool.http.errors import ErrorKind, RequestError
from envtool.http.settings import HttpSettings, Limits
from envtool.paths import Host

QUICK = Limits(connect=1.0, stall=0.5)


def host(environ: dict[str, str] | None = None, home: Path = Path("/nowhere")) -> Host:
    return Host(environ or {}, home, "Linux", "x86_64")


def client(limits: Limits = QUICK, home: Path = Path("/nowhere")) -> HttpClient:
    return HttpClient(host(home=home), limits=limits)


def failure(url: str, limits: Limits = QUICK) -> RequestError:
    with pytest.raises(RequestError) as caught:
        client().get(url, limits=limits)
    return caught.value


def redirect(target: str, status: int = 302) -> Route:
    return lambda handler: send(handler, b"", status, Location=target)


def in_chunks(*chunks: bytes) -> Route:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for chunk in chunks:
            handler.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        if chunks[-1]:
            handler.close_connection = True

    return answer


def dripping(pause: float, length: int = 100, after: int = 0) -> Route:
    """Answer a byte at a time, and stop after ``after`` bytes."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        for number in range(length):
            time.sleep(10.0 if after and number == after else pause)
            handler.wfile.write(b"x")

    return answer


def parts_of(data: bytes) -> Route:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        first, _, last = handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        body = data[int(first) : int(last or len(data)) + 1]
        send(handler, body, 206, Content_Range=f"bytes {first}-{int(first) + len(body) - 1}/{len(data)}")

    return answer


def test_a_whole_answer() -> None:
    page = "页面".encode()
    with site({"/page": lambda handler: send(handler, page, Content_Type="text/html")}) as server:
        answer = client().get(f"{server.url}/page#part", accept="text/html")
    assert (answer.status, answer.text, answer.content_type) == (200, "页面", "text/html")
    assert answer.url == f"{server.url}/page"
    assert (server.header("User-Agent"), server.header("Accept")) == (AGENT, "text/html")
    assert answer.seconds > 0


def test_the_user_agent_is_the_one_that_was_given() -> None:
    with site({"/": b"x"}) as server:
        HttpClient(host(), agent="conda/26").get(server.url + "/")
        assert server.header("User-Agent") == "conda/26"


def test_compressed_and_chunked_answers() -> None:
    body = b"a line\n" * 5000
    with site(
        {
            "/gzip": lambda handler: send(handler, gzip.compress(body), Content_Encoding="gzip"),
            "/chunks": in_chunks(b"one ", b"two", b""),
            "/half": in_chunks(b"one "),
            "/broken": lambda handler: send(handler, b"no gzip at all", Content_Encoding="gzip"),
        }
    ) as server:
        assert client().get(f"{server.url}/gzip").body == body
        assert client().get(f"{server.url}/chunks").body == b"one two"
        assert failure(f"{server.url}/half").kind == "truncated"
        assert failure(f"{server.url}/broken").kind == "connection"


def test_parts_of_a_file() -> None:
    data = bytes(range(256)) * 1000
    with site({"/parts": parts_of(data), "/whole": data}) as server:
        assert client().part(f"{server.url}/parts", 10, 19) == (data[10:20], len(data))
        assert client().sample(f"{server.url}/parts", 1000).body == data[:1000]
        assert client().sample(f"{server.url}/whole", 1000).body == data[:1000]
        assert client().sample(f"{server.url}/whole", 10**7).body == data
        with pytest.raises(RequestError) as caught:
            client().part(f"{server.url}/whole", 10, 19)
        assert caught.value.kind == "range"
        assert client().exists(f"{server.url}/parts")
        assert not client().exists(f"{server.url}/nothing")


def test_a_stream_is_read_as_it_comes() -> None:
    with site({"/slow": dripping(0.01, 50)}) as server, client().open(f"{server.url}/slow") as stream:
        pieces = list(stream.chunks)
    assert b"".join(pieces) == b"x" * 50
    assert len(pieces) > 5


def test_connections_are_used_again() -> None:
    with site({"/": b"x" * 1000}) as server:
        one = client()
        for _ in range(3):
            one.get(server.url + "/")
        one.sample(server.url + "/", 1000)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(404, "missing"), (410, "missing"), (403, "status"), (500, "status"), (204, "status")]
)
def test_every_status_but_success_is_an_error(status: int, kind: ErrorKind) -> None:
    with site({"/": lambda handler: send(handler, b"", status)}) as server:
        error = failure(server.url + "/")
    assert (error.kind, error.status, str(status) in str(error)) == (kind, status, True)
    assert not error.is_unreachable


def test_networks_that_fail_are_told_apart() -> None:
    def hang(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(10)

    def nonsense(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x00\x01 this is not HTTP\r\n\r\n")
        handler.close_connection = True

    with site({"/hangs": hang, "/nonsense": nonsense}) as server:
        errors = {
            "timeout": failure(f"{server.url}/hangs"),
            "connection": failure(f"{server.url}/nonsense"),
            "certificate": failure(server.url.replace("http:", "https:") + "/"),
        }
    errors["refused"] = failure("http://127.0.0.1:9/")
    errors["unresolved"] = failure("http://no-such-host.invalid/")
    assert {name: error.kind for name, error in errors.items()} == {name: name for name in errors}
    assert all(error.is_unreachable and error.status == 0 for error in errors.values())
    assert "no-such-host.invalid" in str(errors["unresolved"])


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "http://", "/etc/passwd", "http://a.example:99999/", "http://[::1/"]
)
def test_addresses_that_are_not_http(url: str) -> None:
    assert failure(url).kind == "address"


@pytest.mark.slow
def test_limits_of_time() -> None:
    with site({"/stalls": dripping(0.0, 100, after=3), "/drips": dripping(0.1, 100)}) as server:
        begun = time.monotonic()
        stalled = failure(f"{server.url}/stalls")
        middle = time.monotonic()
        slow = failure(f"{server.url}/drips", Limits(total=1.0))
        ended = time.monotonic()
    assert (stalled.kind, slow.kind) == ("timeout", "timeout")
    assert 0.4 < middle - begun < 8.0
    assert 0.9 < ended - middle < 8.0


def test_limits_of_size() -> None:
    with site(
        {"/": b"x" * 2000, "/gzip": lambda h: send(h, gzip.compress(b"x" * 10**7), Content_Encoding="gzip")}
    ) as s:
        assert failure(s.url + "/", Limits(size=1999)).kind == "size"
        assert len(client().get(s.url + "/", limits=Limits(size=2000)).body) == 2000
        assert failure(s.url + "/gzip", Limits(size=10**6)).kind == "size"


def test_a_body_that_ends_too_early() -> None:
    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"x" * 50)
        handler.close_connection = True

    with site({"/": half}) as server:
        error = failure(server.url + "/")
    assert (error.kind, error.is_unreachable) == ("truncated", False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status: int) -> None:
    with site({"/old/page": redirect("../new", status), "/new": b"here"}) as server:
        answer = client().get(f"{server.url}/old/page")
    assert (answer.body, answer.url) == (b"here", f"{server.url}/new")


@pytest.mark.parametrize("target", ["/loop", "ftp://a.example/", "file:///etc/passwd", "http://[::1/"])
def test_redirects_that_lead_nowhere(target: str) -> None:
    with site({"/loop": redirect(target)}) as server:
        assert failure(f"{server.url}/loop").kind == "redirect"
    assert len(server.requests) <= 11


def test_a_status_of_redirection_without_a_target_is_a_status() -> None:
    with site({"/": lambda handler: send(handler, b"", 302)}) as server:
        assert failure(server.url + "/").status == 302


# -- logins -----------------------------------------------------------------------------------------------------------
def netrc(home: Path, text: str) -> Path:
    (home / ".netrc").write_text(text, encoding="utf-8")
    (home / ".netrc").chmod(0o600)
    return home


BASIC = "Basic bWU6czMgY3JldA=="  # me:s3 cret


def test_a_login_of_the_address_is_for_its_origin_only() -> None:
    with site({"/": b"x", "/sub": b"y"}) as server, site({"/": b"z"}) as other:
        one = client()
        answer = one.get(server.url.replace("://", "://me:s3%20cret@") + "/")
        assert server.header("Authorization") == BASIC
        assert "s3" not in answer.url
        one.get(f"{server.url}/sub")
        assert server.header("Authorization") == BASIC
        one.get(other.url + "/")  # another port: another origin
        assert other.header("Authorization") is None


def test_a_login_is_dropped_where_the_host_changes() -> None:
    with site({"/": b"x"}) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        with site({"/": redirect(f"{elsewhere}/"), "/here": redirect("/there"), "/there": b"x"}) as server:
            secret = server.url.replace("://", "://me:s3%20cret@")
            client().get(secret + "/")
            assert server.header("Authorization") == BASIC
            assert other.header("Authorization") is None
            client().get(f"{secret}/here")
            assert [headers.get("Authorization") for _, headers in server.requests] == [BASIC] * 3


def test_netrc_is_for_its_host_only(tmp_path: Path) -> None:
    home = netrc(tmp_path, 'machine 127.0.0.1 login me password "s3 cret"\ndefault login any password one\n')
    with site({"/": b"x"}) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        with site({"/": b"x", "/away": redirect(f"{elsewhere}/")}) as server:
            client(home=home).get(server.url + "/")
            assert server.header("Authorization") == BASIC
            client(home=home).get(f"{server.url}/away")
            assert other.header("Authorization") is None


def test_a_login_of_the_address_wins_over_netrc(tmp_path: Path) -> None:
    home = netrc(tmp_path, "machine 127.0.0.1 login other password one\n")
    with site({"/": b"x"}) as server:
        client(home=home).get(server.url.replace("://", "://me:s3%20cret@") + "/")
        assert server.header("Authorization") == BASIC


@pytest.mark.parametrize("text", ["machine", "\x00\x01", "machine 127.0.0.1 login\n"])
def test_a_broken_netrc_holds_no_logins(tmp_path: Path, text: str) -> None:
    with site({"/": b"x"}) as server:
        client(home=netrc(tmp_path, text)).get(server.url + "/")
        assert server.header("Authorization") is None


def test_netrc_may_be_elsewhere(tmp_path: Path) -> None:
    netrc(tmp_path, 'machine 127.0.0.1 login me password "s3 cret"\n').joinpath(".netrc").rename(tmp_path / "logins")
    with site({"/": b"x"}) as server:
        HttpClient(host({"NETRC": str(tmp_path / "logins")})).get(server.url + "/")
        assert server.header("Authorization") == BASIC


def test_a_shorter_timeout_of_the_settings_counts() -> None:
    with site({"/": dripping(0.0, 10, after=1)}) as server:
        begun = time.monotonic()
        with pytest.raises(RequestError, match="stopped"):
            HttpClient(host(), HttpSettings(timeout=0.3)).get(server.url + "/")
    assert time.monotonic() - begun < 8.0


def test_a_body_that_arrives_at_once_has_a_rate() -> None:
    with site({"/": lambda handler: send(handler, b"x" * 300_000)}) as server:
        assert client().sample(server.url + "/", 300_000).rate > 0
