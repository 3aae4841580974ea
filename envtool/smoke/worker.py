"""The worker: a process that imports torch, reads check ids from stdin and writes results to stdout as JSON lines."""

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

from .facts import collect_facts
from .registry import Check, Skip, all_checks, missing_module

Event = Dict[str, Any]


def serve(device: str, seed: int, figures: bool) -> int:
    """Emit the facts about the environment, then run each requested check until stdin is closed. Return 0."""
    emit = claim_stdout()
    emit(collect_facts(device))
    if "torch" not in sys.modules:
        return 0
    configure_torch()
    checks = {check.id: check for check in all_checks()}
    for line in sys.stdin:
        emit(run_check(checks[line.strip()], device, seed, figures))
    return 0


def claim_stdout() -> Callable[[Event], None]:
    """Reserve stdout for events and return the function that emits one.

    Whatever libraries print, from C code as well, goes to stderr.
    """
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def emit(event: Event) -> None:
        channel.write(json.dumps(event) + "\n")
        channel.flush()

    return emit


def configure_torch() -> None:
    """Make runs comparable: one thread, which also saves the most time on small machines, and IEEE float32."""
    import torch

    from .precision import ieee

    torch.set_num_threads(1)
    ieee()


def run_check(check: Check, device: str, seed: int = 0, figures: bool = False) -> Event:
    """Run one check and return its result event."""
    from .context import CheckContext

    context = CheckContext(check.id, "cuda" if device == "gpu" else "cpu", seed)
    start = time.perf_counter()
    result: Event = {"event": "result"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if module := missing_module(check):
                raise Skip("%s is not installed" % module)
            check.run(context, *(importlib.import_module(name) for name in check.needs))
            result.update(_verdict(check, context.measurements))
        except Skip as reason:
            result.update(verdict="skip", message=str(reason))
        except Exception as error:
            # A GPU whose memory other programs use says nothing about this environment.
            out_of_memory = type(error).__name__ == "OutOfMemoryError" and not check.vital
            verdict = "skip" if out_of_memory else "warn" if check.advisory else "fail"
            # A CUDA error persists in its process: later checks would fail there through no fault of their own.
            result.update(verdict=verdict, message=_describe(error), tainted=device == "gpu")
            result["traceback"] = traceback.format_exc(limit=-6)
    result["seconds"] = round(time.perf_counter() - start, 3)
    result["details"] = [
        {
            "what": m.what,
            "measured": _number(m.value),
            "gate": m.tolerance.limit,
            "holds": m.passed,
            "source": m.tolerance.source,
        }
        for m in context.measurements
    ]
    result["facts"] = context.facts
    result["warnings"] = sorted({str(w.message).split("\n")[0][:300] for w in caught})
    if figures:
        result["figures"] = context.figures
    return result


def _verdict(check: Check, measurements: List[Any]) -> Event:
    """Return the verdict on a check that ended, with its worst measurement."""
    if not measurements:
        return {"verdict": "fail", "message": "the check made no comparison"}
    worst = max(measurements, key=lambda m: (not m.passed, m.ratio))
    failed = [m for m in measurements if not m.passed]
    summary = {
        "measured": _number(worst.value),
        "gate": worst.tolerance.limit,
        "floor": worst.tolerance.floor,
        "source": worst.tolerance.source,
        "what": worst.what,
        "compared": len(measurements),
    }
    if not failed:
        return {"verdict": "pass", "message": "", **summary}
    bound = "at least" if worst.tolerance.floor else "at most"
    message = "%s: measured %.4g, expected %s %.4g" % (worst.what, worst.value, bound, worst.tolerance.limit)
    if len(failed) > 1:
        message += " (%d of %d comparisons failed)" % (len(failed), len(measurements))
    return {"verdict": "warn" if check.advisory else "fail", "message": message, **summary}


def _number(value: float) -> Any:
    return value if math.isfinite(value) else str(value)  # JSON has no infinity and no NaN


def _describe(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return "%s: %s" % (type(error).__name__, lines[0] if lines else "no message")
