"""What conda and pip people type: every line either works, or is answered with envtool's words for it."""

import contextlib
import io
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.home import Home, Ran
from support.layouts import conda_env, dist, venv, write
from support.terminal import Terminal

from envtool.cli import foreign, main
from envtool.cli.output import Output, out

SITE = "lib/python3.9/site-packages"
PYTHON = {"name": "python", "version": "3.9.99", "build": "h1_0", "files": ["bin/python"]}
ZLIB = {"name": "zlib", "version": "1.2", "build": "0", "channel": "https://conda.anaconda.org/conda-forge/linux-64"}

# Reads or checks only, so the whole command is run; the environment `dl` is active.
WORK = {
    "--version": r"^envtool \d",
    "-V": r"^envtool \d",
    "--help": "Usage: envtool",
    "help": "Usage: envtool",
    "help install": "Usage: envtool install",
    "info": "python .*3.9.99",
    "info --json": '"torch"',
    "info -n dl": "python .*3.9.99",
    "info --envs": "dl .*tools",
    "info -e": "dl .*tools",
    "env list": "dl .*tools",
    "env list --json": '"environments"',
    "list --verbose": "dl .*tools",
    "list -v": "dl .*tools",
    "list": "dl .*tools",
    "list -n dl": "einops .*zlib",
    "list --name dl": "einops .*zlib",
    "list -n dl --json": '"packages"',
    "list -n dl zlib": r"^name[^\n]*\nzlib[^\n]*\n$",
    "list dl ^EIN": r"^name[^\n]*\neinops[^\n]*\n$",
    "list --packages": "einops .*zlib",
    "list --packages '^z'": r"^name[^\n]*\nzlib[^\n]*\n$",
    "list -p ~/.conda/envs/dl": "einops .*zlib",
    "list -e": "einops=0.8.0=pypi_0\npython=3.9.99=h1_0\nzlib=1.2=0\n",
    "list --export -n dl": "zlib=1.2=0",
    "list -n tools -e": "six=1.16.0=pypi_0",
    "list --explicit": "^# .*@EXPLICIT",
    "list --explicit --md5": "^# .*@EXPLICIT",
    "list --format=freeze": "einops==0.8.0",
    "list --format freeze": "einops==0.8.0",
    "freeze": "einops==0.8.0",
    "freeze --all": "einops==0.8.0",
    "env export": "name: dl",
    "env export --no-builds": "name: dl",
    "env export -n tools": "name: tools",
    "export --no-builds": "name: dl",
    "env export -n dl -f saved.yml": "",
    "export --format=requirements": "einops==0.8.0",
    "env config vars list": "OMP=4",
    "env config vars list -n dl": "OMP=4",
    "env config vars set A=1": "",
    "env config vars unset OMP -n dl": "",
    "config --show-sources": "conda-forge",
    "config --show channels": "conda-forge",
    "config --show": "conda-forge",
    "config --add channels https://mirrors.tuna.tsinghua.edu.cn/anaconda/cloud/msys2/": "",
    "config --add channels bioconda": "",
    "config --prepend channels bioconda": "",
    "config --append channels bioconda": "",
    "config --remove channels conda-forge": "",
    "config --get channels": "conda-forge",
    "config list": "conda-forge",
    "config debug": "conda-forge",
    "remove --name dl2 --all --dry-run": "",
    "env remove -n dl2 --dry-run": "",
    "env remove --name dl2 -y": "",
    "remove -n dl2 --all --yes": "",
    "rename -n dl2 other": "",
    "rename -p ~/.conda/envs/dl2 other": "",
    "create -n new --clone dl2": "",
    "create --name new --clone ~/.conda/envs/dl2": "",
    "create -p ./new --clone dl2": "",
    "run -n dl2 python a.py": "ran a.py",
    "run -p ~/.conda/envs/dl2 python a.py": "ran a.py",
    "create --name env_name --engine venv --no-pip": "",
    "create -n env_name -y --engine venv --no-pip python": "",
    "create -p ./env python --engine venv --no-pip": "",
    "env create -f saved.yml -n other --dry-run --engine venv --no-pip --offline": "",
}

