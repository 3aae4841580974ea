"""The table of commands: each is found, helped, completed and run by its line in the table, and imports only itself."""

import importlib
import io
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator

import pytest
from support.home import Home
from support.terminal import Terminal

from envtool.cli import main
from envtool.cli.output import FLAGS, Output, Rerun, Result, out

GROUPS = ("vars", "channel", "mirror", "self")
COMMANDS: dict[tuple[str, ...], str] = {
    (name,): summary for name, summary in main.COMMANDS.items() if name not in GROUPS
} | {
    (group, name): summary
    for group in GROUPS
    for name, summary in importlib.import_module(f"envtool.cli.{group}").COMMANDS.items()
}
EVERY = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)

# Arguments with which each command ends at once: nothing of that name exists.
AT_ONCE: dict[tuple[str, ...], tuple[str, ...]] = {
    ("bootstrap",): ("a b",),
    ("create",): ("a b",),
    ("install",): ("-n", "nope", "numpy"),
    ("uninstall",): ("-n", "nope", "numpy"),
    ("update",): ("-n", "nope"),
    ("run",): ("-n", "nope", "true"),
    ("vars", "set"): ("A=1", "-n", "nope"),
    ("channel", "add"): ("a", "-n", "nope"),
    ("channel", "remove"): ("a", "-n", "nope"),
    ("channel", "move"): ("a",),
    ("vars", "unset"): ("A", "-n", "nope"),
    ("clone",): ("nope", "new"),
    ("rename",): ("nope", "new"),
    ("mirror", "list"): (),
    ("mirror", "show"): (),
    ("mirror", "undo"): (),
    ("mirror", "unset"): ("--scope", "nope"),
    ("mirror", "run"): ("nope", "true"),
    ("self", "update"): ("-i", "nope"),
}
OWN = {("run",): 2, ("mirror", "run"): 0}  # how many of these words are the command's own, not the program's
ALONE = (
    "import atexit, sys; atexit.register(lambda: print('\\n', *sys.modules));"
    "from envtool.cli.main import run; sys.exit(run(sys.argv[1:]))"
)


def module(words: tuple[str, ...]) -> str:
    return ".".join(("envtool.cli", *words)).replace("-", "_")


def loaded(home: Home, *arguments: str, **variables: str) -> tuple[list[str], set[str]]:
    """Run a command line; return the lines that it printed on stdout and the modules that it imported."""
    argv = [sys.executable, "-c", ALONE, *arguments]
    environ = {**home.environ, **variables}
    done = subprocess.run(
        argv, env=environ, cwd=home.path, capture_output=True, text=True, encoding="utf-8", check=False
    )
    text, _, modules = done.stdout.rpartition("\n ")
    return text.splitlines(), set(modules.split())


@pytest.fixture
def here(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Output]:
    """The output of this process, new, in a clean account."""
    for name in set(os.environ) - set(home.environ):
        monkeypatch.delenv(name)
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home.path)
    vars(out).update(vars(Output(stdout=io.StringIO(), stderr=io.StringIO())))
    yield out
    vars(out).update(vars(Output()))


def printed(output: Output) -> str:
    assert isinstance(output.stdout, io.StringIO)
    return output.stdout.getvalue()


@pytest.mark.slow
@EVERY
def test_help_is_plain_and_imports_the_command_alone(home: Home, words: tuple[str, ...]) -> None:
    lines, modules = loaded(home, *words, "--help")
    assert lines[0].startswith(f"Usage: envtool {' '.join(words)} ")
    assert " ".join(" ".join(lines).split()).startswith(" ".join(f"{lines[0]} {COMMANDS[words]}".split()))
    assert all(any(line.strip().startswith(flag.names[0][:2]) for line in lines) for flag in FLAGS)
    assert [name for flag in FLAGS for name in flag.names if not any(name in line for line in lines)] == []
    assert "rich" not in modules
    others = {module(other) for other in COMMANDS if other != words}
    if words == ("create",):
        others.discard("envtool.cli.clone")
    assert module(words) in modules
    assert not others & modules


