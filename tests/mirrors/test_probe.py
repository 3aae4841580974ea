"""The health check, on sites that lie, hang, refuse, redirect or are behind."""

import shutil
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.home import Home
from support.mirror_site import Site, serve, tree

from envtool.errors import EnvtoolError, ExitCode
from envtool.http.addresses import only_family
from envtool.http.settings import HttpSettings
from envtool.mirrors import catalogue, probe
from envtool.mirrors.health_check import Purpose, Question
from envtool.operations.mirror import test
from envtool.paths import Host

FILES = tree(projects={"pip": "26.2"})
DAY = 86400.0


@pytest.fixture
def host(home: Home) -> Host:
    return Host({"HOME": str(home.path), "no_proxy": "*"}, home.path, "Linux", "x86_64")


def conda(site: Site, name: str = "site", channel: str = "cloud/conda-forge") -> Question:
    return Question(name, "conda", f"{site.url}/anaconda/{channel}/linux-64")


def pip(site: Site, name: str = "site") -> Question:
    return Question(name, "pip", f"{site.url}/pypi/simple")


def torch(site: Site, *, flat: bool = False, wheel: str = "2.13.0+cu128") -> Question:
    return Question("site", "torch", f"{site.url}/{'flat' if flat else 'whl'}/cu128", flat, wheel)


def one(host: Host, question: Question, limit: float = 3.0) -> probe.MirrorHealth:
    (result,) = probe.check_all(host, [question], limit=limit)
    return result


