"""envtool beside a conda that does not work: its environments stay usable, and the embedded engine changes them."""

from pathlib import Path

import pytest
from support.broken_condas import BROKEN, program
from support.channel import packages
from support.home import Home

pytestmark = pytest.mark.slow

# It answers when asked how it is, and fails at its work.
BREAKS_LATER = """#!/bin/sh
case $1 in config) echo '{"channels": []}'; exit ;; esac
"""
NO_SOLVER = (
    '{"exception_name": "CondaValueError", "message": "You have chosen a non-default solver backend (libmamba) '
    'but it was not recognized. Choose one of: classic"}'
)
LATER = {
    "silent": "",
    "garbage": "echo '<html>Sign in</html>'\n",
    "solver that does not load": f"echo '{NO_SOLVER}'\nexit 1\n",
}


@pytest.fixture
def channel(tmp_path: Path) -> str:
    """A channel with one small package, as a folder."""
    folder = tmp_path / "channel"
    packages.tiny(folder, "leaf", "1.0")
    packages.index(folder)
    return folder.as_uri()


@pytest.fixture
def account(home: Home) -> Home:
    """An account with a Miniconda that does not work, and an environment in it that its conda made."""
    root = home.path / "miniconda3"
    program(root / "bin" / "conda", BROKEN["dead interpreter"][0])
    for prefix in (root, root / "envs" / "old"):
        (prefix / "conda-meta").mkdir(parents=True)
        (prefix / "conda-meta" / "history").touch()
    program(root / "envs" / "old" / "bin" / "say", "#!/bin/sh\necho said\n")
    home.environ["CONDA_EXE"] = str(root / "bin" / "conda")
    return home


def conda(account: Home) -> Path:
    return Path(account.environ["CONDA_EXE"])


def test_its_environments_stay_listed_and_usable(account: Home, channel: str) -> None:
    assert {"base", "old"} <= {found["name"] for found in account.envtool("list", "--json").data["environments"]}
    assert account.envtool("run", "-n", "old", "--", "say").out == "said\n"
    installed = account.envtool("install", "-n", "old", "--override-channels", "-c", channel, "leaf", "--yes")
    assert installed.code == 0
    assert installed.err.count("does not work") == 1
    assert "/gone/miniconda3/bin/python does not exist" in installed.err
    assert account.installed("old") == {"leaf": "1.0"}
    for command in (("info", "old"), ("export", "old"), ("clone", "old", "new"), ("remove", "old", "--yes")):
        ran = account.envtool(*command)
        assert ran.code == 0, ran.err
    assert "old" not in {found["name"] for found in account.envtool("list", "--json").data["environments"]}


def test_a_new_environment_is_made_by_the_embedded_engine_and_says_so_once(account: Home, channel: str) -> None:
    made = account.envtool("create", "new", "--override-channels", "-c", channel, "leaf", "--yes")
    assert made.code == 0
    assert made.err.count(str(conda(account))) == 1
    assert account.installed("new") == {"leaf": "1.0"}


def test_asked_for_by_name_it_is_an_error_with_the_cause(account: Home, channel: str) -> None:
    refused = account.envtool("create", "new", "--engine", "conda", "--override-channels", "-c", channel, "leaf")
    assert refused.code == 3
    assert "/gone/miniconda3/bin/python does not exist" in refused.err
    assert not list(account.path.glob("**/envs/new"))


@pytest.mark.parametrize("kind", LATER)
def test_one_that_fails_at_its_work_is_replaced_in_the_same_run(account: Home, channel: str, kind: str) -> None:
    program(conda(account), BREAKS_LATER + LATER[kind])
    options = ("--override-channels", "-c", channel, "leaf", "--yes")
    for command in (("create", "new", *options), ("install", "-n", "old", *options)):
        ran = account.envtool(*command)
        if kind == "solver that does not load":
            assert ran.code == 0, ran.err
            assert "solver backend (libmamba)" in ran.err
        else:  # it says that it is well, and then does nothing
            assert ran.code == 1
            assert "--engine embedded" in ran.err
    refused = account.envtool("create", "other", "--engine", "conda", *options)
    assert refused.code != 0


@pytest.mark.parametrize("kind", ["silent", "killed", "no module named conda"])
def test_one_that_broke_since_it_was_seen_to_work_is_replaced_in_the_same_run(
    account: Home, channel: str, kind: str
) -> None:
    marker = account.path / "broken"
    text = BROKEN[kind][0]
    body = (
        text.split("\n", 1)[1]
        if text.startswith("#!/bin/sh")
        else f"exec {text[2:].split()[0]} -c 'import conda_gone'\n"
    )
    program(conda(account), f"#!/bin/sh\nif [ -e '{marker}' ]; then\n{body}exit 1\nfi\necho '{{\"channels\": []}}'\n")
    account.envtool("create", "one", "--override-channels", "-c", channel, "leaf", "--dry-run")
    marker.touch()
    made = account.envtool("create", "two", "--override-channels", "-c", channel, "leaf", "--yes")
    assert made.code == 0, made.err
    assert made.err.count("does not work") == 1
    assert account.installed("two") == {"leaf": "1.0"}


def test_an_explicit_list_that_it_ignores_is_no_success(account: Home, channel: str) -> None:
    program(conda(account), BREAKS_LATER)
    archive = next(Path(channel.removeprefix("file://")).glob("*/leaf-1.0*"))
    listing = account.path / "explicit.txt"
    listing.write_text(f"@EXPLICIT\n{archive.as_uri()}\n")
    ran = account.envtool("install", "-n", "old", "-f", str(listing), "--yes")
    assert (ran.code, "leaf-1.0" in ran.err) == (1, True), ran.err
