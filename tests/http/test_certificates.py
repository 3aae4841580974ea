"""TLS with a throwaway authority: who is trusted, by whose word, and how the client shows itself."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.loopback import Server, port_of, send, site

from envtool.http.client import HttpClient
from envtool.http.errors import RequestError
from envtool.http.settings import HttpSettings, Limits
from envtool.paths import Host

AUTHORITY = trustme.CA()
LIMITS = Limits(connect=10.0, stall=10.0)


def context_for(*names: str, client_authority: trustme.CA | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    if client_authority:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def secure() -> Iterator[Server]:
    with site({"/": b"secret"}, certificate=context_for("127.0.0.1")) as server:
        yield server


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return path


def get(url: str, settings: HttpSettings | None = None, environ: dict[str, str] | None = None) -> bytes:
    host = Host(environ or {}, Path("/nowhere"), "Linux", "x86_64")
    return HttpClient(host, settings, limits=LIMITS).get(url + "/").body


def refused(url: str, settings: HttpSettings | None = None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(RequestError) as caught:
        get(url, settings, environ)
    assert caught.value.kind == "certificate"
    return str(caught.value)


def test_the_system_does_not_trust_an_unknown_authority(secure: Server) -> None:
    assert "not valid" in refused(secure.url)
    assert secure.requests == []


def test_an_authority_of_the_settings_is_trusted_instead_of_the_systems(secure: Server, authority: Path) -> None:
    assert get(secure.url, HttpSettings(certificate=str(authority))) == b"secret"


def test_authorities_may_be_a_folder(secure: Server, authority: Path) -> None:
    folder = authority.parent / "certs"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(authority.read_bytes())
    subprocess.run(["openssl", "rehash", str(folder)], check=True, capture_output=True)
    assert get(secure.url, HttpSettings(certificate=str(folder))) == b"secret"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_authorities_of_the_environment(secure: Server, authority: Path, variable: str) -> None:
    assert get(secure.url, environ={variable: str(authority)}) == b"secret"


def test_settings_win_over_the_environment(secure: Server, authority: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    refused(secure.url, HttpSettings(certificate=str(other)), {"REQUESTS_CA_BUNDLE": str(authority)})


def test_a_missing_file_is_named_unless_openssl_ignores_it(secure: Server, authority: Path) -> None:
    assert "/none.pem" in refused(secure.url, HttpSettings(certificate="/none.pem"))
    assert "/none.pem" in refused(secure.url, environ={"REQUESTS_CA_BUNDLE": "/none.pem"})
    assert "not valid" in refused(secure.url, environ={"SSL_CERT_FILE": "/none.pem"})
    settings = HttpSettings(certificate=str(authority), client_certificate="/key.pem")
    assert "/key.pem" in refused(secure.url, settings)


def test_a_file_without_certificates_is_named(secure: Server, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    assert "empty.pem" in refused(secure.url, HttpSettings(certificate=str(tmp_path / "empty.pem")))


def test_verification_can_be_turned_off(secure: Server) -> None:
    assert get(secure.url, HttpSettings(verify=False)) == b"secret"
    assert get(secure.url, HttpSettings(trusted_hosts=("127.0.0.1",))) == b"secret"
    assert get(secure.url, HttpSettings(trusted_hosts=(f"127.0.0.1:{port_of(secure)}",))) == b"secret"
    refused(secure.url, HttpSettings(trusted_hosts=("127.0.0.1:1", "localhost")))


def test_a_certificate_for_another_host_is_refused(authority: Path) -> None:
    with site({"/": b"x"}, certificate=context_for("other.example")) as server:
        assert "127.0.0.1" in refused(server.url, HttpSettings(certificate=str(authority)))


def test_a_client_certificate_is_shown(authority: Path, tmp_path: Path) -> None:
    clients = trustme.CA()
    issued = clients.issue_cert("me@lab.example")
    both, key, chain = tmp_path / "both.pem", tmp_path / "key.pem", tmp_path / "chain.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(both))
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(chain))
    with site({"/": b"x"}, certificate=context_for("127.0.0.1", client_authority=clients)) as server:
        assert get(server.url, HttpSettings(certificate=str(authority), client_certificate=str(both))) == b"x"
        assert (
            get(
                server.url, HttpSettings(certificate=str(authority), client_certificate=str(chain), client_key=str(key))
            )
            == b"x"
        )
        with pytest.raises(RequestError):
            get(server.url, HttpSettings(certificate=str(authority)))


def test_a_login_that_went_encrypted_is_not_repeated_in_the_clear(authority: Path, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    with site({"/": b"plain"}) as plain:
        downgrade = {"/": lambda handler: send(handler, b"", 302, Location=plain.url + "/")}
        with site(downgrade, certificate=context_for("127.0.0.1")) as server:
            host = Host({}, tmp_path, "Linux", "x86_64")
            client = HttpClient(host, HttpSettings(certificate=str(authority)), limits=LIMITS)
            assert client.get(server.url + "/").body == b"plain"
            assert server.header("Authorization") is not None
            assert plain.header("Authorization") is None


SYSTEM = """
import sys
from pathlib import Path
from envtool.http.certificates import tls_context
from envtool.http.settings import HttpSettings
context = tls_context(HttpSettings(), {}, verify=True)
print(type(context).__module__, context is tls_context(HttpSettings(), {}, verify=True))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere truststore is always asked")
def test_the_systems_authorities_come_from_openssl_or_else_from_truststore(tmp_path: Path) -> None:
    def type_of_context(**environ: str) -> str:
        command = [sys.executable, "-c", SYSTEM]
        done = subprocess.run(command, env={"PATH": "/usr/bin", **environ}, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    assert type_of_context(SSL_CERT_FILE=str(tmp_path / "ca.pem")) == "ssl True"
    nowhere = {"SSL_CERT_FILE": str(tmp_path / "none"), "SSL_CERT_DIR": str(tmp_path / "none")}
    assert type_of_context(**nowhere) == "truststore._api False"
