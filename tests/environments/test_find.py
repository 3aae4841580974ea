"""Finding environments by conda's rules, without running conda."""

import json
import os
from pathlib import Path

import pytest
from support import environments
from support.condas import CONDA
from support.home import Home
from support.layouts import ask_conda, conda_env, venv

from envtool.environments import find
from envtool.errors import EnvtoolError, ExitCode
from envtool.paths import Host
from envtool.prefix.marks import mark_begun, mark_unfinished, record_maker


def host(home: Path, **environ: str) -> Host:
    return Host({"PATH": "", **environ}, home, "Linux", "x86_64")


def root(folder: Path) -> Path:
    """Make a conda installation: a root prefix with the program."""
    prefix = conda_env(folder / "miniconda3")
    program = prefix / "bin" / "conda"
    program.parent.mkdir()
    program.write_text(f"#!{prefix}/bin/python\n")
    program.chmod(0o755)
    return prefix


def test_nothing_is_found_in_an_empty_account(tmp_path: Path) -> None:
    assert environments.find_all(host(tmp_path)) == ()
    assert find.active_prefix(host(tmp_path)) is None
    assert find.conda_root(host(tmp_path)) is None
    assert environments.envs_dirs(host(tmp_path)) == (tmp_path / ".conda" / "envs",)


def test_every_source_of_environments_is_searched(tmp_path: Path) -> None:
    base = root(tmp_path)
    conda_env(base / "envs" / "dl")
    conda_env(tmp_path / ".conda" / "envs" / "mine")
    conda_env(tmp_path / "project" / "env")
    here = host(tmp_path, CONDA_EXE=str(base / "bin" / "conda"))
    venv(find.venvs_dir(here) / "light")
    record_maker(find.venvs_dir(here) / "light", "venv", "0")
    (base / "envs" / "rests").mkdir()
    registered = tmp_path / ".conda" / "environments.txt"
    registered.write_text(f"{base}\n\n{tmp_path}/project/env\n{tmp_path}/gone\n{base}/envs/dl\n")

    found = environments.find_all(here)

    assert [(e.name, e.kind, e.engine) for e in found] == [
        ("base", "conda", ""),
        ("dl", "conda", ""),
        ("light", "venv", "venv"),
        ("mine", "conda", ""),
        ("", "conda", ""),
    ]
    assert found[-1].prefix == tmp_path / "project" / "env"
    assert "gone" in registered.read_text(), "conda cleans this file while listing; we must not"


def test_a_half_made_environment_is_listed_as_such(tmp_path: Path) -> None:
    here = host(tmp_path)
    for prefix in (tmp_path / ".conda" / "envs" / "half", find.venvs_dir(here) / "light"):
        prefix.mkdir(parents=True)
        mark_unfinished(prefix, "envtool create")
    assert [(e.name, e.kind, e.unfinished) for e in environments.find_all(here)] == [
        ("half", "conda", True),
        ("light", "venv", True),
    ]


def test_a_registered_folder_without_an_environment_is_not_listed(tmp_path: Path) -> None:
    prefix = tmp_path / ".conda" / "envs" / "half"
    mark_begun(prefix, "envtool create half")
    (tmp_path / ".conda" / "environments.txt").write_text(f"{prefix}\n")
    assert environments.find_all(host(tmp_path)) == ()
    with pytest.raises(EnvtoolError, match="no environment"):
        environments.resolve(host(tmp_path), "half")


def test_an_environment_reached_through_a_link_is_listed_once_and_by_name(tmp_path: Path) -> None:
    real = conda_env(tmp_path / "big-disk" / "dl")
    (tmp_path / ".conda" / "envs").mkdir(parents=True)
    (tmp_path / ".conda" / "envs" / "dl").symlink_to(real)
    (tmp_path / ".conda" / "environments.txt").write_text(f"{real}\n")
    assert [(e.name, e.prefix) for e in environments.find_all(host(tmp_path))] == [
        ("dl", tmp_path / ".conda" / "envs" / "dl")
    ]