@pytest.mark.parametrize("arguments", [(), ("--help",), ("mirror",), ("mirror", "--help"), ("vars", "--help")])
def test_lists_of_commands_import_none(home: Home, arguments: tuple[str, ...]) -> None:
    lines, modules = loaded(home, *arguments)
    table = main.COMMANDS if arguments[:1] not in [(group,) for group in GROUPS] else None
    listed = table or importlib.import_module(f"envtool.cli.{arguments[0]}").COMMANDS
    names = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :] if line[2:3].strip()]
    assert names == list(listed)
    assert not {module(words) for words in COMMANDS} & modules
    assert "rich" not in modules


@pytest.mark.slow
def test_help_on_a_terminal_has_panels(home: Home) -> None:
    for arguments in (("--help",), ("create", "--help"), ()):
        running = Terminal(home, arguments, {"TERM": "xterm"})
        try:
            assert "╭" in running.rest()
            assert running.end() == (0 if arguments else 2)
        finally:
            running.close()


def positions(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return a command line with --json in every place."""
    rest = AT_ONCE.get(words, ("nope",))
    line = (*words, *rest)
    last = len(words) + OWN.get(words, len(rest))
    places = [number for number in range(last + 1) if line[number - 1 : number] not in (("-n",), ("--scope",))]
    return [(*line[:place], "--json", *line[place:]) for place in places]


@EVERY
def test_json_is_seen_wherever_it_stands(here: Output, words: tuple[str, ...]) -> None:
    for line in positions(words):
        vars(out).update(vars(Output(stdout=io.StringIO(), stderr=io.StringIO())))
        code = main.run(line)
        envelope = json.loads(printed(here))
        assert (envelope["command"], envelope["exit_code"]) == (words[0], code), line
        assert code == 0 or (envelope["errors"] or words == ("mirror", "show")), line


@pytest.mark.parametrize(
    "line", [("run", "-n", "nope", "--", "true", "--json"), ("run", "-n", "nope", "true", "--json")]
)
def test_json_of_the_program_that_is_run_is_its_own(here: Output, line: tuple[str, ...]) -> None:
    assert main.run(line) == 3
    assert not here.json
    assert printed(here) == ""


@pytest.mark.parametrize(
    "line", [("create", "--jsn", "--json"), ("--json", "nope"), ("vars", "set", "--json"), ("--json",)]
)
def test_usage_errors_are_in_the_envelope(here: Output, line: tuple[str, ...]) -> None:
    assert main.run(line) == 2
    assert json.loads(printed(here))["errors"][0]["message"]


@pytest.mark.slow
@pytest.mark.parametrize("place", range(3))
def test_quiet_and_debug_are_seen_wherever_they_stand(home: Home, place: int) -> None:
    venv.create(home.path / "some", with_pip=False)
    for flag in ("-q", "--quiet"):
        line = ["vars", "show", "./some"]
        assert "sets no variables" in home.envtool(*line).err
        line.insert(place, flag)
        assert home.envtool(*line).err == ""
    line = ["vars", "show", "nope"]
    line.insert(place, "--debug")
    assert "Traceback" in home.envtool(*line).err


@pytest.mark.slow
def test_near_misses_are_suggested(home: Home) -> None:
    for line, suggested in (
        (("instal", "x"), "'install'"),
        (("mirror", "tset"), "'test'"),
        (("install", "--nmae", "x"), "--name"),
    ):
        ran = home.envtool(*line)
        assert (ran.code, ran.out) == (2, "")
        assert suggested in ran.err


# -- results ----------------------------------------------------------------------------------------------------------
def test_every_command_hands_its_result_back() -> None:
    for words in COMMANDS:
        returned = importlib.import_module(module(words)).command.__annotations__["return"]
        if words[-1] in ("run", "shell"):
            assert returned is None  # they become the program
        else:
            assert returned in (Result, Result | Rerun), words


@pytest.mark.slow
def test_the_envelope_has_every_note(home: Home) -> None:
    made = home.envtool("create", "dl", "--engine", "venv", "--no-pip", "--json")
    assert json.loads(made.out)["notes"][-1] == "Use it with: envtool run -n dl -- python"
    exported = home.envtool("export", "dl", "-o", "environment.yml", "--json")
    assert json.loads(exported.out)["notes"][-1] == "Wrote environment.yml (environment-yml)."
    assert home.envtool("mirror", "set", "tsinghua", "--target", "conda").code == 0
    undone = json.loads(home.envtool("mirror", "undo", "--json").out)
    assert undone["notes"] == [f"removed {path}" for path in undone["data"]["files"]]


def test_closing_notes_stand_below_the_text() -> None:
    together = io.StringIO()
    people = Output(stdout=together, stderr=together)
    people.note("first")
    assert people.finish(Result({}, "text", ("last",))) == 0
    assert together.getvalue() == "first\ntext\nlast\n"
    program = Output(json=True, stdout=io.StringIO())
    program.note("first")
    program.finish(Result({}, "text", ("last",)))
    assert json.loads(printed(program))["notes"] == ["first", "last"]


# -- examples ---------------------------------------------------------------------------------------------------------
def test_examples_fit_a_terminal(home: Home) -> None:
    found = 0
    for words in COMMANDS:
        examples = getattr(importlib.import_module(module(words)), "EXAMPLES", {})
        width = max(map(len, examples), default=0)
        assert all(width + 3 + len(what) <= 78 for what in examples.values()), words
        found += len(examples)
    assert found > 10
    lines = home.envtool("create", "--help").out.splitlines()
    assert "  envtool create dl python=3.12 numpy             conda packages" in lines


# -- completion -------------------------------------------------------------------------------------------------------
def completed(home: Home, shell: str, line: str) -> tuple[list[str], set[str]]:
    words = line.split(" ")
    return loaded(
        home,
        _ENVTOOL_COMPLETE=f"complete_{shell}",
        COMP_WORDS=line,
        COMP_CWORD=str(len(words) - 1),
        _TYPER_COMPLETE_ARGS=line,
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_and_options_are_completed(home: Home, shell: str) -> None:
    def found(line: str) -> list[str]:
        lines, modules = completed(home, shell, line)
        named = [words for words in COMMANDS if module(words) in modules]
        assert named == [words for words in COMMANDS if line.startswith(f"envtool {' '.join(words)} ")]
        assert "rich" not in modules
        if shell == "zsh":
            assert lines[0].startswith("_arguments '*: :((")
            lines[0], lines[-1] = lines[0].removeprefix("_arguments '*: :(("), lines[-1].removesuffix("))'")
            return [line.split('"')[1] for line in lines]
        return [line.split("\t")[0] for line in lines if line]

    assert found("envtool ") == list(main.COMMANDS)
    assert found("envtool ins") == ["install"]
    assert found("envtool mirror un") == ["unset", "undo"]
    assert found("envtool vars ") == ["show", "set", "unset"]
    options = found("envtool create --")
    assert {"--python", "--engine", "--json", "--quiet", "--debug", "--help"} <= set(options)
    assert found("envtool create --engine v") == ["venv"]


def test_what_is_completed_is_described(home: Home) -> None:
    assert "create\tCreate an environment." in completed(home, "fish", "envtool ")[0]
    assert '"create":"Create an environment."' in completed(home, "zsh", "envtool ")[0]
    options = completed(home, "fish", "envtool create --")[0]
    assert all(line.startswith("--") and "\t" in line for line in options)


def test_completion_can_be_installed(home: Home) -> None:
    line = f'"{sys.executable}" -m envtool --install-completion; true'
    subprocess.run(["bash", "-c", line], env=home.environ, cwd=home.path, check=True, capture_output=True)
    script = (home.path / ".bash_completions" / "envtool.sh").read_text()
    assert "_ENVTOOL_COMPLETE=complete_bash" in script
    assert str(home.path / ".bash_completions" / "envtool.sh") in (home.path / ".bashrc").read_text()