# Refused, with a hint that names what does it here; the command that the hint must name.
ANSWERED = {
    "activate": "envtool shell",
    "activate env_name": "envtool shell env_name",
    "deactivate": "envtool shell",
    "init bash": "envtool shell",
    "init --reverse": "envtool shell",
    "remove -n dl zlib": "envtool uninstall -n dl zlib",
    "remove -n dl zlib --all": "envtool uninstall -n dl zlib",
    "remove --name dl zlib einops -y": "envtool uninstall -n dl zlib einops",
    "remove -p ~/.conda/envs/dl zlib": "envtool uninstall -p ",
    "remove zlib": "envtool uninstall zlib",
    "remove zlib einops": "envtool uninstall zlib einops",
    "remove --all": "envtool list",
    "list zlib": "envtool list --packages zlib",
    "list '^num'": "envtool list --packages '^num'",
    "list --revisions": "envtool info NAME",
    "list -n dl --revisions": "envtool info dl",
    "list --md5": "envtool export",
    "list --outdated": "envtool update --dry-run",
    "list -o": "envtool update --dry-run",
    "install --revision 2": "envtool rollback",
    "install -n dl --revision 2": "envtool rollback dl",
    "install --no-deps xxx": "envtool install xxx",
    "env export --from-history": "envtool export",
    "export --from-history": "envtool export",
    "env update -f FILE --prune": "envtool install -n NAME -f FILE",
    "env update --file FILE": "envtool install -n NAME -f FILE",
    "config --set show_channel_urls yes": "envtool channel list",
    "config --remove-key channels": "envtool channel remove",
    "config set global.index-url https://h.example/simple": "envtool mirror set https://h.example/simple --target pip",
    "config unset global.index-url": "envtool mirror unset --target pip",
    "update conda": "conda update -n base conda",
    "update -n dl conda": "conda update -n base conda",
    "update anaconda": "conda update -n base anaconda",
    "upgrade numpy": "envtool list dl",
    "clean --all": "envtool",
    "clean -tipsy": "envtool",
    "clean --packages": "envtool",
    "cache purge": "envtool",
    "search numpy": "envtool create NAME numpy --dry-run",
    "search 'pytorch[channel=conda-forge]'": "'pytorch[channel=conda-forge]' --dry-run",
    "index versions numpy": "envtool create NAME --pip numpy --dry-run",
    "compare file.yml": "envtool install -f file.yml",
    "doctor": "envtool info",
    "check": "envtool info",
    "show einops": "envtool list --packages einops",
    "download einops": "envtool run -- python -m pip download einops",
    "rm -rf anaconda": "envtool remove",
    "conda install numpy": "envtool install numpy",
    "conda env list": "envtool list",
    "mamba create -n x python=3.12": "envtool create -n x python=3.12",
    "conda search numpy": "envtool create NAME numpy --dry-run",
    "conda config --add channels bioconda": "envtool channel add bioconda",
    "pip install -U six 'numpy<2'": "envtool install -U --pip six --pip 'numpy<2'",
    "pip3 install -r requirements.txt": "envtool install -r requirements.txt",
    "pip config set global.index-url https://h.example/simple": "mirror set https://h.example/simple --target pip",
    "pip show einops": "envtool list --packages einops",
    "install -n nope pytorch torchvision pytorch-cuda=11.8 -c pytorch -c nvidia": "envtool bootstrap",
    "install -n dl torch torchvision --index-url https://h.example/whl/simple": "--pip torch --pip torchvision",
    "install -n dl torch --index-url https://h.example/whl/simple": "envtool bootstrap",
    "install -n dl numpy -i tsinhua": "Did you mean tsinghua",
}