@pytest.mark.parametrize("said_by", ["CONDA_EXE", "PATH", "link on PATH", "wrapper on PATH", "CONDA_ROOT"])
def test_the_root_prefix_is_found_without_starting_conda(said_by: str, tmp_path: Path) -> None:
    base = root(tmp_path / "opt")
    programs = tmp_path / "bin"
    programs.mkdir()
    if said_by == "link on PATH":
        (programs / "conda").symlink_to(base / "bin" / "conda")
    if said_by == "wrapper on PATH":
        (programs / "conda").write_text(f"#!{base}/bin/python -E\n")
        (programs / "conda").chmod(0o755)
    environ = {
        "CONDA_EXE": {"CONDA_EXE": str(base / "bin" / "conda")},
        "CONDA_ROOT": {"CONDA_ROOT": str(base)},
        "PATH": {"PATH": str(base / "bin")},
    }.get(said_by, {"PATH": str(programs)})
    assert find.conda_root(host(tmp_path, **environ)) == base


def test_a_script_that_only_starts_conda_is_no_root(tmp_path: Path) -> None:
    program = tmp_path / "usr" / "local" / "bin" / "conda"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexec /opt/conda/bin/conda\n")
    program.chmod(0o755)
    assert find.conda_root(host(tmp_path, PATH=str(program.parent))) is None


def test_the_root_of_a_pip_installed_conda_is_its_venv(tmp_path: Path) -> None:
    prefix = venv(tmp_path / "tools")
    program = prefix / "bin" / "conda"
    program.write_text(f"#!{prefix}/bin/python\n")
    program.chmod(0o755)
    here = host(tmp_path, PATH=str(program.parent))
    assert find.conda_root(here) == prefix
    assert [e.name for e in environments.find_all(here)] == ["base"]


def test_a_root_prefix_that_cannot_be_written_comes_after_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = root(tmp_path / "opt")
    here = host(tmp_path, CONDA_EXE=str(base / "bin" / "conda"))
    own = tmp_path / ".conda" / "envs"
    assert environments.envs_dirs(here) == (base / "envs", own)
    # Root may write anywhere, and tests often run as root: the answer of the system is given for it.
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert environments.envs_dirs(here) == (own, base / "envs")


def test_configured_folders_come_first_and_give_names(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "data" / "envs" / "dl")
    (tmp_path / ".condarc").write_text(f"envs_dirs:\n  - {tmp_path}/data/envs\n")
    here = host(tmp_path)
    assert environments.envs_dirs(here)[0] == prefix.parent
    assert [e.name for e in environments.find_all(here)] == ["dl"]
    assert [e.name for e in environments.find_all(host(tmp_path, CONDA_ENVS_PATH=str(tmp_path / "other")))] == ["dl"]


def test_micromamba_has_a_root_of_its_own(tmp_path: Path) -> None:
    conda_env(tmp_path / "micromamba" / "envs" / "dl")
    here = host(tmp_path, MAMBA_ROOT_PREFIX=str(tmp_path / "micromamba"))
    assert find.conda_root(here) == tmp_path / "micromamba"
    assert [e.name for e in environments.find_all(here)] == ["dl"]


@pytest.mark.parametrize("where", ["nowhere yet", "the old place", "the installation", "one of its environments"])
def test_a_micromamba_that_says_nothing_keeps_its_root_where_libmamba_puts_it(where: str, tmp_path: Path) -> None:
    installation = tmp_path / "miniforge3"
    prefix = {"the installation": installation, "one of its environments": installation / "envs" / "tools"}.get(where)
    program = (prefix or tmp_path / "opt") / "bin" / "micromamba"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    if where == "the installation":
        conda_env(installation)
    expected = installation if prefix else tmp_path / ".local" / "share" / "mamba"
    if where == "the old place":
        expected = conda_env(tmp_path / "micromamba" / "envs" / "dl").parent.parent
    for here in (host(tmp_path, PATH=str(program.parent)), host(tmp_path, MAMBA_EXE=str(program))):
        assert find.conda_root(here) == expected
        assert environments.envs_dirs(here)[0] == expected / "envs"


def test_a_shell_that_mamba_has_set_up_is_mambas(tmp_path: Path) -> None:
    base = root(tmp_path)
    shell = {"MAMBA_EXE": str(tmp_path / "micromamba"), "MAMBA_ROOT_PREFIX": str(tmp_path / "mamba")}
    assert find.conda_root(host(tmp_path, PATH=str(base / "bin"), **shell)) == tmp_path / "mamba"
    assert find.conda_root(host(tmp_path, CONDA_EXE=str(base / "bin/conda"), **shell)) == base


