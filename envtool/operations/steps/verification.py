"""A verification as values: the interpreter and options that were asked for, and the report of its checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from envtool.errors import ExitCode

Device = Literal["gpu", "cpu"]
Suite = Literal["quick", "full"]


@dataclass(frozen=True)
class VerifyTarget:
    """The interpreter to verify, and the name it goes by."""

    python: Path
    name: str = ""


@dataclass(frozen=True)
class VerifyOptions:
    """What to verify. ``only`` holds patterns of check ids; ``figures`` adds the data for a report's pictures."""

    device: Device = "gpu"
    suite: Suite = "full"
    only: tuple[str, ...] = ()
    seed: int = 0
    figures: bool = False
    gpus: str = ""  # how many to verify together: "all", or a number (on CPUs, of processes); "" for none
    nodes: int = 1
    meeting: str = ""  # HOST:PORT where several machines meet


@dataclass(frozen=True)
class CheckResult:
    """The result of one check: the worst of its measurements and the gate for it."""

    id: str
    family: str
    verdict: Literal["pass", "fail", "warn", "skip"]
    message: str = ""
    measured: float | str | None = None
    gate: float | None = None
    floor: bool = False
    source: str = ""
    seconds: float = 0.0
    said: Mapping[str, Any] = field(default_factory=dict)  # the whole event

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "CheckResult":
        """Return the result in an event."""
        known = ("id", "family", "verdict", "message", "measured", "gate", "floor", "source", "seconds")
        return cls(**{name: event[name] for name in known if name in event}, said=event)


@dataclass(frozen=True)
class Report:
    """The results of one run. ``verdict`` is pass, fail, or nothing where there was no GPU to verify."""

    target: VerifyTarget
    device: Device
    suite: Suite
    facts: Mapping[str, Any]
    rows: tuple[CheckResult, ...]
    checks: tuple[Mapping[str, Any], ...]
    verdict: Literal["pass", "fail", "nothing"]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether no check failed, and something was checked."""
        return self.verdict == "pass"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for the verdict."""
        return {"pass": ExitCode.OK, "fail": ExitCode.VERDICT_NO, "nothing": ExitCode.NOTHING_TO_VERIFY}[self.verdict]

    def count(self, verdict: str) -> int:
        """Return how many checks have a verdict."""
        return sum(row.verdict == verdict for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows. Figures are for the report page only."""
        results = [{k: v for k, v in row.said.items() if k not in ("event", "figures")} for row in self.rows]
        return {
            "python": str(self.target.python),
            "environment": self.target.name,
            "device": self.device,
            "gpu_verified": self.device == "gpu" and self.passed,
            "suite": self.suite,
            "verdict": self.verdict,
            "seconds": self.seconds,
            "counts": {verdict: self.count(verdict) for verdict in ("pass", "warn", "fail", "skip")},
            "facts": {k: v for k, v in self.facts.items() if k != "event"},
            "results": results,
        }
