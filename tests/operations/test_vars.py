"""``envtool vars``: variables stored where conda keeps them."""

import json
import os
from pathlib import Path

import pytest
from support.condas import CONDA
from support.home import Home
from support.layouts import ask_conda, conda_env, venv, write

from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.vars import parse, set_variables
from envtool.paths import Host
from envtool.reporter import Silent


@pytest.fixture
def dl(home: Home) -> Path:
    return conda_env(home.path / ".conda" / "envs" / "dl")


def state(prefix: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((prefix / "conda-meta" / "state").read_bytes())
    return content


@pytest.mark.slow
def test_set_show_and_unset(home: Home, dl: Path) -> None:
    assert home.envtool("vars", "set", "A=1", "B=x = y", "EMPTY=", "-n", "dl").code == 0
    assert home.envtool("vars", "dl").out == "A=1\nB=x = y\nEMPTY=\n"
    assert home.envtool("vars", "unset", "A", "-n", "dl").code == 0
    assert home.envtool("vars", env={"CONDA_PREFIX": str(dl)}).out == "B=x = y\nEMPTY=\n"
    assert state(dl) == {"env_vars": {"B": "x = y", "EMPTY": ""}}
    assert home.envtool("vars", "dl", "--json").data["variables"] == {"B": "x = y", "EMPTY": ""}


def test_what_else_is_in_the_file_stays(home: Home, dl: Path) -> None:
    write(dl / "conda-meta" / "state", '{"version": 1, "env_vars": {"OLD": "值"}, "other": [1]}')
    home.envtool("vars", "set", "NEW=2", "-n", "dl")
    assert state(dl) == {"version": 1, "env_vars": {"OLD": "值", "NEW": "2"}, "other": [1]}


@pytest.mark.parametrize(
    "word", ["PATH=/x", "CONDA_PREFIX=/x", "VIRTUAL_ENV=/x", "1A=2", "A B=2", "=2", "A", "A;id=1", "A=***unset***"]
)
def test_what_cannot_be_stored_is_refused_whole(dl: Path, word: str) -> None:
    with pytest.raises(EnvtoolError) as refused:
        set_variables(
            Context(Host.here(), Silent()), Environment("dl", dl, "conda"), parse(["GOOD=1", word]), "vars set"
        )
    assert refused.value.code == ExitCode.USAGE
    assert not (dl / "conda-meta" / "state").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"env_vars": 3}'])
def test_a_file_that_is_not_understood_is_not_overwritten(dl: Path, text: str) -> None:
    path = write(dl / "conda-meta" / "state", text)
    with pytest.raises(EnvtoolError) as refused:
        set_variables(Context(Host.here(), Silent()), Environment("dl", dl, "conda"), {"A": "1"}, "vars set")
    assert refused.value.code == ExitCode.BAD_INPUT
    assert str(path) in refused.value.message
    assert path.read_text() == text


def test_unsetting_what_is_not_there_is_said_and_changes_nothing(home: Home, dl: Path) -> None:
    home.envtool("vars", "set", "A=1", "-n", "dl")
    ran = home.envtool("vars", "unset", "A", "NOT_THERE", "-n", "dl")
    assert ran.code == 3
    assert "NOT_THERE" in ran.err
    assert state(dl) == {"env_vars": {"A": "1"}}


@pytest.mark.slow
def test_what_packages_bring_is_shown_overridden_and_hidden(home: Home, dl: Path) -> None:
    write(dl / "etc" / "conda" / "env_vars.d" / "a.json", '{"ONE": "a", "TWO": "a", "PATH": "/evil"}')
    write(dl / "etc" / "conda" / "env_vars.d" / "b.json", '{"TWO": "b", "THREE": "b"}')
    home.envtool("vars", "set", "THREE=mine", "-n", "dl")
    assert home.envtool("vars", "dl").out == "ONE=a\nTWO=b\nTHREE=mine\n"
    home.envtool("vars", "unset", "ONE", "THREE", "-n", "dl")
    assert home.envtool("vars", "dl").out == "TWO=b\n"
    assert state(dl) == {"env_vars": {"ONE": "***unset***", "THREE": "***unset***"}}


@pytest.mark.slow
def test_secrets_are_masked_unless_asked_for(home: Home, dl: Path) -> None:
    home.envtool("vars", "set", "HF_TOKEN=hf_abcdef", "PROXY=http://me:geheim@proxy:80", "PLAIN=x", "-n", "dl")
    for arguments in (("vars", "dl"), ("vars", "dl", "--json"), ("info", "dl"), ("info", "dl", "--json")):
        ran = home.envtool(*arguments)
        assert ran.code == 0
        assert "PLAIN" in ran.out
        assert "hf_abcdef" not in ran.out + ran.err
        assert "geheim" not in ran.out + ran.err
    assert "HF_TOKEN=hf_abcdef" in home.envtool("vars", "dl", "--show").out
    assert "hf_abcdef" in home.envtool("info", "dl", "--show").out


def test_an_environment_called_as_a_subcommand_is_reached(home: Home) -> None:
    conda_env(home.path / ".conda" / "envs" / "set")
    assert home.envtool("vars", "set", "A=1", "-n", "set").code == 0
    assert home.envtool("vars", "show", "set").out == "A=1\n"


def test_a_venv_stores_variables_too(home: Home) -> None:
    prefix = venv(home.path / "project" / ".venv")
    assert home.envtool("vars", "set", "A=1", "-p", str(prefix)).code == 0
    assert home.envtool("run", "-p", str(prefix), "--", "sh", "-c", "echo $A").out == "1\n"
    assert home.envtool("info", str(prefix), "--json").data["kind"] == "venv"


@pytest.mark.slow
def test_concurrent_changes_are_all_kept(home: Home, dl: Path) -> None:
    running = [home.start("vars", "set", f"V{number}=1", "-n", "dl") for number in range(6)]
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0] * 6
    assert state(dl) == {"env_vars": {f"V{number}": "1" for number in range(6)}}


@pytest.mark.conda
@pytest.mark.skipif(not CONDA, reason="no conda: set ENVTOOL_TEST_CONDA to one")
def test_conda_sees_them_and_we_see_condas(home: Home, dl: Path) -> None:
    def conda(*arguments: str) -> str:
        return ask_conda(home.environ, "env", "config", "vars", *arguments, "-p", str(dl))

    home.envtool("vars", "set", "OURS=a b", "-n", "dl")
    conda("set", "THEIRS=c")
    assert json.loads(conda("list", "--json")) == {"OURS": "a b", "THEIRS": "c"}
    assert home.envtool("vars", "dl").out == "OURS=a b\nTHEIRS=c\n"
    conda("unset", "OURS")
    home.envtool("vars", "unset", "THEIRS", "-n", "dl")
    assert json.loads(conda("list", "--json")) == {}
    assert home.envtool("vars", "dl").out == ""


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is closed to root")
def test_an_unwritable_environment_is_reported(home: Home, dl: Path) -> None:
    dl.parent.chmod(0o500)
    try:
        assert home.envtool("vars", "set", "A=1", "-n", "dl").code == 1
    finally:
        dl.parent.chmod(0o700)