def expired_certificate(folder: Path) -> tuple[Path, Path]:
    """Return a certificate for 127.0.0.1 that ended in 2020, and its key."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl was not found: it makes the expired certificate")
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=index.txt\nserial=serial\ndefault_md=sha256\npolicy=p\n"
        "[p]\ncommonName=supplied\n[v]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=CA:TRUE\n"
    )
    request = "req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout key.pem -out req.pem"
    sign = "ca -batch -selfsign -config ca.cnf -extensions v -keyfile key.pem -in req.pem -out cert.pem -notext"
    dates = "-startdate 20200101000000Z -enddate 20200102000000Z"
    for command in (request, f"{sign} {dates}"):
        subprocess.run([openssl, *command.split()], cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def test_a_good_site_is_ok_for_all_and_asked_as_the_clients_ask(host: Host) -> None:
    with serve(FILES) as site:
        for question in (conda(site), pip(site), torch(site), torch(site, flat=True)):
            result = one(host, question)
            assert (result.status, result.detail) == ("ok", "")
            assert result.latency is not None
        agents = {path.split("/")[1]: agent for path, agent in site.requests}
        assert agents["anaconda"].startswith("conda/")
        assert agents["pypi"].startswith("pip/2")
        assert '"python":"3.' in agents["pypi"]
        assert site.asked("leaf-1.0-0.conda")
        assert site.asked("pip-26.2-py3-none-any.whl")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"refuses_agent": "conda/"}, "blocked"),
        ({"lacks": "conda-forge"}, "missing"),
        ({"lacks": "leaf"}, "missing"),
        ({"cuts": "leaf"}, "truncated"),
        ({"cuts": "repodata"}, "truncated"),
        ({"portal": True}, "wrong"),
        pytest.param({"hangs": True}, "timeout", marks=pytest.mark.slow),
        pytest.param({"slow": 0.3}, "timeout", marks=pytest.mark.slow),
    ],
)
def test_each_fault_of_a_channel_is_named(host: Host, fault: dict[str, Any], status: str) -> None:
    with serve(FILES, **fault) as site:
        assert one(host, conda(site), limit=1.0).status == status


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"refuses_agent": "pip/"}, "blocked"),
        ({"lacks": ".whl"}, "missing"),
        ({"cuts": ".whl"}, "truncated"),
        ({"portal": True}, "wrong"),
        pytest.param({"hangs": True}, "timeout", marks=pytest.mark.slow),
    ],
)
def test_each_fault_of_an_index_is_named(host: Host, fault: dict[str, Any], status: str) -> None:
    with serve(FILES, **fault) as site:
        assert one(host, pip(site), limit=1.0).status == status


def test_only_the_client_that_is_refused_is_blocked(host: Host) -> None:
    with serve(FILES, refuses_agent="pip/") as site:
        assert one(host, pip(site)).status == "blocked"
        assert one(host, conda(site)).status == "ok"


def test_a_redirect_to_another_operator_is_not_the_mirror(host: Host) -> None:
    with serve(FILES) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")  # the same machine by another name
        with serve(FILES, redirects_to=elsewhere, redirects="/anaconda/pkgs") as site:
            result = one(host, conda(site, channel="pkgs/main"))
            assert (result.status, "localhost" in result.detail) == ("elsewhere", True)
            assert one(host, conda(site)).status == "ok"


def test_torch_links_that_point_elsewhere_are_found(host: Host) -> None:
    with serve(FILES) as other:
        link = (
            f"{other.url.replace('127.0.0.1', 'localhost')}/whl/cu128/torch-2.13.0%2Bcu128-cp311-cp311-linux_x86_64.whl"
        )
        files = {**FILES, "/whl/cu128/torch/": f'<a href="{link}">torch</a>'.encode()}
        other.files[f"/whl/cu128/{link.rpartition('/')[2].replace('%2B', '+')}"] = b"PK"
        with serve(files) as site:
            assert one(host, torch(site)).status == "elsewhere"


def test_another_torch_is_missing(host: Host) -> None:
    with serve(FILES) as site:
        result = one(host, torch(site, wheel="2.9.0+cu128"))
        assert result.status == "missing"
        assert "2.9.0+cu128" in result.detail


def test_a_site_that_does_not_answer_is_down(host: Host) -> None:
    with serve(FILES) as site:
        gone = pip(site)
    assert one(host, gone).status == "down"


def test_an_expired_certificate_is_named(host: Host, tmp_path: Path) -> None:
    certificate, key = expired_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serve(FILES, certificate=context) as site:
        trusting: dict[Purpose, HttpSettings] = {"pip": HttpSettings(certificate=str(certificate))}
        (result,) = probe.check_all(host, [pip(site)], limit=3.0, settings=trusting)
    assert result.status == "certificate"
    assert "expired" in result.detail


@pytest.mark.slow
def test_works_then_fresh_then_fast_is_the_order(host: Host) -> None:
    newest = 1_790_000_000.0
    with ExitStack() as stack:
        sites = {
            "fresh": stack.enter_context(serve(FILES, modified=newest, slow=0.02)),
            "stale": stack.enter_context(serve(FILES, modified=newest - 5 * DAY)),
            "lacking": stack.enter_context(serve(FILES, lacks="conda-forge", modified=newest)),
            "portal": stack.enter_context(serve(FILES, portal=True)),
        }
        results = probe.ranked(
            list(probe.check_all(host, [conda(site, name) for name, site in sites.items()], limit=3.0))
        )
    assert [result.mirror for result in results] == ["fresh", "stale", "lacking", "portal"]
    assert results[0].behind == 0
    assert results[1].behind == pytest.approx(5 * DAY)
    assert results[1].stale


@pytest.mark.parametrize(
    "page",
    [
        '[{"name": "pypi", "status": "failed", "last_update_ts": %d}, {"name": "apt", "last_update_ts": 9999999999}]',
        '{"site": {}, "mirrors": [{"cname": "PyPI", "status": "S%dX1612196849"}, {"cname": "conda", "status": "U"}]}',
    ],
)
def test_what_a_site_says_of_itself_counts(host: Host, page: str) -> None:
    old = int(time.time() - 9 * DAY)
    with serve({**FILES, "/status.json": (page % old).encode()}) as site:
        question = Question("site", "pip", f"{site.url}/pypi/simple", status=f"{site.url}/status.json")
        (result,) = probe.ranked([one(host, question)])
        assert result.status == "ok"
        assert result.stale
        site.files["/status.json"] = b"<html>not json"
        assert probe.ranked([one(host, question)])[0].synced is None


@pytest.mark.slow
def test_twenty_mirrors_of_which_five_hang_take_one_limit(host: Host) -> None:
    with ExitStack() as stack:
        sites = [stack.enter_context(serve(FILES, hangs=number < 5)) for number in range(20)]
        questions = [conda(site, f"m{number}") for number, site in enumerate(sites)]
        begun = time.monotonic()
        results = list(probe.check_all(host, questions, limit=1.5))
        took = time.monotonic() - begun
    assert sorted(result.status for result in results) == ["ok"] * 15 + ["timeout"] * 5
    assert took < 1.5 * 1.2 + 0.3  # the benchmark holds the exact figure


@pytest.mark.slow
def test_the_user_s_own_mirror_and_a_url_are_tried_by_name(home: Home) -> None:
    with serve(FILES) as site:
        home.envtool("mirror", "add", "lab", "--pypi", f"{site.url}/pypi/simple", "--conda", f"{site.url}/anaconda")
        ran = home.envtool("mirror", "test", "lab", "--json", "--limit", "5", "--subdir", "linux-64")
        assert {(r["mirror"], r["purpose"], r["status"]) for r in ran.data} == {
            ("lab", "pip", "ok"),
            ("lab", "conda", "ok"),
        }
        shown = home.envtool("mirror", "test", f"{site.url}/pypi/simple", "--for", "pip")
        assert shown.code == 0
        assert " ok " in shown.out
        site.portal = True
        assert home.envtool("mirror", "test", "lab", "--for", "pip").code == ExitCode.NETWORK


def only(home: Home, monkeypatch: pytest.MonkeyPatch, **sites: str) -> None:
    """Make these local sites the whole catalogue: tests must not reach real ones."""
    entries = "".join(
        f"  {name}: {{title: {name}, group: {name}, state: active, evidence: [], pypi: {{index: '{url}/pypi/simple'}},"
        f" conda: {{base: '{url}/anaconda', channels: [conda-forge]}}}}\n"
        for name, url in sites.items()
    )
    nowhere = "http://127.0.0.1:9"
    upstream = f"upstream: {{conda: '{nowhere}', defaults: '{nowhere}/pkgs', torch: '{nowhere}/whl'}}"
    path = home.path / "list.yaml"
    path.write_text(f"schema: 1\ncompiled: 2026-11-23\n{upstream}\nmirrors:\n{entries}")
    monkeypatch.setattr(catalogue, "_shipped", lambda: path)


def test_auto_takes_the_one_that_works(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(FILES) as good, serve(FILES, portal=True) as bad:
        only(home, monkeypatch, bad=bad.url, good=good.url)
        results = test.run(home.context, test.Trial(limit=3.0))
    assert test.working(results, ("conda", "pip")) == ("good",)
    assert any(result.mirror == "bad" and result.status == "wrong" for result in results)
    assert any(result.mirror == "upstream" and result.status == "down" for result in results)


def test_auto_without_a_network_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    only(home, monkeypatch, gone="http://127.0.0.1:9")
    results = test.run(home.context, test.Trial(purposes=("pip",), limit=1.0))
    with pytest.raises(EnvtoolError) as caught:
        test.working(results, ("pip",))
    assert caught.value.code == ExitCode.NETWORK


@pytest.mark.parametrize(
    ("families", "only"),
    [((socket.AF_INET6,), "IPv6"), ((socket.AF_INET,), "IPv4"), ((socket.AF_INET, socket.AF_INET6), "")],
)
def test_the_only_kind_of_address_of_a_name_is_told(
    families: tuple[socket.AddressFamily, ...], only: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of foreign sites cannot be resolved here."""
    found = [(family, socket.SOCK_STREAM, 6, "", ("x", 0)) for family in families]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    assert only_family("https://mirrors6.example/simple") == only
    assert only_family("https://[::1]/simple") == only_family("http://127.0.0.1:1/x") == ""
