"""``envtool shell``: real shells on a real terminal."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.condas import CONDA
from support.home import Home
from support.layouts import conda_env, venv, write
from support.terminal import Terminal

pytestmark = pytest.mark.slow

PROMPT = "ready> "


def opened(home: Home, *arguments: str, shell: str, **env: str) -> Terminal:
    return Terminal(home, ("shell", *arguments), {"SHELL": shell, **env})


def found(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; the system's packages have it")
    return path


@pytest.fixture
def dl(home: Home) -> Path:
    prefix = conda_env(home.path / ".conda" / "envs" / "dl")
    write(prefix / "conda-meta" / "state", '{"env_vars": {"STORED": "a \'b\' $HOME \\\\ c"}}')
    write(
        prefix / "etc" / "conda" / "activate.d" / "a.sh", 'export SCRIPT="$CONDA_PREFIX"; from_script() { echo yes; }\n'
    )
    write(
        prefix / "etc" / "conda" / "activate.d" / "a.fish",
        'set -gx SCRIPT "$CONDA_PREFIX"; function from_script; echo yes; end\n',
    )
    return prefix


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    running: list[Terminal] = []
    yield running
    for terminal in running:
        terminal.close()


FISH = """
function fish_prompt; printf 'ready> '; end
set MINE 1
set -gx CONDA_PREFIX {other}
set -gx PATH {other}/bin $PATH /mine
"""
# What a user's own file may do: a prompt, a variable, something on PATH, and another environment activated.
RC = {
    "bash": (".bashrc", "PS1='ready> '; MINE=1; export CONDA_PREFIX={other} PATH={other}/bin:$PATH:/mine\n"),
    "zsh": (".zshrc", "PROMPT='ready> '; MINE=1; export CONDA_PREFIX={other} PATH={other}/bin:$PATH:/mine\n"),
    "fish": (".config/fish/config.fish", FISH),
}


@pytest.mark.parametrize("name", RC)
def test_a_shell_of_the_users_with_the_environment_in_it(
    home: Home, dl: Path, terminals: list[Terminal], name: str
) -> None:
    file, text = RC[name]
    other = conda_env(home.path / "other")
    written = write(home.path / file, text.format(other=other))
    terminal = opened(home, "dl", shell=found(name), TERM="dumb")
    terminals.append(terminal)
    terminal.until(f"(dl) {PROMPT}")
    assert terminal.ask('printf "%s" "$CONDA_PREFIX $CONDA_DEFAULT_ENV $SCRIPT"') == f"{dl} dl {dl}"
    path = terminal.ask("printenv PATH").split(":")
    assert path[0] == str(dl / "bin")
    assert path[-1] == "/mine"
    assert str(other / "bin") not in path
    assert path.count(str(dl / "bin")) == 1
    assert terminal.ask("printenv STORED") == "a 'b' $HOME \\ c"
    assert terminal.ask("from_script; echo $MINE").split() == ["yes", "1"]
    # nothing of the machinery is left for programs to trip over
    assert terminal.ask("env | grep -c -e ENVTOOL_ACTIVATE -e ENVTOOL_SHELLS -e ENVTOOL_ZDOTDIR") == "0"
    terminal.type("exit 3")
    assert terminal.end() == 3
    assert written.read_text() == text.format(other=other)


def test_zsh_finds_the_users_files_where_his_zshenv_says(home: Home, dl: Path, terminals: list[Terminal]) -> None:
    write(home.path / ".zshenv", "ZDOTDIR=$HOME/dots\n")
    write(home.path / "dots" / ".zshrc", "PROMPT='ready> '; FROM=dots\n")
    terminal = opened(home, "dl", shell=found("zsh"))
    terminals.append(terminal)
    terminal.until(f"(dl) {PROMPT}")
    assert terminal.ask('echo "$FROM $ZDOTDIR"') == f"dots {home.path / 'dots'}"
    terminal.type("exit")
    assert terminal.end() == 0


def test_any_other_shell_has_the_variables_and_the_prompt(home: Home, dl: Path, terminals: list[Terminal]) -> None:
    terminal = opened(home, "dl", shell="/bin/sh")
    terminals.append(terminal)
    terminal.until("(dl) $ ")
    assert terminal.ask('echo "$CONDA_PREFIX $SCRIPT"') == f"{dl} {dl}"
    terminal.type("exit 3")
    assert terminal.end() == 3


def test_ctrl_c_ends_what_runs_in_it_and_not_the_shell(home: Home, dl: Path, terminals: list[Terminal]) -> None:
    write(home.path / ".bashrc", "PS1='ready> '\n")
    terminal = opened(home, "dl", shell=found("bash"))
    terminals.append(terminal)
    terminal.until(f"(dl) {PROMPT}")
    # The program itself says that it runs: between two commands of a line Ctrl-C may meet neither.
    terminal.type("sh -c 'echo begun$((1+1)); exec sleep 100'")
    terminal.until("begun2")
    terminal.type("\x03")
    terminal.until(f"(dl) {PROMPT}")
    assert terminal.ask("echo alive") == "alive"
    terminal.type("exit 0")
    assert terminal.end() == 0


def test_one_inside_the_other_is_said_and_is_the_only_one_on_path(
    home: Home, dl: Path, terminals: list[Terminal]
) -> None:
    other = venv(home.path / "other")
    write(home.path / ".bashrc", "PS1='ready> '\n")
    terminal = opened(home, "dl", shell=found("bash"))
    terminals.append(terminal)
    terminal.until(f"(dl) {PROMPT}")
    terminal.type(f"{sys.executable} -m envtool shell ./other; echo back $?")
    terminal.until(str(dl))
    terminal.until(f"({other}) {PROMPT}")
    path = terminal.ask("printenv PATH").split(":")
    assert path[0] == str(other / "bin")
    assert str(dl / "bin") not in path
    assert terminal.ask('echo "[$CONDA_PREFIX$STORED]$VIRTUAL_ENV"') == f"[]{other}"
    terminal.type("exit 5")
    terminal.until("back 5")
    terminal.type("exit 0")
    assert terminal.end() == 0


def test_a_path_that_is_a_program_to_a_prompt_is_none_here(
    home: Home, tmp_path: Path, terminals: list[Terminal]
) -> None:
    prefix = conda_env(tmp_path / "$(touch pwned) `touch pwned` \\u")
    terminal = opened(home, str(prefix), shell=found("bash"))
    terminals.append(terminal)
    terminal.until("?u) ")
    assert terminal.ask("printenv CONDA_PREFIX") == str(prefix)
    terminal.type("exit 0")
    assert terminal.end() == 0
    assert not (home.path / "pwned").exists()


def test_an_unfinished_environment_is_refused(home: Home, dl: Path) -> None:
    write(dl / ".envtool" / "unfinished.json", '{"command": "envtool create dl"}')
    ran = home.envtool("shell", "dl", env={"SHELL": "/bin/sh"})
    assert ran.code == 1
    assert "envtool create dl" in ran.err


@pytest.mark.conda
@pytest.mark.skipif(not CONDA, reason="no conda: set ENVTOOL_TEST_CONDA to one")
def test_condas_own_commands_go_on_from_there(home: Home, dl: Path, terminals: list[Terminal]) -> None:
    conda_env(home.path / ".conda" / "envs" / "two")
    # what `conda init` writes, with an environment that is activated in every new shell
    hook = f'eval "$({CONDA} shell.bash hook 2> /dev/null)"'
    write(home.path / ".bashrc", f"PS1='{PROMPT}'\n{hook}\nconda activate two\n")
    terminal = opened(home, "dl", shell=found("bash"), CONDA_ENVS_DIRS=str(home.path / ".conda" / "envs"))
    terminals.append(terminal)
    terminal.until(f"(dl) {PROMPT}")
    for command, name in (("true", "dl"), ("conda activate two", "two"), ("conda deactivate", "dl")):
        terminal.type(command)
        assert terminal.ask('echo "$CONDA_DEFAULT_ENV $PS1"') == f"{name} ({name}) {PROMPT}".strip()
        folders = [part for part in terminal.ask("printenv PATH").split(":") if "/envs/" in part]
        assert folders == [str(home.path / ".conda" / "envs" / name / "bin")]
    terminal.type("conda deactivate")
    assert terminal.ask('echo "[$CONDA_PREFIX]"') == "[]"
    terminal.type("exit 0")
    assert terminal.end() == 0
