"""Archives named by URL or path: explicit lists, and files beside the user."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import condas
from support.channel import packages, server
from support.channel.server import Server
from support.home import Home

SUBDIR = packages.SUBDIR


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two channels that have archives of the same names, with different content."""
    root = tmp_path_factory.mktemp("channels")
    for name in ("forge", "other"):
        channel = root / name
        channel.mkdir()
        for version in ("1.0", "2.0"):
            packages.tiny(channel, "leaf", version, files={"share/leaf/from": f"{name} {version}"})
        packages.tiny(channel, "trunk", "1.0", files={"share/trunk/from": name})
        packages.index(channel)
    return root


@pytest.fixture
def site(folder: Path) -> Iterator[Server]:
    """The channels, served over HTTP."""
    with server.serve(folder) as running:
        yield running


def archive(channel: str, name: str = "leaf", version: str = "1.0") -> str:
    return f"{channel}/{SUBDIR}/{name}-{version}-0.conda"


def explicit(home: Home, *lines: str, name: str = "list.txt") -> str:
    path = home.path / name
    path.write_text("\n".join(["@EXPLICIT", *lines]) + "\n")
    return str(path)


def content(home: Home, environment: str, name: str = "leaf") -> str:
    return (home.conda_envs / environment / "share" / name / "from").read_text()


@pytest.mark.parametrize("hash_", ["", "md5", "sha256"])
def test_a_cached_archive_counts_only_if_its_url_or_hash_says_so(
    home: Home, site: Server, folder: Path, hash_: str
) -> None:
    assert home.envtool("create", "warm", "leaf=1.0", "-c", f"{site.url}/forge").code == 0
    data = (folder / archive("other")).read_bytes()
    ending = f"#{hashlib.new(hash_, data).hexdigest()}" if hash_ else ""
    listing = explicit(home, f"{site.url}/{archive('other')}{ending}")
    assert home.envtool("create", "new", "-f", listing).code == 0
    assert content(home, "new") == "other 1.0"
    assert (content(home, "warm"), home.installed("warm")) == ("forge 1.0", {"leaf": "1.0"})
    assert home.envtool("install", "-n", "warm", "-f", listing, "--yes").code == 0
    assert content(home, "warm") == "other 1.0"
    channel = home.envtool("list", "new", "--json").data["packages"][0]["channel"]
    assert channel.endswith("/other")
    # Fetched once, and known by its URL from now on.
    assert site.requests.count(f"/{archive('other')}") == 1
    assert (
        home.envtool("create", "again", "-f", explicit(home, f"{site.url}/{archive('other')}"), "--offline").code == 0
    )
    assert content(home, "again") == "other 1.0"
    far = home.envtool("create", "far", "-f", explicit(home, f"{site.url}/{archive('other', 'trunk')}"), "--offline")
    assert (far.code, "trunk-1.0-0.conda" in far.err) == (5, True), far.err


def test_a_listed_hash_is_checked(home: Home, site: Server) -> None:
    for ending in ("0" * 32, "0" * 64):
        ran = home.envtool("create", "new", "-f", explicit(home, f"{site.url}/{archive('forge')}#{ending}"))
        assert (ran.code, f"not {ending}" in ran.err) == (5, True), ran.err
    assert not (home.conda_envs / "new").exists()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("# platform: win-64", "{url}/win-64/leaf-1.0-0.conda"), ("line 3", "win-64")),
        (("{url}/osx-arm64/leaf-1.0-0.tar.bz2#" + "a" * 32,), ("line 2", "osx-arm64")),
        (("# platform: linux-s390x", "{url}/noarch/leaf-1.0-0.conda"), ("line 3", "linux-s390x")),
        (("/srv/win-64/leaf-1.0-0.conda",), ("line 2", "win-64")),
        ((f"# platform: {SUBDIR}", "{url}/win-32/leaf-1.0-0.conda"), ("line 3", "win-32")),
        (("{url}/win-64/leaf-1.0-0.conda",), ("line 2", "win-64")),
    ],
)
def test_a_list_for_another_platform_is_refused_before_anything_is_fetched(
    home: Home, site: Server, lines: tuple[str, ...], words: tuple[str, ...]
) -> None:
    listing = explicit(home, *(line.format(url=site.url) for line in lines))
    for extra in ((), ("--dry-run",)):
        ran = home.envtool("create", "new", "-f", listing, *extra)
        assert (ran.code, site.requests) == (4, [])
        assert all(word in ran.err for word in words), ran.err


