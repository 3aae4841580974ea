"""The process that imports torch and runs checks: ids come in on stdin, results go out as JSON lines."""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
import time
import traceback
import warnings
from typing import Any, Callable, Dict, List

from .facts import environment
from .registry import Check, Skip, catalogue, missing

Event = Dict[str, Any]


def serve(device: str, seed: int, figures: bool) -> int:
    """Say what was found here, then run the checks that are asked for until stdin closes."""
    say = take_stdout()
    say(environment(device))
    if "torch" not in sys.modules:
        return 0
    settle()
    checks = {check.id: check for check in catalogue()}
    for line in sys.stdin:
        say(judge(checks[line.strip()], device, seed, figures))
    return 0


def take_stdout() -> Callable[[Event], None]:
    """Keep the real stdout for events and send whatever libraries print, also from C, to stderr."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(event: Event) -> None:
        channel.write(json.dumps(event) + "\n")
        channel.flush()

    return say


def settle() -> None:
    """Make runs comparable: one thread (the largest single saving on small machines) and IEEE arithmetic."""
    import torch

    from .precision import ieee

    torch.set_num_threads(1)
    ieee()


def judge(check: Check, device: str, seed: int = 0, figures: bool = False) -> Event:
    """Run one check and return its result."""
    from .context import Lab

    lab = Lab(check.id, "cuda" if device == "gpu" else "cpu", seed)
    begun = time.perf_counter()
    result: Event = {"event": "result"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if absent := missing(check):
                raise Skip("%s is not installed" % absent)
            check.run(lab, *(importlib.import_module(name) for name in check.needs))
            result.update(_verdict(check, lab.measurements))
        except Skip as reason:
            result.update(verdict="skip", message=str(reason))
        except Exception as error:
            # A card that others fill says nothing about what is installed here.
            crowded = type(error).__name__ == "OutOfMemoryError" and not check.vital
            verdict = "skip" if crowded else "warn" if check.advisory else "fail"
            # A CUDA error stays with its process: what ran in it afterwards would fail without being at fault.
            result.update(verdict=verdict, message=_what_happened(error), tainted=device == "gpu")
            result["traceback"] = traceback.format_exc(limit=-6)
    result["seconds"] = round(time.perf_counter() - begun, 3)
    result["details"] = [
        {"what": m.what, "measured": _number(m.value), "gate": m.gate.limit, "holds": m.holds, "source": m.gate.source}
        for m in lab.measurements
    ]
    result["facts"] = lab.facts
    result["warnings"] = sorted({str(w.message).split("\n")[0][:300] for w in caught})
    if figures:
        result["figures"] = lab.figures
    return result


def _verdict(check: Check, measurements: List[Any]) -> Event:
    if not measurements:
        return {"verdict": "fail", "message": "the check compared nothing"}
    worst = max(measurements, key=lambda m: (not m.holds, m.strain))
    failing = [m for m in measurements if not m.holds]
    summary = {
        "measured": _number(worst.value),
        "gate": worst.gate.limit,
        "floor": worst.gate.floor,
        "source": worst.gate.source,
        "what": worst.what,
        "compared": len(measurements),
    }
    if not failing:
        return {"verdict": "pass", "message": "", **summary}
    message = "%s: %.4g, where %s %.4g is allowed" % (
        worst.what,
        worst.value,
        "at least" if worst.gate.floor else "at most",
        worst.gate.limit,
    )
    if len(failing) > 1:
        message += " (%d of %d comparisons fail)" % (len(failing), len(measurements))
    return {"verdict": "warn" if check.advisory else "fail", "message": message, **summary}


def _number(value: float) -> Any:
    return value if math.isfinite(value) else str(value)  # JSON has no infinity


def _what_happened(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return "%s: %s" % (type(error).__name__, lines[0] if lines else "no message")