def test_an_environment_is_resolved_by_name_and_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = root(tmp_path)
    here = host(tmp_path, CONDA_EXE=str(base / "bin" / "conda"))
    conda_env(base / "envs" / "dl")
    venv(tmp_path / "project" / ".venv")
    monkeypatch.chdir(tmp_path / "project")
    assert environments.resolve(here, "dl").prefix == base / "envs" / "dl"
    assert environments.resolve(here, "base").prefix == environments.resolve(here, "root").prefix == base
    for path in (".venv", "./.venv", "~/project/.venv", f"{tmp_path}/project/../project/.venv/"):
        assert environments.resolve(here, path).prefix == tmp_path / "project" / ".venv"
    assert environments.resolve(here, str(base / "envs" / "dl")).name == "dl"


@pytest.mark.parametrize("name", ["ld", "", "-x", "two words", "no/such/path", "base"])
def test_an_unknown_name_or_path_is_missing(name: str, tmp_path: Path) -> None:
    conda_env(tmp_path / ".conda" / "envs" / "dl")
    with pytest.raises(EnvtoolError) as caught:
        environments.resolve(host(tmp_path), name)
    assert caught.value.code == ExitCode.MISSING
    assert "envtool list" in caught.value.hint


def test_a_misspelt_name_gets_a_suggestion_and_a_plain_folder_an_explanation(tmp_path: Path) -> None:
    conda_env(tmp_path / ".conda" / "envs" / "detection")
    with pytest.raises(EnvtoolError) as caught:
        environments.resolve(host(tmp_path), "detecton")
    assert "detection" in caught.value.hint
    with pytest.raises(EnvtoolError, match=r"conda-meta/history nor pyvenv\.cfg"):
        environments.resolve(host(tmp_path), str(tmp_path))


def test_a_name_that_stands_for_two_environments_is_refused(tmp_path: Path) -> None:
    here = host(tmp_path)
    one, two = conda_env(tmp_path / ".conda" / "envs" / "dl"), venv(find.venvs_dir(here) / "dl")
    with pytest.raises(EnvtoolError) as caught:
        environments.resolve(here, "dl")
    assert str(one) in caught.value.message
    assert str(two) in caught.value.message


def test_the_environment_whose_programs_come_first_is_the_active_one(tmp_path: Path) -> None:
    conda, light = conda_env(tmp_path / "conda"), venv(tmp_path / "venv")
    both = {"CONDA_PREFIX": str(conda), "VIRTUAL_ENV": str(light)}

    def prefix_of(**environ: str) -> Path | None:
        return find.active_prefix(host(tmp_path, **environ))

    assert prefix_of(CONDA_PREFIX=str(conda)) == conda
    assert prefix_of(CONDA_PREFIX=str(tmp_path / "deleted")) is None
    assert prefix_of(**both, PATH=f"{light}/bin:{conda}/bin:/usr/bin") == light
    assert prefix_of(**both, PATH=f"{conda}/bin:{light}/bin:/usr/bin") == conda
    assert prefix_of(**both) == light


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root is shown everybody's environments")
def test_root_sees_every_users_environments(tmp_path: Path) -> None:
    import pwd

    everybody = {Path(user.pw_dir) for user in pwd.getpwall()}
    assert set(find._homes(host(Path(pwd.getpwuid(0).pw_dir)))) == everybody
    assert find._homes(host(tmp_path)) == [tmp_path]


@pytest.mark.conda
@pytest.mark.skipif(not CONDA, reason="needs conda: set ENVTOOL_TEST_CONDA to one, or have it on PATH")
def test_real_conda_finds_the_same(home: Home) -> None:
    for place in (".conda/envs/dl", "data/one", "data/two", "project/env"):
        conda_env(home.path / place)
    (home.path / "data" / "no-environment").mkdir()
    (home.path / ".condarc").write_text(f"envs_dirs: [{home.path}/data]\n")
    (home.path / ".conda" / "environments.txt").write_text(f"{home.path}/project/env\n{home.path}/data/one\n/gone\n")
    ours = environments.find_all(home.host)
    told = json.loads(ask_conda(home.environ, "env", "list", "--json"))
    theirs = {Path(prefix) for prefix in told["envs"] if Path(prefix).is_relative_to(home.path)}
    if os.geteuid() == 0:  # run by root, conda looks into the homes of all accounts, but not into $HOME
        theirs.add(home.path / "project" / "env")
    assert {environment.prefix for environment in ours if environment.name != "base"} == theirs
    assert {e.name for e in ours} - {"base"} == {"dl", "one", "two", ""}