def test_archives_for_every_platform_are_taken(home: Home, site: Server, folder: Path, tmp_path: Path) -> None:
    headed = explicit(home, f"# platform: {SUBDIR}", f"{site.url}/{archive('forge')}")
    assert home.envtool("create", "new", "-f", headed).code == 0
    # A folder says nothing about the platform: the archive itself does.
    foreign = tmp_path / "leaf-1.0-0.conda"
    foreign.write_bytes((folder / archive("forge")).read_bytes())
    assert home.envtool("create", "beside", "-f", explicit(home, str(foreign))).code == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [(("forge", "leaf", "1.0"), ("forge", "leaf", "2.0")), (("forge", "leaf", "1.0"), ("other", "leaf", "1.0"))],
)
def test_two_archives_of_one_package_are_refused(
    home: Home, site: Server, first: tuple[str, str, str], second: tuple[str, str, str]
) -> None:
    lines = [f"{site.url}/{archive(*each)}" for each in (first, second)]
    together = explicit(home, lines[0], f"{site.url}/{archive('forge', 'trunk')}", lines[1])
    ran = home.envtool("create", "new", "-f", together)
    assert (ran.code, site.requests) == (4, [])
    assert "line 4" in ran.err
    assert "line 2" in ran.err
    apart = [explicit(home, line, name=f"{number}.txt") for number, line in enumerate(lines)]
    ran = home.envtool("create", "new", "-f", apart[0], "-f", apart[1])
    assert (ran.code, "0.txt" in ran.err, "1.txt" in ran.err) == (4, True, True), ran.err
    assert home.envtool("create", "new", "-f", apart[0], "-f", apart[0]).code == 0


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("/t/<TOKEN>/lab", 4, "<TOKEN>"),
        ("/t/***/lab", 4, "***"),
        ("/t/{token}/lab", 4, "{token}"),
        ("/t/$LAB_TOKEN/lab", 3, "LAB_TOKEN"),
        ("/private-${LAB_TOKEN}/lab", 3, "LAB_TOKEN"),
    ],
)
def test_a_placeholder_for_a_token_is_named(home: Home, site: Server, text: str, code: int, word: str) -> None:
    listing = explicit(home, f"{site.url}/{archive('forge')}", f"{site.url}{text}/{archive('forge', 'trunk')}")
    for command in (("create", "new", "-f", listing), ("create", "new", "leaf", "-c", f"{site.url}{text}")):
        ran = home.envtool(*command)
        assert (ran.code, site.requests) == (code, []), ran.err
        assert word in ran.err
        assert ("line 3" in ran.err) == ("-f" in command)


