"""The question that is asked before a solution is carried out."""

import io
import sys

import pytest

from envtool.cli import solutions
from envtool.cli.output import out
from envtool.model import Package
from envtool.operations.steps.confirmation import Proposal


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("size", "said"),
    [(None, "-  leaf  1.0      -      forge\nProceed?\n"), (2_000_000_000, "\nUp to 2.0 GB to download.")],
)
def test_a_question_names_a_size_only_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, size: int | None, said: str
) -> None:
    new = (Package("trunk", "1.0", "conda", size=size),) if size else ()
    proposal = Proposal(new, (Package("leaf", "1.0", "conda", channel="forge"),))
    shown = _Terminal()
    monkeypatch.setattr(out, "stderr", shown)
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))
    assert solutions.confirm_solution(yes=False)(proposal)
    assert said in shown.getvalue()