@pytest.fixture
def furnished(home: Home) -> Home:
    """A home with the environments ``dl``, which is active, ``dl2`` and ``tools``, a venv."""
    dl = conda_env(home.conda_envs / "dl", PYTHON, {**ZLIB, "url": f"{ZLIB['channel']}/zlib-1.2-0.conda"})
    dist(dl / SITE, "einops", "0.8.0")
    write(dl / "conda-meta" / "state", '{"env_vars": {"OMP": "4"}}')
    dl2 = conda_env(home.conda_envs / "dl2", PYTHON)
    (dl2 / "bin" / "python").write_text('#!/bin/sh\necho ran "$@"\n')
    (dl2 / "bin" / "python").chmod(0o755)
    tools = venv(home.venvs / "tools", "3.9.99")
    dist(tools / SITE, "six", "1.16.0")
    write(home.path / ".condarc", "channels:\n  - conda-forge\n")
    write(home.path / "saved.yml", "name: dl\ndependencies: [python]\n")
    return Home(home.path, {**home.environ, "CONDA_PREFIX": str(dl)})


@pytest.fixture
def type_in(furnished: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Ran]]:
    """Run a command line in this process; one that becomes another program, in its own."""
    for name in set(os.environ) - set(furnished.environ):
        monkeypatch.delenv(name)
    for name, value in furnished.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(furnished.path)

    def run(line: str) -> Ran:
        words = [word.replace("~", str(furnished.path)) for word in shlex.split(line)]
        if words[0] == "run":
            return furnished.envtool(*words)
        stdout, stderr = io.StringIO(), io.StringIO()
        vars(out).update(vars(Output(stdout=stdout, stderr=stderr)))
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = main.run(words)
        return Ran(code, stdout.getvalue(), stderr.getvalue())

    yield run
    vars(out).update(vars(Output()))


@pytest.mark.slow
@pytest.mark.parametrize("line", WORK)
def test_it_works_as_it_is_typed(type_in: Callable[[str], Ran], line: str) -> None:
    ran = type_in(line)
    assert ran.code == 0, ran.err
    assert re.search(WORK[line], ran.out, re.DOTALL), ran.out


@pytest.mark.parametrize("line", ANSWERED)
def test_the_answer_names_the_words(furnished: Home, type_in: Callable[[str], Ran], line: str) -> None:
    before = everything(furnished)
    ran = type_in(line)
    assert ran.code in (1, 2, 3), ran.err
    assert ANSWERED[line] in ran.err.partition("hint: ")[2], ran.err
    assert "Did you mean" not in ran.err.partition("hint: ")[0]
    assert everything(furnished) == before


@pytest.mark.parametrize(
    ("line", "channels"),
    [
        ("config --add channels bioconda", ["bioconda", "conda-forge"]),
        ("config --prepend channels bioconda", ["bioconda", "conda-forge"]),
        ("config --append channels bioconda", ["conda-forge", "bioconda"]),
        ("config --remove channels conda-forge", []),
    ],
)
def test_channels_are_changed_as_conda_changes_them(
    furnished: Home, type_in: Callable[[str], Ran], line: str, channels: list[str]
) -> None:
    assert type_in(line).code == 0
    assert re.findall(r"- (\S+)", (furnished.path / ".condarc").read_text()) == channels


def everything(home: Home) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()}


def test_an_answer_is_in_the_envelope(home: Home) -> None:
    ran = home.envtool("activate", "dl", "--json")
    assert ran.code == json.loads(ran.out)["exit_code"] == 2
    assert "envtool shell dl" in json.loads(ran.out)["errors"][0]["hint"]


def test_an_answer_can_be_pasted(home: Home) -> None:
    assert "envtool shell 'my env'." in home.envtool("activate", "my env").err


def commands(text: str) -> Iterator[str]:
    return (found[1] for found in re.finditer(r"\benvtool ([a-z-]+)", text))


