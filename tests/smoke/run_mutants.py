"""Run by an interpreter with torch, never by pytest: judge checks under other seeds, or under mutants.

``python run_mutants.py seeds 30 [CHECK ...]`` and ``python run_mutants.py mutants [NAME ...]`` print a JSON line per
run. Every run has a process of its own, forked after the imports, so that hundreds of them take as long as checks do.
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
    """Make a bundle importable as ``envtool_smoke``, as its own entry does."""
    spec = importlib.util.spec_from_file_location(
        "envtool_smoke", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["envtool_smoke"] = module
    spec.loader.exec_module(module)


def part(name: str) -> Any:
    """Return a module of the loaded bundle."""
    return importlib.import_module(f"envtool_smoke.{name}")


def forked(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run ``work`` in a process of its own and return what it returned, or how it died."""
    inside, outside = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - whatever it was, the other runs go on
            found = {"verdict": "error", "message": f"{type(error).__name__}: {error}"}
        with os.fdopen(outside, "w") as pipe:
            pipe.write(json.dumps(found))
        os._exit(0)
    os.close(outside)
    with os.fdopen(inside) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return dict(json.loads(said)) if said else {"verdict": "error", "message": "the process died"}


def seeds(count: int, names: Any) -> None:
    """Judge every check that a CPU can, or the named ones, under ``count`` other seeds."""
    registry, worker = part("registry"), part("worker")

    for check in registry.choose(registry.catalogue(), only=names, device="cpu"):
        if not check.isolated("cpu"):
            worker.judge(check, "cpu")  # so that what it imports need not be imported again for each seed
        for seed in range(1, count + 1):
            said = forked(functools.partial(_afresh, check, seed))
            print(json.dumps({"check": check.id, "seed": seed, **_summary(said)}), flush=True)


def _afresh(check: Check, seed: int) -> dict[str, Any]:
    """Judge a check in a folder for temporary files of its own: what a compiler made for one seed is not there."""
    worker = part("worker")
    with tempfile.TemporaryDirectory() as scratch:
        tempfile.tempdir = scratch
        return dict(worker.judge(check, "cpu", seed))


def mutants(names: Any) -> None:
    """Judge, for each mutant, the check that was declared to catch it, before and after the mutation."""
    registry, worker = part("registry"), part("worker")
    declared: list[Mutant] = importlib.import_module("mutants").MUTANTS
    checks = {check.id: check for check in registry.catalogue()}
    chosen = [mutant for mutant in declared if mutant.name in names or not names]
    for name in dict.fromkeys(mutant.caught_by for mutant in chosen):
        # What is clean has to pass; and what a check imports need not be imported again for each of its mutants.
        said = worker.judge(checks[name], "cpu")
        assert said["verdict"] == "pass", (name, said["message"])
    for mutant in chosen:

        def mutated(mutant: Mutant = mutant) -> dict[str, Any]:
            mutant.apply()
            return dict(worker.judge(checks[mutant.caught_by], "cpu"))

        said = forked(mutated)
        row = {"mutant": mutant.name, "of": mutant.of, "caught_by": mutant.caught_by, "change": mutant.change}
        print(json.dumps({**row, **_summary(said)}), flush=True)


def _summary(said: dict[str, Any]) -> dict[str, Any]:
    wanted = ("verdict", "message", "measured", "gate", "floor", "what", "source", "seconds")
    return {key: said[key] for key in wanted if key in said}


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
