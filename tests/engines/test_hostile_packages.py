"""Packages that lead out of an environment: nothing outside it is written, deleted or shown."""

import hashlib
import json
from functools import partial
from pathlib import Path

import pytest
from support import condas
from support.channel import hostile, packages
from support.home import Home

pytestmark = pytest.mark.slow

FILE = {"share/good/file": b"good\n"}


def made_of(channel: Path, victim: Path) -> None:
    """Write one package of each kind; ``victim`` is a folder of the user's that each of them is after."""
    up = "../" * 12 + str(victim).lstrip("/")
    write = partial(hostile.write_package, channel)
    write("good", FILE)
    write("dots", FILE, listed=["share/good/file", "../../good-1.0-0/share/good/file"])
    write("deep", {"share/deep": b""}, listed=["share/deep", f"share/{up}/notes"])
    write("absolute", {"share/a": b""}, listed=["share/a", f"{victim}/notes"])
    write("unpacks", {"../../../evil": b"evil", "share/unpacks": b""}, listed=["share/unpacks"])
    write("both", {"share/in/evil": b"evil"}, {"share/in": str(victim)})
    write("link", {"share/link": b""}, {"share/out": str(victim)})
    write("through", {"share/out/evil": b"evil"})
    write("mark", {".envtool/unfinished.json": b'{"command": "envtool remove vic --yes"}'})
    write("journal", {".envtool/renaming/journal.json": b"{}", ".envtool/renaming/0": b"evil"})
    write("shouted", {".ENVTOOL/unfinished.json": b"{}"})
    write("folder", {"share/f": b""}, {".envtool": str(victim)})
    write("history", {"share/h": b""}, {"conda-meta/history": str(victim / "notes")})
    write("record", {"conda-meta/zlib-1.0-0.json": b'{"files": ["../../x"]}'})
    write("path", {"site-packages/a.py": b""}, listed=["site-packages/../../../../x"], noarch="python")
    write("script", {"site-packages/b.py": b""}, noarch="python", entry_points=["../../evil = b:main"])
    packages.index(channel)


REFUSED = "dots deep absolute mark journal shouted folder history record path script".split()


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("victim")
    (folder / "notes").write_text("mine\n")
    return folder


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory, victim: Path) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    made_of(folder, victim)
    return folder


@pytest.fixture
def source(channel: Path) -> tuple[str, ...]:
    return ("--override-channels", "-c", channel.as_uri())


def digest(*folders: Path, without: str) -> str:
    """Return a digest of every path in folders, but for the caches and what belongs to an environment."""
    found = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if ".cache" in path.parts or without in path.parts or path.name == "environments.txt":
            continue
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found.update(f"{path} {path.lstat().st_mode}\0".encode() + data)
    return found.hexdigest()


@pytest.mark.parametrize(("name", "cached"), [*((name, False) for name in REFUSED), ("dots", True), ("mark", True)])
def test_a_new_environment_is_not_made_with_it(
    home: Home, source: tuple[str, ...], victim: Path, name: str, cached: bool
) -> None:
    home.conda_envs.mkdir(parents=True)
    before = digest(home.path, victim, without="bad")
    for _ in range(2 if cached else 1):
        ran = home.envtool("create", "bad", "good", name, "--engine", "embedded", "--no-pip", *source)
        assert (ran.code, f"{name}-1.0-0 was refused" in ran.err) == (4, True), ran.err
    assert digest(home.path, victim, without="bad") == before
    assert not (home.conda_envs / "bad").exists()


@pytest.mark.parametrize("name", ["dots", "absolute", "mark", "history"])
def test_nor_is_it_added_to_one(home: Home, source: tuple[str, ...], victim: Path, name: str) -> None:
    assert home.envtool("create", "dl", "good", "--engine", "embedded", *source).code == 0
    before = digest(home.path, victim, without="")
    ran = home.envtool("install", "-n", "dl", "--yes", name, *source)
    assert (ran.code, "was refused" in ran.err) == (4, True), ran.err
    assert digest(home.path, victim, without="") == before


@pytest.mark.parametrize("together", [True, False], ids=["in one go", "one after the other"])
def test_a_link_and_a_file_behind_it_from_two_packages(
    home: Home, source: tuple[str, ...], victim: Path, together: bool
) -> None:
    before = digest(victim, without="")
    first = ("link", "through") if together else ("link",)
    ran = home.envtool("create", "dl", *first, "--engine", "embedded", *source)
    if not together:
        assert ran.code == 0, ran.err  # a link is no harm as long as nothing goes through it
        ran = home.envtool("install", "-n", "dl", "--yes", "through", *source)
    assert ran.code in (1, 4), ran.err
    assert digest(victim, without="") == before


@pytest.mark.parametrize("name", ["unpacks", "both"])
def test_what_an_archive_unpacks_outside_is_not_written(
    home: Home, source: tuple[str, ...], victim: Path, name: str
) -> None:
    ran = home.envtool("create", "dl", name, "--engine", "embedded", *source)
    assert [path for path in (*home.path.rglob("*"), *victim.rglob("*")) if path.name == "evil"] == [], ran.err


@pytest.mark.parametrize("path", ["../../vic/notes", "{victim}/notes", "share/out/notes", "lib/../../../vic/notes"])
def test_a_record_that_names_other_files_deletes_none(
    home: Home, source: tuple[str, ...], victim: Path, path: str
) -> None:
    assert home.envtool("create", "dl", "good", "link", "--engine", "embedded", *source).code == 0
    (home.path / "vic").mkdir()
    (home.path / "vic/notes").write_text("mine\n")
    (home.conda_envs / "vic").mkdir()
    (home.conda_envs / "vic/notes").write_text("mine\n")
    record = home.conda_envs / "dl/conda-meta/good-1.0-0.json"
    content = json.loads(record.read_text())
    named = path.format(victim=victim)
    content["files"].append(named)
    content["paths_data"]["paths"].append({**content["paths_data"]["paths"][0], "_path": named})
    record.write_text(json.dumps(content))
    before = digest(home.path, victim, without="")
    ran = home.envtool("uninstall", "-n", "dl", "--yes", "good", *source[1:])
    assert (ran.code, "Nothing was changed" in ran.err) == (1, True), ran.err
    assert digest(home.path, victim, without="") == before


@pytest.fixture(params=condas.FAMILY)
def driving(request: pytest.FixtureRequest, home: Home) -> Home:
    """A home in which conda, or one of its relatives, is driven."""
    condas.set_up(home.environ, request.param, home.path)
    return home


def test_conda_is_stopped_before_it_links_such_a_package(driving: Home, source: tuple[str, ...], victim: Path) -> None:
    before = digest(victim, without="")
    assert driving.envtool("create", "dl", "good", "--engine", "conda", "--no-pip", *source).code == 0
    tree = digest(driving.conda_envs / "dl", without=".envtool")
    for command in (("install", "-n", "dl", "--yes"), ("create", "bad", "--engine", "conda", "--no-pip")):
        for name in ("deep", "mark"):
            ran = driving.envtool(*command, name, *source)
            assert ran.code != 0, ran.err
    assert digest(victim, without="") == before
    assert digest(driving.conda_envs / "dl", without=".envtool") == tree
    assert not (driving.conda_envs / "bad").exists()
