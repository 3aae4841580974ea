"""Reasons not to change an environment: one wording each, whichever command runs into it."""

import sys
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, venv, write

from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Environment, Spec
from envtool.operations import clone, install, remove, rename, uninstall, update
from envtool.operations.context import Context
from envtool.operations.steps import guards
from envtool.prefix import frozen
from envtool.prefix.marks import mark_unfinished
from envtool.reporter import Silent


def of(prefix: Path, name: str = "") -> Environment:
    return Environment(name, prefix, "conda")


def plans(context: Context, environment: Environment) -> list[str]:
    """Return what each command says that is asked to change, remove or rename an environment."""
    said = []
    for plan in (
        lambda: install.plan(context, install.InstallRequest(environment, Spec(conda=("numpy",)))),
        lambda: uninstall.plan(context, uninstall.UninstallRequest(environment, ("numpy",))),
        lambda: update.plan(context, update.UpdateRequest(environment)),
        lambda: remove.plan(context, remove.RemoveRequest(environment)),
        lambda: rename.plan(context, rename.RenameRequest(environment, "other")),
    ):
        with pytest.raises(EnvtoolError) as raised:
            plan()
        assert raised.value.code == ExitCode.USAGE
        said.append(raised.value.message)
    return said


def installation(prefix: Path) -> Path:
    for part in ("condabin", "pkgs", "envs"):
        (prefix / part).mkdir(parents=True)
    return conda_env(prefix)


def test_no_command_changes_a_conda_installation(home: Home, tmp_path: Path) -> None:
    root = installation(tmp_path / "miniforge3")
    for environment in (of(root), of(conda_env(tmp_path / "named"), "base")):
        (message,) = set(plans(home.context, environment))
        assert str(environment.prefix) in message


def test_no_command_changes_the_environment_that_envtool_runs_in(home: Home) -> None:
    (message,) = set(plans(home.context, Environment("", Path(sys.prefix), "venv")))
    assert message.startswith("envtool is installed in")


def test_an_environment_with_conda_in_it_is_no_installation(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "tools", {"name": "conda", "files": ["condabin/conda"]})
    assert not guards.is_installation(of(prefix, "tools"))
    (prefix / "pkgs").mkdir()
    assert guards.is_installation(of(prefix, "tools"))


def test_the_active_one_is_neither_removed_nor_renamed(home: Home, tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "dl")
    (tmp_path / "link").symlink_to(prefix)
    context = Context(home.host_with(CONDA_PREFIX=str(tmp_path / "link")), Silent())
    for plan in (
        lambda: remove.plan(context, remove.RemoveRequest(of(prefix))),
        lambda: rename.plan(context, rename.RenameRequest(of(prefix), "other")),
    ):
        with pytest.raises(EnvtoolError, match="is active in this shell") as raised:
            plan()
        assert raised.value.code == ExitCode.USAGE


def test_a_frozen_one_is_changed_on_request_only(home: Home, tmp_path: Path) -> None:
    prefix = venv(home.venvs / "dl")
    write(prefix / "conda-meta" / "frozen", '{"message": "shared by all"}')
    environment = Environment("dl", prefix, "venv")
    request = uninstall.UninstallRequest(environment, ("nothing",))
    with pytest.raises(EnvtoolError, match=r"frozen\. shared by all") as raised:
        uninstall.plan(home.context, request)
    assert "--override-frozen" in raised.value.hint
    with pytest.raises(EnvtoolError, match="Not installed"):
        uninstall.plan(home.context, uninstall.UninstallRequest(environment, ("nothing",), override_frozen=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        ("install", "-n", "dl", "numpy"),
        ("uninstall", "-n", "dl", "zlib"),
        ("update", "-n", "dl"),
        ("remove", "dl", "--yes"),
        ("remove", "dl", "--dry-run"),
        ("rename", "dl", "other"),
        ("vars", "set", "A=1", "-n", "dl"),
        ("vars", "unset", "OLD", "-n", "dl"),
        ("mirror", "set", "tsinghua", "-n", "dl", "--target", "pip"),
        ("mirror", "unset", "-n", "dl", "--target", "pip"),
    ],
    ids=" ".join,
)
def test_every_command_that_changes_one_refuses_a_frozen_one(home: Home, line: tuple[str, ...]) -> None:
    prefix = conda_env(home.conda_envs / "dl", {"name": "zlib"})
    write(prefix / "conda-meta" / "frozen", '{"message": "shared by all"}')
    write(prefix / "conda-meta" / "state", '{"env_vars": {"OLD": "1"}}')
    before = {path: path.read_bytes() for path in home.conda_envs.rglob("*") if path.is_file()}
    ran = home.envtool(*line)
    assert (ran.code, "dl is frozen. shared by all" in ran.err, "--override-frozen" in ran.err) == (1, True, True)
    assert {path: path.read_bytes() for path in home.conda_envs.rglob("*") if path.is_file()} == before
    if line[0] not in ("install", "uninstall", "update"):  # those need an engine
        assert home.envtool(*line, "--override-frozen").code == 0


def test_a_clone_of_a_frozen_one_is_free(home: Home) -> None:
    prefix = conda_env(home.conda_envs / "dl", {"name": "zlib"})
    write(prefix / "conda-meta" / "frozen", "{}")
    clone.clone(home.context, clone.CloneRequest(Environment("dl", prefix, "conda"), "mine", "envtool clone dl mine"))
    assert frozen.message(home.conda_envs / "mine") is None
    assert frozen.message(prefix) == ""


def test_an_unfinished_one_names_its_ways_out(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "dl")
    guards.refuse_unfinished(of(prefix))
    assert guards.interruption(of(prefix)) is None
    mark_unfinished(prefix, "envtool install numpy")
    with pytest.raises(EnvtoolError, match="`envtool install numpy` was interrupted") as raised:
        guards.refuse_unfinished(of(prefix, "dl"))
    assert "envtool remove dl" in raised.value.hint
    write(prefix / ".envtool" / "before.json", "{}")
    assert guards.interruption(of(prefix, "dl")) == (
        raised.value.message,
        "Finish it with `envtool resume dl`, or go back with `envtool rollback dl`.",
    )


def test_only_environments_are_ever_touched(tmp_path: Path) -> None:
    guards.require_environment(conda_env(tmp_path / "dl"))
    with pytest.raises(EnvtoolError, match="is not an environment"):
        guards.require_environment(tmp_path)
