"""Channels by name: in specs, under the user's settings, and with tokens in their URLs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.channel import packages, server
from support.channel.server import Fault, Server
from support.home import Home

TOKEN = "tk-12345678-aaaa-bbbb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with several channels, of which each has its own leaf; one needs a token."""
    root = tmp_path_factory.mktemp("site")
    channels = {
        "cloud/conda-forge": ("leaf", "trunk"),
        "cloud/other": ("leaf", "only-other"),
        "pkgs/main": ("leaf", "only-main"),
        "pkgs/r": ("leaf", "only-r"),
        f"t/{TOKEN}/lab": ("leaf", "tool"),
        f"private-{TOKEN}/lab": ("leaf", "tool"),
    }
    for path, names in channels.items():
        channel = root / path
        channel.mkdir(parents=True)
        for name in names:
            packages.tiny(channel, name, "1.0", files={f"share/{name}/from": path})
        packages.index(channel)
    return root


@pytest.fixture
def site(folder: Path) -> Iterator[Server]:
    """The channels, served over HTTP."""
    with server.serve(folder) as running:
        yield running


def condarc(home: Home, text: str, site: Server) -> None:
    (home.path / ".condarc").write_text(text.replace("URL", site.url))


def origin(home: Home, environment: str, name: str = "leaf") -> str:
    return (home.conda_envs / environment / "share" / name / "from").read_text()


BY_NAME = "channels: [conda-forge]\ncustom_channels: {conda-forge: URL/cloud, other: URL/cloud}\n"
ALIAS = "channels: [conda-forge]\nchannel_alias: URL/cloud\n"
DEFAULTS = ALIAS + "default_channels: [URL/pkgs/main, URL/pkgs/r]\n"


@pytest.mark.parametrize(
    ("settings", "spec", "expected"),
    [
        (BY_NAME, "conda-forge::leaf=1.0", "cloud/conda-forge"),
        (ALIAS, "conda-forge::leaf", "cloud/conda-forge"),
        (ALIAS, "other::leaf", "cloud/other"),
        (BY_NAME, "other::leaf 1.*", "cloud/other"),
        (ALIAS, "leaf[channel=other]", "cloud/other"),
        (ALIAS, "leaf[version='1.0',channel='other']", "cloud/other"),
        (ALIAS, f"other/{packages.SUBDIR}::leaf", "cloud/other"),
        (ALIAS, "URL/cloud/other::leaf", "cloud/other"),
        ("channels: [URL/cloud/conda-forge]\n", "URL/cloud/other::leaf=1.0=0", "cloud/other"),
        (ALIAS + "channel_priority: strict\n", "other::leaf", "cloud/other"),
        (ALIAS + "channel_priority: disabled\n", "conda-forge::leaf", "cloud/conda-forge"),
        (DEFAULTS, "defaults::leaf", "pkgs/main"),
        (DEFAULTS, "pkgs/r::leaf", "pkgs/r"),
        ("channels: [mine]\ncustom_multichannels: {mine: [URL/pkgs/r, URL/cloud/other]}\n", "mine::leaf", "pkgs/r"),
    ],
)
def test_a_spec_is_taken_from_its_channel(home: Home, site: Server, settings: str, spec: str, expected: str) -> None:
    condarc(home, settings, site)
    spec = spec.replace("URL", site.url)
    assert home.envtool("create", "demo", spec).code == 0
    assert origin(home, "demo") == expected


def test_the_channel_of_a_spec_is_asked_last_and_only_for_it(home: Home, site: Server) -> None:
    condarc(home, DEFAULTS, site)
    file = home.path / "environment.yml"
    file.write_text("dependencies: [leaf, other::only-other, defaults::only-r]\n")
    assert home.envtool("create", "demo", "-f", str(file)).code == 0
    assert origin(home, "demo") == "cloud/conda-forge"
    assert origin(home, "demo", "only-r") == "pkgs/r"
    # It stays where its channel can no longer be asked, and names no channel to those who read the record.
    site.put(Fault("/other/", "status", status=503))
    assert home.envtool("install", "-n", "demo", "conda-forge::trunk", "--yes").code == 0
    assert home.envtool("install", "-n", "demo", "other::leaf", "--yes").code == 5
    site.mend()
    assert home.envtool("install", "-n", "demo", "other::leaf", "--yes").code == 0
    assert (origin(home, "demo"), origin(home, "demo", "only-other")) == ("cloud/other", "cloud/other")
    missing = home.envtool("create", "no", "other::only-r")
    assert (missing.code, "only-r" in missing.err) == (1, True)


