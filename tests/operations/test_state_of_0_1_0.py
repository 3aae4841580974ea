"""What envtool 0.1.0 left behind, killed at many moments: every later envtool reads it and settles it.

``tests/cases/state-0.1.0/make.py`` wrote the case with 0.1.0 itself.
"""

import json
import platform
import sys
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import venv

CASE = Path(__file__).parent.parent / "cases" / "state-0.1.0" / "home"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
STAND_INS = {"@HOST@": platform.node(), "@VERSION@": VERSION, "@PYTHON@": sys.base_prefix, "@WHEELS@": "/nowhere"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the case was written on Linux"),
]


@pytest.fixture
def old(home: Home) -> Home:
    """The account that 0.1.0 worked in."""
    stand_ins = {"@HOME@": str(home.path), **STAND_INS}
    for path in (path for path in CASE.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if path.suffix not in (".conda", ".whl"):
            for name, text in stand_ins.items():
                data = data.replace(name.encode(), text.encode())
        place = home.path / str(path.relative_to(CASE)).replace("@VERSION@", VERSION)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    home.environ.update({"PIP_FIND_LINKS": str(home.path / "wheels"), "PIP_NO_INDEX": "1"})
    return home


def envs(home: Home) -> Path:
    return home.path / ".conda" / "envs"


def channel(home: Home) -> tuple[str, ...]:
    return ("--override-channels", "-c", (home.path / "channel").as_uri())


def states(home: Home) -> dict[str, tuple[str, bool]]:
    """Return the engine of every environment, and whether it is unfinished."""
    listed = home.envtool("list", "--json").data["environments"]
    return {item["name"]: (item["engine"], item["unfinished"]) for item in listed}


def packages(home: Home, name: str) -> dict[str, str]:
    return {item["name"]: item["version"] for item in home.envtool("list", name, "--json").data["packages"]}


def is_at_rest(prefix: Path) -> bool:
    """Return whether an environment carries its engine's record, and nothing of a change."""
    return [path.name for path in (prefix / ".envtool").iterdir()] == ["environment.json"]


def test_everything_is_listed_with_its_engine_and_state(old: Home) -> None:
    venv(old.host.data_dir / "envs" / "dl")  # of the venvs, only envtool's own files were kept
    assert states(old) == {
        "changed": ("embedded", True),
        "created": ("", True),
        "dl": ("venv", False),
        "light": ("venv", True),
        "new-c": ("embedded", True),
        "new-d": ("embedded", True),
        "old-a": ("embedded", False),
        "old-b": ("embedded", True),
        "whole": ("embedded", False),
    }


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("changed", ("envtool resume changed", "envtool rollback changed")),
        ("created", ("envtool resume created", "envtool remove created")),
        ("light", ("envtool resume light", "envtool rollback light")),
    ],
)
def test_what_was_interrupted_is_named_with_the_ways_out(old: Home, name: str, ways: tuple[str, str]) -> None:
    message, hint = old.envtool("info", name, "--json").data["unfinished"]
    assert "interrupted" in message
    assert all(way in hint for way in ways)
    assert old.envtool("run", "-n", name, "--", "true").code == 1


def test_a_whole_environment_is_changed_and_removed_by_the_engine_that_made_it(old: Home) -> None:
    ran = old.envtool("install", "-n", "whole", "--yes", "leaf=2.0", *channel(old))
    assert ran.code == 0, ran.err
    assert packages(old, "whole") == {"leaf": "2.0"}
    assert old.envtool("remove", "whole", "--yes").code == 0
    assert not (envs(old) / "whole").exists()
    assert str(envs(old) / "whole") not in (old.path / ".conda/environments.txt").read_text().splitlines()


def test_an_interrupted_change_is_rolled_back(old: Home) -> None:
    prefix = envs(old) / "changed"
    assert (prefix / "share/leaf/version").read_text() == "2.0"
    ran = old.envtool("rollback", "changed")
    assert ran.code == 0, ran.err
    assert packages(old, "changed") == {"leaf": "1.0"}
    assert (prefix / "share/leaf/version").read_text() == "1.0"
    assert (prefix / "share/leaf/where").read_text() == f"{prefix}\n"
    assert sorted(path.name for path in (prefix / "share/leaf").iterdir()) == ["only-1.0", "version", "where"]
    assert is_at_rest(prefix)


