"""Usage errors, hints, and messages where there is no result to show."""

import os
import venv
from pathlib import Path

import pytest
from support.home import Home

from envtool.operations.steps.prefix_lock import holding
from envtool.reporter import Silent


@pytest.fixture
def plain(home: Home) -> Path:
    """An environment at a path with a space in it."""
    prefix = home.path / "my envs" / "plain"
    venv.create(prefix, with_pip=False)
    return prefix


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("install", "-n", "x", "-p", "y", "numpy"), "were given"),
        (("run", "-n", "x", "-p", "y", "--", "true"), "were given"),
        (("install", "-n", "x"), "No packages were named"),
        (("create", "a", "--clone", "b", "--python", "3.12", "-c", "c"), "does not take --python, --channel"),
        (("create", "a", "--clone", "b", "--engine", "conda"), "does not take --engine"),
        (("run", "--nmae", "x", "--", "true"), "No such option: --nmae"),
        (("mirror", "run", "--target", "tsinghua", "--", "true"), "No such option: --target"),
    ],
)
def test_conflicting_options_are_refused(home: Home, arguments: tuple[str, ...], said: str) -> None:
    ran = home.envtool(*arguments)
    assert ran.code == 2
    assert said in ran.err


def test_options_after_the_program_belong_to_it(home: Home, plain: Path) -> None:
    assert home.envtool("run", "-p", str(plain), "python", "--version").out.startswith("Python 3")
    assert home.envtool("mirror", "run", "tsinghua", "sh", "-c", "echo $PIP_INDEX_URL").out.startswith("https://")


def test_an_environment_without_variables_says_so(home: Home, plain: Path) -> None:
    ran = home.envtool("vars", str(plain))
    assert (ran.code, ran.out, ran.err) == (0, "", f"{plain} sets no variables.\n")


def test_the_hint_for_an_environment_at_a_path_can_be_pasted(home: Home) -> None:
    ran = home.envtool("create", "-p", "my envs/new", "--engine", "venv", "--no-pip")
    assert ran.code == 0, ran.err
    prefix = home.path / "my envs" / "new"
    assert ran.err.splitlines()[1:] == [
        f"Created {prefix}.",
        f"Use it with: envtool run -p '{prefix}' -- python",
    ]


def test_a_clone_takes_the_options_of_clones(home: Home, plain: Path) -> None:
    ran = home.envtool("create", "a", "--clone", str(plain), "--dry-run", "--yes", "--json", "--offline")
    assert (ran.code, ran.data["dry_run"]) == (0, True)


@pytest.mark.parametrize("command", ["clone", "rename"])
def test_no_hint_suggests_removing_the_source(home: Home, command: str) -> None:
    venv.create(home.host.data_dir / "envs" / "dl", with_pip=False)
    ran = home.envtool(command, "dl", "dl")
    assert ran.code == 2
    assert "remove" not in ran.err


def test_a_waiting_command_names_the_lock_holder(home: Home, plain: Path) -> None:
    with holding(plain, "envtool install -n plain numpy", Silent()):
        waiting = home.start("vars", "set", "A=1", "-p", str(plain))
        assert waiting.stderr is not None
        assert waiting.stderr.readline().startswith("Waiting for envtool install -n plain numpy (process ")
    assert waiting.communicate()[1].startswith("Stored.")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only to root")
def test_an_unwritable_home_is_reported(home: Home) -> None:
    home.path.chmod(0o500)
    try:
        ran = home.envtool("mirror", "set", "tsinghua")
    finally:
        home.path.chmod(0o700)
    assert (ran.code, ran.err.splitlines()[0]) == (1, f"error: {home.path / '.local'}: Permission denied.")


def test_a_file_in_place_of_a_folder_is_reported(home: Home) -> None:
    (home.path / ".local").write_text("")
    ran = home.envtool("mirror", "set", "tsinghua")
    assert ran.code == 1
    assert ran.err.startswith(f"error: {home.path / '.local'}")


def test_a_script_without_execute_permission_is_not_called_missing(home: Home, plain: Path) -> None:
    (home.path / "train.py").write_text("print(1)\n")
    ran = home.envtool("run", "-p", str(plain), "--", "./train.py")
    assert (ran.code, ran.err.splitlines()[0]) == (3, "error: The program ./train.py is not executable.")


def test_without_a_working_mirror_the_network_is_suspected(home: Home) -> None:
    ran = home.envtool("mirror", "test", "https://nowhere.invalid/simple", "--for", "pip")
    assert (ran.code, "Check the network connection" in ran.err) == (5, True)


@pytest.mark.parametrize("option", [("-n", ""), ("--name", ""), ("--name=",), ("-p", ""), ("--prefix=",)], ids=" ".join)
@pytest.mark.parametrize("command", ["install", "remove", "uninstall", "update", "vars set", "channel add", "run"])
def test_an_empty_name_or_path_is_no_environment(home: Home, command: str, option: tuple[str, ...]) -> None:
    prefix = home.conda_envs / "dl"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").touch()
    ran = home.envtool(*command.split(), *option, "x=1", cwd=prefix, env={"CONDA_PREFIX": str(prefix)})
    assert (ran.code, "is empty" in ran.err) == (2, True), ran.err
    assert sorted(path.name for path in prefix.rglob("*")) == ["conda-meta", "history"]