@pytest.mark.parametrize("offline", [False, True])
def test_uninstalling_asks_no_channel(home: Home, site: Server, offline: bool) -> None:
    condarc(home, ALIAS, site)
    assert home.envtool("create", "demo", "leaf", "other::only-other", "trunk").code == 0
    condarc(home, "channels: [conda-forge, gone]\nchannel_alias: http://127.0.0.1:1/dead\n", site)
    site.mend()
    options = ("--offline",) if offline else ()
    ran = home.envtool("uninstall", "-n", "demo", "leaf", "--yes", *options, env={"ENVTOOL_HOME": str(home.path / "x")})
    assert (ran.code, site.requests) == (0, []), ran.err
    assert home.installed("demo") == {"only-other": "1.0", "trunk": "1.0"}


@pytest.mark.parametrize(
    ("where", "written"),
    [
        ("file", "URL/t/$LAB_TOKEN/lab"),
        ("file", "URL/private-${LAB_TOKEN}/lab"),
        ("option", f"URL/t/{TOKEN}/lab"),
        ("option", "URL/private-$LAB_TOKEN/lab"),
        ("condarc", "URL/t/${LAB_TOKEN}/lab"),
        ("spec", "URL/t/$LAB_TOKEN/lab"),
        ("spec", f"URL/t/{TOKEN}/lab"),
    ],
)
def test_a_token_reaches_the_channel_and_nothing_else(home: Home, site: Server, where: str, written: str) -> None:
    url, spec, options = written.replace("URL", site.url), "tool", tuple[str, ...]()
    condarc(home, ALIAS, site)
    if where == "file":
        file = home.path / "environment.yml"
        file.write_text(f"name: demo\nchannels: ['{url}']\ndependencies: [tool]\n")
        options, spec = ("-f", str(file)), ""
    elif where == "option":
        options = ("-c", url, "--override-channels")
    elif where == "condarc":
        condarc(home, f"channels: ['{url}', conda-forge]\nchannel_alias: URL/cloud\n", site)
    else:
        spec = f"{url}::tool"
    variables = {"LAB_TOKEN": TOKEN}
    words = ("demo", spec) if spec else ()
    ran = home.envtool("create", *words, *options, env=variables)
    assert ran.code == 0, ran.err
    assert home.envtool("install", "-n", "demo", f"{url}::leaf", "--yes", env=variables).code == 0
    said = [ran.out, ran.err]
    for command in (
        ("list", "demo"),
        ("list", "demo", "--json"),
        ("info", "demo"),
        ("export", "demo"),
        ("export", "demo", "--format", "explicit"),
    ):
        told = home.envtool(*command)
        assert told.code == 0
        said += [told.out, told.err]
    kept = [path.read_text() for path in (home.conda_envs / "demo" / "conda-meta").iterdir() if path.is_file()]
    assert TOKEN not in "".join((*said, *kept))
    exported = home.envtool("export", "demo")
    [channel] = [line for line in exported.out.splitlines() if site.url in line]
    assert channel.split()[1].startswith(f"{site.url}/")
    assert channel.endswith("lab")
    assert "login" in exported.err
    explicit = home.envtool("export", "demo", "--format", "explicit")
    assert all(line.startswith(f"{site.url}/") for line in explicit.out.splitlines() if "://" in line)
    assert "login" in explicit.err
    listed = home.envtool("list", "demo", "--json").data["packages"]
    assert {package["channel"] for package in listed} == {channel.split()[1]}


def test_a_variable_that_is_not_set_is_named(home: Home, site: Server) -> None:
    for command in (
        ("create", "demo", "tool", "-c", f"{site.url}/t/$LAB_TOKEN/lab"),
        ("create", "demo", f"{site.url}/$LAB_TOKEN/lab::tool"),
    ):
        ran = home.envtool(*command)
        assert (ran.code, "LAB_TOKEN" in ran.err, site.requests) == (3, True, [])


def test_records_of_conda_with_a_hidden_token_are_read(home: Home, site: Server) -> None:
    condarc(home, ALIAS, site)
    assert home.envtool("create", "demo", "leaf").code == 0
    [record] = (home.conda_envs / "demo" / "conda-meta").glob("leaf-*.json")
    content = json.loads(record.read_text())
    for hidden in ("<TOKEN>", "***"):
        lab = f"{site.url}/t/{hidden}/lab"
        record.write_text(json.dumps({**content, "channel": lab, "url": f"{lab}/linux-64/leaf-1.0-0.conda"}))
        exported = home.envtool("export", "demo")
        assert f"  - {site.url}/lab\n" in exported.out
        assert "login" in exported.err
