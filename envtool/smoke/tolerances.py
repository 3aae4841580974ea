"""Where the limits come from. A gate without a source is an opinion.

Measured on CPUs (torch 2.13.0, 30 seeds each, 2026-11). No GPU has been measured yet: on a GPU they are expected
to hold where they come from arithmetic, and are uncalibrated where they come from a training run.
"""

from __future__ import annotations

from dataclasses import dataclass

CALIBRATION = {
    "cpu": "measured on CPUs with torch 2.13.0, 2026-11",
    "gpu": "uncalibrated: measured on CPUs only, never yet on a GPU",
}


@dataclass(frozen=True)
class Gate:
    """A limit and the reason for it. ``floor`` turns it round: the value must reach the limit."""

    limit: float
    source: str
    floor: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a value passes; what is not a number never does."""
        return value >= self.limit if self.floor else value <= self.limit

    def strain(self, value: float) -> float:
        """Return how close a value comes to the limit: 0 is far, above 1 is past it."""
        if value != value:
            return float("inf")
        near, far = (self.limit, value) if self.floor else (value, self.limit)
        if far > 0:
            return max(0.0, near / far)
        return 0.0 if near <= far else float("inf")


EXACT = Gate(0.0, "exact: nothing is rounded")
F32 = Gate(1e-5, "float32 rounding: at most 2e-6 in 30 seeds")
F64 = Gate(1e-11, "float64 rounding: at most 1e-13 in 30 seeds")
SIGMA = Gate(5.0, "five standard errors: one false alarm in 1.7 million")
