"""PyTorch's index in requirement lines: used for torch alone, and from a mirror that answers."""

from collections.abc import Callable

from support.home import Home
from support.reporter import Recorder

from envtool.mirrors import catalogue, fallbacks
from envtool.model import Sources
from envtool.operations.steps import torch_index

OFFICIAL = "https://download.pytorch.org/whl"
LINES = (
    f"--extra-index-url {OFFICIAL}/cu126",
    "numpy==2.3.0",
    "torch==2.7.0+cu126",
    "torchvision==0.22.0+cu126 ; sys_platform == 'linux'",
)


def replaced(home: Home, lines: tuple[str, ...], answers: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    told = Recorder()
    return list(torch_index._replaced(lines, catalogue.load(home.host), answers, told)), told.notes


def test_the_index_stands_for_the_pinned_wheels_alone(home: Home) -> None:
    assert replaced(home, LINES, lambda _: True) == (
        [f"--find-links {OFFICIAL}/cu126/torch/", f"--find-links {OFFICIAL}/cu126/torchvision/", *LINES[1:]],
        [],
    )


def test_a_mirror_stands_in_where_the_index_does_not_answer(home: Home) -> None:
    first = fallbacks.for_torch(catalogue.load(home.host), "cu126")[0][1]
    lines, notes = replaced(home, LINES, lambda url: not url.startswith(OFFICIAL))
    assert lines[0].startswith(f"--find-links {first}")
    assert tuple(lines[-3:]) == LINES[1:]
    assert first in notes[0]


def test_where_nothing_answers_the_rest_is_left_to_pips_own_places(home: Home) -> None:
    lines, notes = replaced(home, LINES, lambda _: False)
    assert tuple(lines) == LINES[1:]
    assert len(notes) == 1


def test_other_lines_and_other_indexes_stay_and_nothing_is_asked(home: Home) -> None:
    def never(url: str) -> bool:
        raise AssertionError(url)

    for line in (f"--extra-index-url {OFFICIAL}/cu118", "--extra-index-url https://example.org/whl/cu126", "torch"):
        lines = (line, *LINES[1:])
        assert replaced(home, lines, never) == ([*lines], [])
    offline = Sources(offline=True)
    assert torch_index.localized(home.context, LINES, offline) == LINES
    assert torch_index.localized(home.context, LINES[1:], Sources()) == LINES[1:]
