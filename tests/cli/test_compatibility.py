"""Options, exit codes and envelopes are those of 0.1.0, except for what ``differences.yaml`` lists.

``python -m support.compatibility PROGRAM``, in the folder ``tests``, makes the snapshots in ``compatibility/`` again.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.channel import packages, recipe
from support.compatibility.differences import Difference, Meant, differences, meant, old
from support.compatibility.interface import interface, shown_by_help
from support.compatibility.scenarios import CONDA, SCENARIOS, Printed, printed
from support.home import ENVTOOL, Home

from envtool.smoke.facts import nvidia_card

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the snapshots were taken on Linux")
MEANT = meant()


def hold(kind: str, found: Iterable[Difference], known: Sequence[Meant] = MEANT) -> None:
    """Fail for a difference that is not listed, and for a listed one, of this kind of address, that does not occur."""
    found = tuple(found)
    unexpected = [each for each in found if not any(entry.covers(each) for entry in known)]
    assert not unexpected, "\n".join(f"{each.at}: {each.old!r} -> {each.new!r}" for each in unexpected)
    stale = [entry.id for entry in known for at in entry.at if _is_for(at, kind) and not _occurs(entry, at, found)]
    assert not stale, f"in differences.yaml, but no difference any more: {stale}"


def _is_for(at: str, kind: str) -> bool:
    return at.split("/", maxsplit=1)[0] == kind


def _occurs(entry: Meant, at: str, found: tuple[Difference, ...]) -> bool:
    only = Meant(entry.id, (at,), entry.what, entry.why, entry.old, entry.new)
    return any(only.covers(difference) for difference in found)


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    """The commands of the present program and their parameters."""
    return interface(sys.executable)


def test_commands_and_options_are_those_of_before(commands: dict[str, Any]) -> None:
    hold("interface", differences(old("interface"), commands, "interface"))


@pytest.mark.slow
def test_help_shows_the_options_of_before(home: Home) -> None:
    before = old("help")
    hold("help", differences(before, shown_by_help(home, tuple(before)), "help"))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_commands_print_what_they_printed_before(scenario: str, tmp_path: Path) -> None:
    compare(scenario, printed(scenario, tmp_path, ENVTOOL))


@pytest.mark.slow
def test_commands_on_conda_environments_print_what_they_printed_before(tmp_path: Path) -> None:
    if reason := packages.why_python_cannot_be_packed():
        pytest.skip(reason)
    compare(CONDA, printed(CONDA, tmp_path, ENVTOOL, recipe.built(tmp_path / "channel")))


def compare(scenario: str, now: Printed) -> None:
    before = old(scenario)
    if nvidia_card():
        before.pop("verify-gpu without a GPU", None)
    hold(scenario, differences(before, json.loads(json.dumps(now)), scenario))


def test_every_meant_difference_tells_the_defect() -> None:
    kinds = {"interface", "help", CONDA, *SCENARIOS}
    assert len({entry.id for entry in MEANT}) == len(MEANT)
    for entry in MEANT:
        assert all(at.split("/")[0] in kinds for at in entry.at), entry.id
        assert len(entry.what) > 20, entry.id
        assert len(entry.why) > 20, entry.id


def test_a_difference_that_is_not_meant_fails_and_so_does_one_that_is_gone() -> None:
    found = tuple(differences({"a": [1, 2], "b": 3}, {"a": [1, 5], "c": 4}, "kind"))
    assert [(each.at, each.old, each.new) for each in found] == [
        ("kind/a/1", 2, 5),
        ("kind/b", 3, "absent"),
        ("kind/c", "absent", 4),
    ]
    known = [Meant("a", ("kind/a/*",), "", ""), Meant("others", ("kind/b", "kind/c"), "", "")]
    hold("kind", found, known)
    with pytest.raises(AssertionError, match="kind/c: 'absent' -> 4"):
        hold("kind", found, [known[0], Meant("b", ("kind/b",), "", "")])
    with pytest.raises(AssertionError, match="no difference any more"):
        hold("kind", found, [*known, Meant("gone", ("kind/d",), "", "")])
    with pytest.raises(AssertionError, match="kind/a/1"):
        hold("kind", found, [Meant("a", ("kind/a/*",), "", "", new=6), known[1]])
