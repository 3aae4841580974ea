"""Exit codes, wrong input, and the envelope of a failure."""

import json
import re
from pathlib import Path

import pytest
from support.home import Home

from envtool.errors import ExitCode

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_lists_the_exit_codes() -> None:
    section = README.read_text(encoding="utf-8").split("## Exit codes")[1].split("\n## ")[0]
    listed = {int(number) for number in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert listed == {int(code) for code in ExitCode} == {0, 1, 2, 3, 4, 5, 6, 7, 130}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "../x", "numpy"], 2, "is a path, not the name"),
        (["create", "", "numpy"], 2, "has no name"),
        (["create", "--", "-x"], 2, "looks like an option"),
        (["create", "a b"], 2, "spaces"),
        (["create", "base"], 2, "conda reserves the name"),
        (["create", "demo", "--engine", "nix"], 2, "no engine 'nix'"),
        (["create", "demo", "-f", "nowhere.yml"], 4, "does not exist"),
        (["install", "numpy"], 2, "No environment is active"),
        (["install", "-n", "nope", "numpy"], 3, "no environment named nope"),
        (["run", "-n", "nope", "--", "true"], 3, "no environment named nope"),
        (["remove", "nope", "--yes"], 3, "no environment named nope"),
        (["rollback", "nope"], 3, "no environment named nope"),
        (["mirror", "set", "nowhere"], 2, "no mirror called 'nowhere'"),
        (["verify-gpu", "nope"], 3, "no environment named nope"),
        (["bootstrap", "a b"], 2, "spaces"),
        (["no-such-command"], 2, "No such command"),
    ],
)
def test_wrong_input_is_reported_and_leaves_nothing(home: Home, arguments: list[str], code: int, said: str) -> None:
    ran = home.envtool(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) < 25
    made = [path for path in home.path.rglob("*") if path.is_file()]
    assert made == []


def test_failures_have_an_envelope(home: Home) -> None:
    for arguments in (["remove", "nope", "--json"], ["no-such-command", "--json"]):
        envelope = json.loads(home.envtool(*arguments).out)
        keys = {"envtool", "command", "status", "exit_code", "data", "notes", "warnings", "errors"}
        assert envelope.keys() == keys
        assert (envelope["envtool"], envelope["status"]) == (1, "failed")
        assert envelope["errors"][0].keys() == {"message", "hint"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("name: x\nchannels: [a\n", "line"),
        ("name: x\nchannels: [a]\n", "dependencies"),
    ],
)
def test_a_malformed_file_is_refused_with_its_place(home: Home, text: str, said: str) -> None:
    for arguments, stdin in ((["-f", "environment.yml"], ""), (["-f", "-"], text)):
        (home.path / "environment.yml").write_text(text)
        ran = home.envtool("create", "demo", *arguments, stdin=stdin)
        assert ran.code == 4, ran.err
        assert said in ran.err
