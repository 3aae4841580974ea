"""Lines that only pip can install, checked against what uv itself refuses or skips."""

import subprocess
from pathlib import Path

import pytest

from envtool.engines.uv import uv_program
from envtool.specs import uv_limits

ONLY_PIP = [
    "-e git+file:///nowhere/own#egg=own",
    "--editable=git+ssh://git@host/own.git@v1#egg=own&subdirectory=sub",
    "hg+https://host/own",
    "own @ svn+https://host/own",
    "six==1.16.0 --config-settings=key=value",
    'six --config-setting="key=value"',
    "six --global-option=x",
    "-e ./own --config-settings=key=value",
    "--pre",
    "--prefer-binary",
    "--use-feature=fast-deps",
    "--trusted-host host",
    "--no-require-hashes",
]
EITHER = [
    "six",
    "six==1.16.0 --hash=sha256:" + "0" * 64,
    "own @ git+https://host/own.git@v1#egg=own",
    "git+ssh://git@host/own.git",
    "-e ./own",
    "-e own[dev]",
    "--no-index",
    "--no-binary own",
    "--only-binary :all:",
    "-i https://host/simple",
    "-f https://host/wheels",
    "pre-commit",
    "trusted-host-of==1",
]


@pytest.mark.parametrize("line", ONLY_PIP)
def test_what_only_pip_can_do_is_named_with_its_place(line: str) -> None:
    reason = uv_limits.why_pip(["six", line], {line: "mine.txt, line 2"})
    assert reason.startswith("mine.txt, line 2: ")


@pytest.mark.parametrize("line", EITHER)
def test_what_both_can_do_is_left_to_uv(line: str) -> None:
    assert uv_limits.why_pip([line], {}) == ""
    assert uv_limits.resolvable([line]) == (line,)


@pytest.mark.parametrize("line", [line for line in ONLY_PIP if "://host" not in line and "ssh:" not in line])
def test_uv_refuses_or_skips_these_lines(line: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text(f"{line}\n")
    command = [uv_program(), "pip", "compile", "--offline", "--no-config", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    words = ("Ignoring unsupported", "Expected", "Unsupported", "Unexpected", "Couldn't parse")
    assert any(word in ran.stderr for word in words), ran.stderr


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("-e git+https://host/own.git#egg=own", "own @ git+https://host/own.git#egg=own"),
        ("-e git+https://host/own.git", "git+https://host/own.git"),
        ("six==1.16.0 --config-settings=key=value", "six==1.16.0"),
    ],
)
def test_what_uv_can_resolve_of_such_a_line_is_resolved_before_anything_is_created(line: str, taken: str) -> None:
    assert uv_limits.resolvable([line]) == (taken,)


@pytest.mark.parametrize("line", ["--pre", "--trusted-host host", "hg+https://host/own"])
def test_what_uv_would_resolve_to_something_else_is_not_resolved(line: str) -> None:
    assert uv_limits.resolvable(["six", line]) is None


@pytest.mark.parametrize(
    ("line", "can"),
    [
        ("six>=1", True),
        ("six ; python_version < '4'", True),
        ("-i https://host/simple", True),
        ("six==1 --hash=sha256:ab", False),
        ("./own", False),
        ("/srv/own-1.0-py3-none-any.whl", False),
        ("own @ https://host/own.zip", False),
        ("-e ./own", False),
        ("-r https://host/more.txt", False),
    ],
)
def test_pins_take_the_place_of_plain_requirements_alone(line: str, can: bool) -> None:
    assert uv_limits.can_be_pinned(["idna", line]) is can
