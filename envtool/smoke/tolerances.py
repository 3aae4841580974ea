"""Tolerances: how far a measurement may be from its expected value, and why.

Every tolerance names its source: arithmetic, a theorem, or a calibration run. They were calibrated on CPUs (torch
2.13.0, 30 seeds each, 2026-11) and not yet on a GPU. On a GPU, those that follow from arithmetic are expected to hold;
those that depend on a training run are uncalibrated.
"""

from __future__ import annotations

from dataclasses import dataclass

CALIBRATION = {
    "cpu": "measured on CPUs with torch 2.13.0, 2026-11",
    "gpu": "uncalibrated: measured on CPUs only, not yet on a GPU",
}


@dataclass(frozen=True)
class Tolerance:
    """A limit and its source: an upper bound or, with ``floor``, a lower bound."""

    limit: float
    source: str
    floor: bool = False

    def allows(self, value: float) -> bool:
        """Return whether a value is within the limit. NaN never is."""
        return value >= self.limit if self.floor else value <= self.limit

    def ratio(self, value: float) -> float:
        """Return the value relative to the limit: 1 is exactly at the limit, more is beyond it, NaN gives infinity."""
        if value != value:
            return float("inf")
        smaller, larger = (self.limit, value) if self.floor else (value, self.limit)
        if larger > 0:
            return max(0.0, smaller / larger)
        return 0.0 if smaller <= larger else float("inf")


EXACT = Tolerance(0.0, "exact: nothing is rounded")
F32 = Tolerance(1e-5, "float32 rounding: at most 2e-6 in 30 seeds")
F64 = Tolerance(1e-11, "float64 rounding: at most 1e-13 in 30 seeds")
SIGMA = Tolerance(5.0, "five standard errors: one false alarm in 1.7 million")