def test_an_interrupted_change_is_resumed(old: Home) -> None:
    ran = old.envtool("resume", "changed")
    assert ran.code == 0, ran.err
    assert packages(old, "changed") == {"leaf": "2.0"}
    assert is_at_rest(envs(old) / "changed")


@pytest.mark.parametrize("name", ["changed", "created", "old-b", "new-c", "new-d"])
def test_whatever_is_unfinished_can_be_removed(old: Home, name: str) -> None:
    ran = old.envtool("remove", name, "--yes")
    assert ran.code == 0, ran.err
    assert name not in states(old)
    assert not (envs(old) / name).exists()
    assert list((envs(old) / ".envtool").glob(f"{name}.*")) == []


def test_an_interrupted_create_is_resumed(old: Home) -> None:
    ran = old.envtool("resume", "created")
    assert ran.code == 0, ran.err
    assert packages(old, "created") == {"leaf": "1.0"}
    assert states(old)["created"] == ("embedded", False)


def test_an_interrupted_create_gives_way_to_another(old: Home) -> None:
    ran = old.envtool("create", "created", "leaf=2.0", "--engine", "embedded", *channel(old))
    assert ran.code == 0, ran.err
    assert packages(old, "created") == {"leaf": "2.0"}


@pytest.mark.parametrize(
    ("name", "other"),
    [("old-a", "new-a"), ("old-b", "new-b"), ("new-c", "old-c"), ("new-d", "old-d")],
    ids=["prepared", "marked", "moved", "only its mark left"],
)
@pytest.mark.parametrize("way", ["resume", "change"])
def test_an_interrupted_rename_is_finished_or_never_was(old: Home, name: str, other: str, way: str) -> None:
    prefix = envs(old) / name
    command = ("resume", name) if way == "resume" else ("vars", "set", "A=1", "-n", name)
    ran = old.envtool(*command)
    assert ran.code == 0, ran.err
    assert not (envs(old) / other).exists()
    assert (prefix / "share/leaf/where").read_text() == f"{prefix}\n"
    assert states(old)[name] == ("embedded", False)
    assert is_at_rest(prefix)


def test_an_interrupted_change_of_a_venv_is_rolled_back(old: Home) -> None:
    # The venv itself is too large to keep: one with the same packages takes its place.
    prefix = old.host.data_dir / "envs" / "light"
    left = {path.name: path.read_bytes() for path in (prefix / ".envtool").iterdir()}
    assert old.envtool("remove", "light", "--yes").code == 0
    made = old.envtool("create", "light", "--engine", "venv", "--no-pip", "--pip", "twig==2.0")
    assert made.code == 0, made.err
    for name, data in left.items():
        (prefix / ".envtool" / name).write_bytes(data)
    ran = old.envtool("rollback", "light")
    assert ran.code == 0, ran.err
    assert packages(old, "light") == {"twig": "1.0"}
    assert is_at_rest(prefix)


def test_the_record_of_a_bootstrap_is_shown(old: Home) -> None:
    venv(old.host.data_dir / "envs" / "dl")
    record = old.envtool("info", "dl", "--json").data["bootstrap"]
    assert record["requirement"].startswith("torch==")
    assert record["envtool"] == "0.1.0"


def test_the_users_own_mirrors_are_known(old: Home) -> None:
    ran = old.envtool("mirror", "list", "--json")
    assert ran.code == 0, ran.err
    assert {"one", "two"} <= {site["name"] for site in ran.data}


def test_edits_of_files_are_undone_one_after_another_and_the_interrupted_ones_first(old: Home) -> None:
    entries = old.host.data_dir / "journal"
    assert len(list(entries.glob("*.begun"))) == 1
    assert all("version" not in json.loads(path.read_bytes()) for path in entries.glob("[0-9]*"))
    condarc, pip = old.path / ".condarc", old.path / ".config/pip/pip.conf"
    assert "two.example" in condarc.read_text()
    ran = old.envtool("mirror", "undo")
    assert ran.code == 0, ran.err
    assert condarc.read_text() == "channels:\n  - conda-forge  # ours\n"
    assert pip.read_text() == "[global]\ntimeout = 60\n"
    assert not (old.path / ".mambarc").exists()
    assert list(entries.glob("*.begun")) == []