@pytest.mark.parametrize("table", [foreign.ANSWERS, foreign.HINTS, foreign.NO_ENVIRONMENT])
def test_answers_name_commands_that_there_are(table: dict[str, str]) -> None:
    for pattern, text in table.items():
        named = {*commands(text)}
        assert named or pattern.startswith(("clean", "update")), pattern
        assert not {name for name in named if not name.startswith("-")} - main.COMMANDS.keys(), pattern


def test_what_is_answered_is_no_command(home: Home) -> None:
    """A command that envtool learns makes the answer to its name obsolete."""
    for pattern in (*foreign.SAME, *foreign.ANSWERS):
        first, *rest = pattern.split()
        for word in first.split("|"):
            assert rest or word not in main.COMMANDS, pattern


def test_every_pattern_is_typed_here() -> None:
    lines = [shlex.split(line) for line in (*WORK, *ANSWERED)]
    for pattern in (*foreign.SAME, *foreign.ANSWERS, *foreign.HINTS, *foreign.NO_ENVIRONMENT):
        if not pattern.startswith(("wheel", "env config", "config", "env", "install|create")):
            assert any(foreign._without(pattern, line) is not None for line in lines), pattern


@pytest.mark.slow
@pytest.mark.parametrize(
    ("active", "said"), [("dl", "Packages of the active environment (dl): envtool list --packages"), ("", "list NAME")]
)
def test_the_list_on_a_terminal_ends_with_how_to_list_packages(furnished: Home, active: str, said: str) -> None:
    running = Terminal(furnished, ("list",), {"CONDA_PREFIX": str(furnished.conda_envs / active) if active else ""})
    try:
        assert said in running.rest().splitlines()[-1]
        assert running.end() == 0
    finally:
        running.close()
    assert said not in furnished.envtool("list").err


@pytest.mark.slow
def test_a_pattern_that_is_no_regular_expression_is_refused(furnished: Home) -> None:
    ran = furnished.envtool("list", "dl", "*numpy")
    assert (ran.code, "regular expression" in ran.err) == (2, True)
    ran = furnished.envtool("list", "dl", "numpy")
    assert (ran.code, ran.out) == (0, "")
    assert "No package of dl matches numpy." in ran.err


@pytest.mark.slow
def test_two_names_for_one_environment_are_refused(furnished: Home) -> None:
    for line in ("info dl -n tools", "export dl -p x", "remove -n dl -p x", "clone -n dl -p x new", "create -n a -p b"):
        ran = furnished.envtool(*shlex.split(line))
        assert (ran.code, "Several environments were given" in ran.err) == (2, True), line
    for line in ("rename dl", "clone -n dl", "remove", "rollback", "resume"):
        assert furnished.envtool(*shlex.split(line)).code == 2, line


@pytest.mark.parametrize(
    "command", [name for name in main.COMMANDS if name not in ("mirror", "channel", "undo", "self")]
)
def test_every_command_that_takes_an_environment_takes_n_and_p(type_in: Callable[[str], Ran], command: str) -> None:
    shown = type_in(f"{command} show --help" if command == "vars" else f"{command} --help").out
    assert re.search(r"-n, --name|--name +-n", shown), shown
    assert re.search(r"-p, --prefix|--prefix +-p", shown), shown


CHANGING = (
    *("create", "bootstrap", "install", "uninstall", "update", "clone", "rename", "remove", "resume", "rollback"),
    *("vars set", "vars unset", "mirror set", "mirror unset", "mirror add", "mirror remove", "mirror undo"),
    *("channel add", "channel remove", "channel move", "undo"),
)


@pytest.mark.parametrize("command", CHANGING)
def test_every_command_that_changes_something_accepts_yes(type_in: Callable[[str], Ran], command: str) -> None:
    assert re.search(r"-y, --yes|--yes +-y", type_in(f"{command} --help").out)
