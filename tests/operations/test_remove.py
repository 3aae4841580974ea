"""``envtool remove``: what it would delete, what it refuses, and that nothing is left."""

import sys
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import conda_env, venv, write

from envtool.errors import Declined, EnvtoolError, ExitCode
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.remove import Removed, RemovePlan, RemoveRequest, plan, remove
from envtool.prefix.marks import OWN, mark_unfinished
from envtool.reporter import Silent


@pytest.fixture
def dl(home: Home) -> Environment:
    """A conda environment with a thesis in it."""
    prefix = conda_env(home.conda_envs / "dl", {"name": "zlib", "files": ["lib/libz.so"]})
    write(prefix / "thesis" / "chapter1.tex")
    return Environment("dl", prefix, "conda")


def test_the_plan_names_the_users_own_files_and_deletes_nothing(home: Home, dl: Environment) -> None:
    planned = plan(home.context, RemoveRequest(dl))
    own = sum(path.lstat().st_blocks * 512 for path in (dl.prefix / "thesis", dl.prefix / "thesis" / "chapter1.tex"))
    assert planned == RemovePlan(dl, 1, 0, planned.size, {dl.prefix / "thesis": own})
    assert planned.size.files == 4  # history, one record, one library, one chapter
    assert (dl.prefix / "thesis" / "chapter1.tex").exists()


def test_an_environment_inside_it_is_named(home: Home, dl: Environment) -> None:
    inner = venv(dl.prefix / "work" / "inner")
    context = Context(home.host_with(VIRTUAL_ENV=str(inner)), Silent())
    write(home.path / ".conda" / "environments.txt", f"{inner}\n")
    assert plan(home.context, RemoveRequest(dl)).inside == (inner,)
    with pytest.raises(EnvtoolError, match="active"):
        plan(context, RemoveRequest(Environment("", inner, "venv")))


def test_all_of_it_goes_and_the_others_stay(home: Home, dl: Environment) -> None:
    other = conda_env(home.conda_envs / "dl2")
    registry = write(home.path / ".conda" / "environments.txt", f"{dl.prefix}\n{other}\n")
    (dl.prefix / "closed").mkdir(mode=0o555)
    assert remove(home.context, RemoveRequest(dl)) == Removed(dl)
    assert sorted(path.name for path in home.conda_envs.iterdir()) == ["dl2"]
    assert registry.read_text() == f"{other}\n"


def test_a_link_to_an_environment_is_refused_with_what_it_leads_to(home: Home, tmp_path: Path) -> None:
    prefix = venv(tmp_path / "disk" / "dl")
    link = home.venvs / "dl"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(prefix)
    with pytest.raises(EnvtoolError) as refused:
        remove(home.context, RemoveRequest(Environment("dl", link, "venv", "venv")))
    assert refused.value.code == ExitCode.USAGE
    assert f"envtool remove {prefix}" in refused.value.hint
    assert link.is_symlink()
    assert prefix.is_dir()


def test_what_holds_the_home_folder_is_refused(home: Home) -> None:
    conda_env(home.path)
    with pytest.raises(EnvtoolError, match="holds the home folder") as refused:
        remove(home.context, RemoveRequest(Environment("", home.path, "conda")))
    assert refused.value.code == ExitCode.USAGE
    assert home.path.is_dir()


def test_a_link_in_it_is_not_followed(home: Home, tmp_path: Path) -> None:
    data = write(tmp_path / "data" / "images.bin").parent
    prefix = venv(home.venvs / "dl")
    (prefix / "data").symlink_to(data)
    remove(home.context, RemoveRequest(Environment("dl", prefix, "venv", "venv")))
    assert not prefix.exists()
    assert (data / "images.bin").exists()


def test_a_refusal_deletes_nothing(home: Home, dl: Environment) -> None:
    seen: list[RemovePlan] = []

    def refuse(plan: RemovePlan) -> bool:
        seen.append(plan)
        return False

    with pytest.raises(Declined, match="Cancelled: nothing was removed") as caught:
        remove(home.context, RemoveRequest(dl), refuse)
    assert caught.value.code == ExitCode.OK
    assert [list(plan.own_files) for plan in seen] == [[dl.prefix / "thesis"]]
    assert (dl.prefix / "lib" / "libz.so").exists()


def test_an_unfinished_environment_can_be_removed(home: Home) -> None:
    prefix = home.conda_envs / "half"
    prefix.mkdir(parents=True)
    mark_unfinished(prefix, "envtool create half python")  # it has no history yet, so it is no environment to conda
    remove(home.context, RemoveRequest(Environment("half", prefix, "conda")))
    assert not prefix.exists()
    assert not (home.conda_envs / OWN).exists()


def test_a_folder_that_is_no_environment_stays(home: Home, tmp_path: Path) -> None:
    thesis = write(tmp_path / "work" / "thesis.tex")
    with pytest.raises(EnvtoolError, match="not an environment"):
        remove(home.context, RemoveRequest(Environment("", thesis.parent, "conda")))
    assert thesis.exists()


def test_a_conda_installation_is_refused(home: Home) -> None:
    root = conda_env(home.path / "miniconda3")
    write(root / "condabin" / "conda")
    (root / "pkgs").mkdir()
    for name in ("base", ""):
        with pytest.raises(EnvtoolError, match="conda installation") as caught:
            plan(home.context, RemoveRequest(Environment(name, root, "conda")))
        assert caught.value.code == ExitCode.USAGE


def test_the_active_environment_is_refused(home: Home, dl: Environment) -> None:
    context = Context(home.host_with(CONDA_PREFIX=str(dl.prefix)), Silent())
    with pytest.raises(EnvtoolError, match="active") as caught:
        remove(context, RemoveRequest(dl))
    assert "eactivate" in caught.value.hint
    assert dl.prefix.exists()


def test_envtools_own_environment_is_refused(home: Home) -> None:
    with pytest.raises(EnvtoolError, match="envtool is installed in"):
        plan(home.context, RemoveRequest(Environment("", Path(sys.prefix), "venv")))
