"""Run checks under other seeds or under mutants. Runs in an interpreter with torch, never in pytest.

``python run_mutants.py seeds 30 [CHECK ...]`` and ``python run_mutants.py mutants [NAME ...]`` print one JSON line per
run. Every run is forked after the imports, so that hundreds of runs cost little more than the checks themselves.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoke.mutants import Mutant

    from envtool.smoke.registry import Check

BUNDLE = Path(__file__).parents[2] / "envtool" / "smoke"


def load_bundle(folder: Path = BUNDLE) -> None:
    """Make a bundle importable as ``envtool_smoke``, as its entry point does."""
    spec = importlib.util.spec_from_file_location(
        "envtool_smoke", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["envtool_smoke"] = module
    spec.loader.exec_module(module)


def bundle_module(name: str) -> Any:
    """Return a module of the loaded bundle."""
    return importlib.import_module(f"envtool_smoke.{name}")


def forked(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run ``work`` in a forked process and return its result, or an ``error`` verdict if it died."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - the other runs must continue
            result = {"verdict": "error", "message": f"{type(error).__name__}: {error}"}
        with os.fdopen(write_end, "w") as pipe:
            pipe.write(json.dumps(result))
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return dict(json.loads(text)) if text else {"verdict": "error", "message": "the process died"}


def seeds(count: int, names: Any) -> None:
    """Run every check for CPUs, or the named ones, under ``count`` other seeds."""
    registry, worker = bundle_module("registry"), bundle_module("worker")
    for check in registry.select(registry.all_checks(), only=names, device="cpu"):
        if not check.isolated("cpu"):
            worker.run_check(check, "cpu")  # imports what the check needs, once for all seeds
        for seed in range(1, count + 1):
            result = forked(functools.partial(_run_in_scratch, check, seed))
            print(json.dumps({"check": check.id, "seed": seed, **_summary(result)}), flush=True)


def _run_in_scratch(check: Check, seed: int) -> dict[str, Any]:
    """Run a check with an empty folder for temporary files, without the compiled code of other seeds."""
    worker = bundle_module("worker")
    with tempfile.TemporaryDirectory() as scratch:
        tempfile.tempdir = scratch
        return dict(worker.run_check(check, "cpu", seed))


def mutants(names: Any) -> None:
    """Run, under each mutant, the check that is declared to catch it. Without the mutant the check must pass."""
    registry, worker = bundle_module("registry"), bundle_module("worker")
    declared: list[Mutant] = importlib.import_module("mutants").MUTANTS
    checks = {check.id: check for check in registry.all_checks()}
    chosen = [mutant for mutant in declared if mutant.name in names or not names]
    for name in dict.fromkeys(mutant.caught_by for mutant in chosen):
        # This also imports what the check needs, once for all of its mutants.
        result = worker.run_check(checks[name], "cpu")
        assert result["verdict"] == "pass", (name, result["message"])
    for mutant in chosen:

        def mutated(mutant: Mutant = mutant) -> dict[str, Any]:
            mutant.apply()
            return dict(worker.run_check(checks[mutant.caught_by], "cpu"))

        result = forked(mutated)
        row = {"mutant": mutant.name, "of": mutant.of, "caught_by": mutant.caught_by, "change": mutant.change}
        print(json.dumps({**row, **_summary(result)}), flush=True)


def _summary(result: dict[str, Any]) -> dict[str, Any]:
    keys = ("verdict", "message", "measured", "gate", "floor", "what", "source", "seconds")
    return {key: result[key] for key in keys if key in result}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    load_bundle()
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if sys.argv[1] == "seeds":
        seeds(int(sys.argv[2]), sys.argv[3:])
    else:
        mutants(sys.argv[2:])
