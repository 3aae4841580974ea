"""Hostile lines in a file of specs, each of which once took seconds to hours: they are refused, or read at once."""

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from envtool import specs
from envtool.errors import EnvtoolError, ExitCode
from envtool.redaction import redact
from envtool.specs.limits import LINE, LINES

N = 200_000  # a pattern that takes the square of it needs half an hour
LONG = {
    "tabs": "numpy\t" * N,
    "commas": f"numpy{'>=1,' * N} z",
    "extras": f"numpy[{'a,' * N}",
    "brackets": f"numpy[version='{'a' * N}",
    "colons": "a::" * N,
    "dashes": f"{'a-' * N}.conda",
    "logins": f"--index-url https://{'a:b@' * N}",
    "address": f"@EXPLICIT\nhttps://host/{'a-' * N}.conda",
    "comment": f"numpy {'# ' * N}",
    "item": f"dependencies:\n  - {'a' * 5_000_000}",
    "nested": "[" * 5_000_000,
    "json": '{"a":' * N,
    "many lines": "a\n" * (LINES + 1),
}
BLANKS = [
    "numpy{}x y",
    "numpy==1.0{}; x",
    "{}numpy y z",
    "numpy ={}1 2",
    "numpy @{}file:x y",
    "numpy{}# comment",
    "pip install{}numpy",
    "Package Version\n------- -------\nnumpy{}x",
    "dependencies:\n  - numpy{}x y",
    "@EXPLICIT{}x",
]


@pytest.fixture(autouse=True)
def not_for_ever() -> Iterator[None]:
    """End a test that would not end: the time is far above that of any machine, and far below that of the fault."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
@pytest.mark.parametrize("name", ["", "requirements.txt", "environment.yml", "conda.txt"])
def test_lines_that_nobody_writes_are_refused(text: str, name: str) -> None:
    with pytest.raises(EnvtoolError, match=r"at most|more than") as caught:
        specs.read(text, name)
    assert caught.value.code == ExitCode.BAD_INPUT


@pytest.mark.parametrize("template", BLANKS)
def test_blanks_mean_nothing(template: str) -> None:
    def read(blanks: str) -> object:
        try:
            return specs.read(template.format(blanks))
        except EnvtoolError as error:
            return error.code, error.message

    assert read(" \t" * N) == read(" ")


def test_the_hashes_of_pipenv_do_not_count() -> None:
    line = "numpy==2.0.0" + "".join(f" --hash=sha256:{number:064x}" for number in range(500))
    assert len(line) > LINE
    assert specs.read(line, "requirements.txt").spec.pip == (line,)


def test_an_error_stays_short() -> None:
    with pytest.raises(EnvtoolError) as caught:
        specs.read(f"numpy==={'1 ' * (LINE // 2 - 10)}", "requirements.txt")
    assert len(caught.value.message) < 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    ["x-", "x-key", "token", "token ", "token='", "default ", "machine a ", ";token", "://", "a://", "a:b@", "a:", "a",
     "a,", "=", "cookie:", "/t/", "authorization: basic ", "\n", " ", "@", "[", "--token "],
)  # fmt: skip
def test_redaction_takes_no_longer_than_the_text(piece: str) -> None:
    redact(f"https://host/?{piece * 30_000}")
    redact(f"{piece * 30_000}@x")