def test_archives_beside_the_user_are_installed_by_any_spelling(home: Home, folder: Path) -> None:
    # In a folder that is no channel, as a download lies.
    for name in ("leaf-1.0-0.conda", "leaf-2.0-0.conda"):
        (home.path / name).write_bytes((folder / "forge" / SUBDIR / name).read_bytes())
    (home.path / ".condarc").write_text("channels: [http://127.0.0.1:1/nowhere]\noffline: true\n")
    assert home.envtool("create", "demo", "-f", explicit(home, str(folder / archive("forge", "trunk")))).code == 0
    absolute = home.path / "leaf-1.0-0.conda"
    for number, word in enumerate(("./leaf-1.0-0.conda", "leaf-1.0-0.conda", str(absolute), absolute.as_uri())):
        ran = home.envtool("install", "-n", "demo", word, "--yes")
        assert ran.code == 0, ran.err
        assert ("Nothing to change" in ran.err) == (number > 0), ran.out + ran.err
    assert home.envtool("install", "-n", "demo", os.path.relpath(home.path / "leaf-2.0-0.conda", home.path)).code == 0
    assert home.installed("demo") == {"leaf": "2.0", "trunk": "1.0"}
    missing = home.envtool("install", "-n", "demo", "./no-1.0-0.conda")
    assert (missing.code, "no-1.0-0.conda" in missing.err) == (4, True)
    exported = home.envtool("export", "demo")
    assert (exported.out.count("file:"), "leaf-2.0-0.conda" in exported.err) == (1, True)  # the channel of trunk
    # What was installed from a file stays when the file is gone, and nobody asks its folder for packages.
    for file in home.path.glob("leaf-*.conda"):
        file.unlink()
    assert home.envtool("uninstall", "-n", "demo", "trunk", "--yes").code == 0
    assert home.installed("demo") == {"leaf": "2.0"}


def test_an_archive_that_needs_others_gets_them_from_the_channels(home: Home, site: Server, folder: Path) -> None:
    packages.tiny(home.path, "needy", "1.0", depends=("trunk",))
    needy = home.path / SUBDIR / "needy-1.0-0.conda"
    ran = home.envtool("create", "demo", str(needy), "-c", f"{site.url}/forge", "--override-channels")
    assert ran.code == 0, ran.err
    assert home.installed("demo") == {"needy": "1.0", "trunk": "1.0"}
    site.requests.clear()
    # Where what it needs is there, no channel is asked; with other packages beside it, they are.
    assert home.envtool("install", "-n", "demo", str(folder / archive("other")), "--yes").code == 0
    assert site.requests == []
    assert home.envtool("uninstall", "-n", "demo", "leaf", "--yes").code == 0
    both = home.envtool("install", "-n", "demo", str(folder / archive("other")), "trunk", "-c", f"{site.url}/forge")
    assert (both.code, home.installed("demo")["leaf"]) == (0, "1.0"), both.err


def without_hashes(channel: Path) -> None:
    """Leave a channel with an index that has no hashes, as some generators write it."""
    for index in channel.glob("*/repodata*"):
        if index.name != "repodata.json":
            shutil.rmtree(index) if index.is_dir() else index.unlink()
            continue
        content = json.loads(index.read_text())
        for record in content["packages.conda"].values():
            record.pop("sha256", None)
            record.pop("md5", None)
        index.write_text(json.dumps(content))


def test_packages_of_a_channel_without_hashes_are_told_apart(home: Home, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    for name in ("forge", "other"):
        without_hashes(tmp_path / "copy" / name)
    with server.serve(tmp_path / "copy") as site:
        for name in ("forge", "other", "forge"):
            environment = f"{name}-{len(site.requests)}"
            ran = home.envtool("create", environment, "leaf=1.0", "-c", f"{site.url}/{name}", "--override-channels")
            assert ran.code == 0, ran.err
            assert content(home, environment) == f"{name} 1.0"


@pytest.mark.parametrize("program", condas.FAMILY)
def test_conda_and_mamba_install_archives_beside_the_user(home: Home, folder: Path, program: str) -> None:
    condas.set_up(home.environ, program, home.path)
    (home.path / "leaf-1.0-0.conda").write_bytes((folder / archive("forge")).read_bytes())
    source = ("--override-channels", "-c", (folder / "forge").as_uri())
    assert home.envtool("create", "demo", "trunk", *source, "--engine", "conda").code == 0
    for word in ("./leaf-1.0-0.conda", "leaf-1.0-0.conda"):
        ran = home.envtool("install", "-n", "demo", word, "--yes")
        assert ran.code == 0, ran.err
        assert home.installed("demo") == {"leaf": "1.0", "trunk": "1.0"}
    ran = home.envtool("create", "no", "leaf", "-c", "http://127.0.0.1:1/t/tk-1/lab", "--engine", "conda")
    assert (ran.code, "login" in ran.err, "tk-1" in ran.err) == (1, True, False)
