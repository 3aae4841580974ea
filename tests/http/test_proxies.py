"""Requests through real proxies, and which proxy is taken: as requests, under pip and conda, would."""

import importlib.util
import json
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme
from support.condas import CONDA, NONE
from support.loopback import port_of, proxy, send, site, socks_proxy

from envtool.http.client import HttpClient
from envtool.http.errors import RequestError
from envtool.http.proxies import proxy_for
from envtool.http.settings import HttpSettings, Limits
from envtool.paths import Host

PAGES = {"/page": b"behind the proxy"}
AUTHORITY = trustme.CA()


def get(url: str, environ: dict[str, str] | None = None, settings: HttpSettings | None = None) -> bytes:
    host = Host(environ or {}, Path("/nowhere"), "Linux", "x86_64")
    return HttpClient(host, settings, limits=Limits(connect=10.0, stall=10.0)).get(url).body


def failure(url: str, environ: dict[str, str]) -> str:
    with pytest.raises(RequestError) as caught:
        get(url, environ)
    assert caught.value.kind == "proxy"
    assert caught.value.is_unreachable
    return str(caught.value)


def tls(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def trusting(tmp_path: Path) -> HttpSettings:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return HttpSettings(certificate=str(tmp_path / "ca.pem"))


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_plain_requests_are_forwarded(variable: str, scheme: str) -> None:
    with site(PAGES) as server, proxy({"mirror.example": server}) as through:
        environ = {variable: scheme + through.url.removeprefix("http://")}
        assert get("http://mirror.example/page", environ) == b"behind the proxy"
        assert through.targets == ["http://mirror.example/page"]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_encrypted_requests_go_through_a_tunnel(variable: str, trusting: HttpSettings) -> None:
    with site(PAGES, certificate=tls("mirror.example")) as server, proxy({"mirror.example": server}) as through:
        assert get("https://mirror.example/page", {variable: through.url}, trusting) == b"behind the proxy"
        assert through.targets == ["mirror.example:443"]
        assert through.header("Authorization") is None


def test_the_proxy_itself_may_be_encrypted(trusting: HttpSettings) -> None:
    with site(PAGES) as server, proxy({"mirror.example": server}, certificate=tls("127.0.0.1")) as through:
        assert get("http://mirror.example/page", {"http_proxy": through.url}, trusting) == b"behind the proxy"


def test_a_proxy_gets_its_login_and_the_site_does_not(trusting: HttpSettings) -> None:
    with (
        site(PAGES) as plain,
        site(PAGES, certificate=tls("safe.example")) as safe,
        proxy({"mirror.example": plain, "safe.example": safe}, login="me:s3 cret") as through,
    ):
        environ = {"ALL_PROXY": through.url.replace("://", "://me:s3%20cret@")}
        assert get("http://mirror.example/page", environ) == b"behind the proxy"
        assert get("https://safe.example/page", environ, trusting) == b"behind the proxy"
        assert plain.header("Proxy-Authorization") is safe.header("Proxy-Authorization") is None
        for url in ("http://mirror.example/page", "https://safe.example/page"):
            assert "asks for a login" in failure(url, {"ALL_PROXY": through.url})


def test_proxies_that_fail_are_named_without_their_login() -> None:
    with proxy(status=503) as through:
        told = {
            "refused": failure("http://mirror.example/", {"http_proxy": "http://me:secret@127.0.0.1:9"}),
            "resolved": failure("https://mirror.example/", {"https_proxy": "http://me:secret@no-such-host.invalid:1"}),
            "HTTP 503": failure("https://mirror.example/", {"https_proxy": through.url}),
            "not supported: ftp": failure("http://mirror.example/", {"http_proxy": "ftp://me:secret@127.0.0.1:9"}),
            "not valid": failure("http://mirror.example/", {"http_proxy": "http://me:secret@127.0.0.1:x"}),
        }
    for words, reason in told.items():
        assert words in reason
        assert "secret" not in reason
        assert "127.0.0.1" in reason or "no-such-host.invalid" in reason


def test_a_socks_proxy(trusting: HttpSettings) -> None:
    with (
        site(PAGES) as plain,
        site(PAGES, certificate=tls("safe.example")) as safe,
        socks_proxy({"mirror.example": plain, "safe.example": safe}) as through,
    ):
        assert get("http://mirror.example/page", {"ALL_PROXY": through.url}) == b"behind the proxy"
        assert get("https://safe.example/page", {"ALL_PROXY": through.url}, trusting) == b"behind the proxy"
        assert through.targets == ["mirror.example:80", "safe.example:443"]
    assert "refused" in failure("http://mirror.example/", {"ALL_PROXY": "socks5://127.0.0.1:9"})


def test_what_a_socks_proxy_needs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "PySocks" in failure("http://mirror.example/", {"ALL_PROXY": "socks5://127.0.0.1:1080"})


def test_a_redirect_is_asked_of_its_own_proxy() -> None:
    with site(PAGES) as server, proxy({"mirror.example": server}) as through:
        leading = {"/": lambda handler: send(handler, b"", 302, Location="http://mirror.example/page")}
        with site(leading) as direct:
            environ = {"http_proxy": through.url, "no_proxy": "127.0.0.1"}
            assert get(direct.url + "/", environ) == b"behind the proxy"
            assert through.targets == ["http://mirror.example/page"]


P, Q = "http://p:1", "http://q:2"


@pytest.mark.parametrize(
    ("url", "environ", "proxies", "expected"),
    [
        ("http://a.example/", {}, {}, ""),
        ("http://a.example/", {"HTTPS_PROXY": P}, {}, ""),
        ("http://a.example/", {"http_proxy": "", "HTTP_PROXY": P}, {}, ""),
        ("http://a.example/", {"http_proxy": P, "HTTP_PROXY": Q}, {}, P),
        ("http://a.example/", {"http_proxy": P, "ALL_PROXY": Q}, {}, P),
        ("https://a.example/", {"http_proxy": P, "ALL_PROXY": Q}, {}, Q),
        ("http://a.example/", {"http_proxy": " p:1 "}, {}, P),
        ("https://a.example/", {}, {"https": P, "https://a.example": Q}, Q),
        ("https://b.example/", {}, {"https": P, "https://a.example": Q}, P),
        ("https://a.example/", {}, {"all": P, "all://a.example": Q}, Q),
        ("https://a.example/", {}, {"all": P, "https": ""}, ""),
        ("https://a.example/", {"https_proxy": Q}, {"https://a.example": P}, P),
        ("https://a.example/", {"https_proxy": Q}, {"https": P}, Q),
        ("https://a.example/", {"https_proxy": Q, "no_proxy": "a.example"}, {"https": P}, P),
    ],
)
def test_the_most_specific_proxy_wins(
    url: str, environ: dict[str, str], proxies: dict[str, str], expected: str
) -> None:
    assert proxy_for(url, HttpSettings(proxies), environ) == expected


def test_settings_may_rule_out_the_environment() -> None:
    assert proxy_for("http://a.example/", HttpSettings(uses_environment=False), {"ALL_PROXY": P}) == ""


@pytest.mark.parametrize(
    ("host", "no_proxy", "exempt"),
    [
        ("a.example", "*", True),
        ("a.example", "a.example", True),
        ("a.example", "A.EXAMPLE", True),
        ("sub.a.example", "a.example", True),
        ("sub.a.example", ".a.example", True),
        ("sub.a.example", "*.a.example", True),
        ("a.example", ".a.example", True),
        ("nota.example", "a.example", False),
        ("a.example", "b.example, a.example", True),
        ("a.example", "b.example a.example", True),
        ("a.example", "a.example:80", True),
        ("a.example", "a.example:8080", False),
        ("a.example", "", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("a.example", "10.0.0.0/8", False),
        ("[fd00::1]", "fd00::/8", True),
        ("[::1]", "::1", True),
        ("[::1]", "[::1]:80", True),
        ("[::1]", "[::1]:81", False),
        ("10.1.2.3", "10.0.0.0/x", False),
    ],
)
def test_no_proxy(host: str, no_proxy: str, exempt: bool) -> None:
    environ = {"all_proxy": P, "NO_PROXY": no_proxy}
    assert (proxy_for(f"http://{host}/", HttpSettings(), environ) == "") is exempt


REQUESTS = """
import json, os, sys
import requests
from requests.utils import select_proxy
answers = []
for url, environ, proxies in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(environ)
    session = requests.Session()
    session.proxies.update(proxies)
    answers.append(select_proxy(url, session.merge_environment_settings(url, {}, False, True, None)["proxies"]) or "")
print(json.dumps(answers))
"""


@pytest.mark.conda
@pytest.mark.skipif(not CONDA, reason=NONE)
def test_requests_itself_takes_the_same_proxy() -> None:
    urls = [
        "http://a.example/x",
        "https://a.example/",
        "https://a.example:8443/",
        "http://10.1.2.3/",
        "https://b.a.example/",
    ]
    settings: list[dict[str, str]] = [
        {},
        {"http": P},
        {"https": Q, "http": P},
        {"https://a.example": Q},
        {"all": P},
        {"all://a.example": Q, "https": ""},
    ]
    environments: list[dict[str, str]] = [
        {},
        {"HTTP_PROXY": P, "HTTPS_PROXY": Q},
        {"https_proxy": P, "HTTPS_PROXY": Q},
        {"ALL_PROXY": P},
        {"all_proxy": P, "no_proxy": "a.example"},
        {"HTTP_PROXY": P, "NO_PROXY": "10.0.0.0/8"},
        {"HTTPS_PROXY": P, "NO_PROXY": ".a.example"},
        {"HTTPS_PROXY": P, "NO_PROXY": "*"},
        {"HTTPS_PROXY": P, "NO_PROXY": "a.example:8443"},
        {"http_proxy": "", "HTTP_PROXY": P},
    ]
    cases = [(url, environ, proxies) for url in urls for environ in environments for proxies in settings]
    python = Path(CONDA).resolve().parents[1] / "bin/python"
    done = subprocess.run([python, "-c", REQUESTS], input=json.dumps(cases), capture_output=True, text=True, check=True)
    for (url, environ, proxies), theirs in zip(cases, json.loads(done.stdout), strict=True):
        assert proxy_for(url, HttpSettings(proxies), environ) == theirs, (url, environ, proxies)


def test_a_dead_proxy_is_not_mistaken_for_a_dead_site() -> None:
    with proxy() as gone:
        pass
    reason = failure("https://mirror.example/", {"ALL_PROXY": gone.url})
    assert reason == f"the proxy 127.0.0.1:{port_of(gone)} (ALL_PROXY) refused the connection"
