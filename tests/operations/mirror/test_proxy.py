"""All that envtool asks of the network goes through the proxy that one variable, or a client's own file, names."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.home import Home
from support.loopback import Server, proxy
from support.mirror_site import serve, tree

COMPANIONS = ("numpy", "pandas", "opencv-python-headless", "matplotlib")
LAB = "http://lab.invalid"  # known to the proxy alone
INDEX = f"{LAB}/pypi/simple"


@pytest.fixture
def through() -> Iterator[Server]:
    """A proxy that reaches one mirror and nothing else."""
    projects = {"pip": "26.2", "torch": "2.13.0+cpu", **dict.fromkeys(COMPANIONS, "1.0")}
    with serve(tree(projects=projects)) as site, proxy({"lab.invalid": site}) as server:
        yield server


@pytest.fixture
def account(home: Home) -> Home:
    """An account with one mirror of its own, behind the proxy."""
    environ = {name: value for name, value in home.environ.items() if not name.startswith("PIP_")}
    account = replace(home, environ={**environ, "PIP_CONFIG_FILE": "/dev/null"})
    assert account.envtool("mirror", "add", "lab", "--pypi", INDEX, "--conda", f"{LAB}/anaconda").code == 0
    return account


def asked(through: Server, piece: str) -> bool:
    return any(target.startswith(LAB) and piece in target for target in through.targets)


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy"])
def test_every_command_goes_through_the_proxy_of_one_variable(account: Home, through: Server, variable: str) -> None:
    environ = {variable: through.url}

    tested = account.envtool("mirror", "test", "lab", "--subdir", "linux-64", "--json", env=environ)
    assert {(r["purpose"], r["status"]) for r in tested.data} == {("pip", "ok"), ("conda", "ok")}, tested.out
    assert asked(through, "/pypi/simple/pip/")
    assert asked(through, "/repodata.json")

    through.requests.clear()
    chosen = account.envtool("mirror", "set", "auto", "--allow-http", "--yes", env=environ)
    assert chosen.code == 0, chosen.err
    assert f"{LAB}/anaconda" in (account.path / ".condarc").read_text()
    assert asked(through, "/pypi/simple/pip/")

    through.requests.clear()
    made = account.envtool(
        "bootstrap", "dl", "--cpu", "--engine", "venv", "--dry-run", "--json", env={**environ, "PIP_INDEX_URL": INDEX}
    )
    assert made.code == 0, made.out + made.err
    assert made.data["torch"] == "2.13.0+cpu"
    assert asked(through, "/pypi/simple/torch/")


def test_without_the_proxy_nothing_of_it_is_found(account: Home) -> None:
    tested = account.envtool("mirror", "test", "lab", "--subdir", "linux-64", "--json")
    assert {r["status"] for r in tested.data} == {"down"}
    assert all("cannot be resolved" in r["detail"] for r in tested.data)


def test_each_client_is_tested_through_its_own_proxy(account: Home, through: Server) -> None:
    closed = "http://127.0.0.1:9"
    (account.path / ".condarc").write_text(f"proxy_servers:\n  http: {closed}\n  http://lab.invalid: {through.url}\n")
    tested = account.envtool(
        "mirror", "test", "lab", "--subdir", "linux-64", "--json", env={"PIP_PROXY": closed, "no_proxy": "*"}
    )
    assert {r["purpose"]: r["status"] for r in tested.data} == {"conda": "ok", "pip": "proxy"}
    (dead,) = [r["detail"] for r in tested.data if r["purpose"] == "pip"]
    assert dead == "the proxy 127.0.0.1:9 refused the connection"


def test_a_dead_proxy_is_named_and_no_mirror_is_blamed(account: Home, through: Server) -> None:
    dead = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    tested = account.envtool("mirror", "test", "tsinghua", "lab", env=dead)
    assert tested.code == 5
    assert "No mirror was reached, since the proxy 127.0.0.1:9 (HTTP" in tested.err
    assert " down " not in tested.out
    refused = account.envtool("mirror", "test", "tsinghua", "--json", env={"ALL_PROXY": through.url})
    assert {row["status"] for row in refused.data} == {"proxy"}
    assert all("(ALL_PROXY)" in row["detail"] for row in refused.data)


@pytest.mark.slow
def test_bootstrap_names_a_dead_proxy_once(account: Home) -> None:
    ran = account.envtool(
        "bootstrap", "dl", "--cpu", "--engine", "venv", "--dry-run", env={"ALL_PROXY": "http://127.0.0.1:9"}
    )
    assert ran.code == 5
    assert ran.err.count("the proxy 127.0.0.1:9 (ALL_PROXY) refused the connection") == 1, ran.err


def test_show_names_the_proxies_in_force(account: Home) -> None:
    (account.path / ".condarc").write_text(
        "proxy_servers: {https: 'http://me:secret@127.0.0.1:1'}\nssl_verify: false\n"
    )
    conf = account.path / "pip.conf"
    conf.write_text("[global]\nproxy = http://me:secret@127.0.0.1:2\n")
    environ = {"https_proxy": "http://me:secret@127.0.0.1:3", "PIP_CONFIG_FILE": str(conf)}
    views = {view["client"]: view for view in account.envtool("mirror", "show", "--json", env=environ).data}
    lines = {
        client: {(line["key"], line["effect"]) for line in view["lines"] if "127.0.0.1" in line["value"]}
        for client, view in views.items()
    }
    assert lines["conda"] == {("proxy_servers.https", "merged"), ("https_proxy", "merged")}
    assert lines["pip"] == {("global.proxy", "wins"), ("https_proxy", "hidden")}
    assert lines["uv"] == {("https_proxy", "merged")}
    assert any("checks no certificate" in warning for warning in views["conda"]["warnings"])
    assert "secret" not in repr(views)
