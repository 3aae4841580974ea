"""The proof: every mutant is noticed by the check that was named for it, and no seed raises a false alarm.

``pytest --long tests/smoke/test_mutants.py`` runs all of it and writes the kept tables anew.
"""

import ast
import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from envtool.smoke.registry import catalogue, choose

HERE = Path(__file__).parent
MUTANTS, SEEDS = HERE / "mutants.md", HERE / "seeds.md"
COSTLY = (
    "vae.ppca",
    "vae.images",
    "autoencoder",
    "gan.optimal_discriminator",
)  # these train
CLEAN = 30  # seeds


def _declared() -> dict[str, str]:
    """Return the mutants and their checks, from the source: mutants.py itself needs torch."""
    found = {}
    for node in ast.parse((HERE / "mutants.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            call = node.decorator_list[0]
            assert isinstance(call, ast.Call)
            found[node.name] = ast.literal_eval(call.args[1])
    return found


def _prove(python: Path, *arguments: str) -> list[dict[str, Any]]:
    argv = [str(python), "-B", str(HERE / "run_mutants.py"), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _alive(rows: Iterable[dict[str, Any]]) -> list[str]:
    # A check that raises has noticed, too, but not what it should have: only a measurement counts.
    return [f"{r['mutant']}: {r['message']}" for r in rows if r["verdict"] != "fail" or "measured" not in r]


def test_there_are_enough_and_the_kept_tables_have_them_all() -> None:
    declared, kept = _declared(), MUTANTS.read_text(encoding="utf-8")
    assert len(declared) >= 200
    assert [name for name in declared if f"| {name} |" not in kept] == []
    assert "NOT CAUGHT" not in kept
    clean = SEEDS.read_text(encoding="utf-8")
    assert [check for check in declared.values() if f"| {check} | {CLEAN} pass |" not in clean] == []
    judged = set(re.findall(rf"^\| (\S+) \| {CLEAN} (?:pass|skip) \|", clean, re.MULTILINE))
    assert {check.id for check in choose(catalogue(), device="cpu")} - judged == set()


@pytest.mark.torch
def test_mutants_are_caught(torch_python: Path) -> None:
    cheap = [name for name, check in _declared().items() if not check.startswith(COSTLY)]
    rows = _prove(torch_python, "mutants", *cheap)
    assert {row["mutant"] for row in rows} == set(cheap)
    if _stack(torch_python).split(",")[0] not in MUTANTS.read_text(encoding="utf-8"):
        # Mutants of torch and its friends are edits of one version's source; those of our models are always ours.
        rows = [row for row in rows if row["of"] == "models"]
    assert _alive(rows) == []


@pytest.mark.torch
@pytest.mark.long
def test_every_mutant_is_caught(torch_python: Path) -> None:
    rows = _prove(torch_python, "mutants")
    keep_mutants(rows, _stack(torch_python))
    assert _alive(rows) == []


@pytest.mark.torch
@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_no_false_alarm(torch_python: Path) -> None:
    rows = _prove(torch_python, "seeds", str(CLEAN))
    keep_seeds(rows, _stack(torch_python))
    assert [
        f"{r['check']}, seed {r['seed']}: {r['message']}" for r in rows if r["verdict"] not in {"pass", "skip"}
    ] == []


def keep_mutants(rows: Iterable[dict[str, Any]], stack: str) -> None:
    """Write the table of mutants: what its check measured, and how many times its gate that is."""
    about = "One term wrong each, and what the check named for it beforehand measured: how many times its gate."
    heads = ("mutant", "of", "wrong", "caught by", "measured", "gate", "margin", "comparison")
    cells = (
        (
            row["mutant"],
            row["of"],
            row["change"],
            row["caught_by"],
            _number(row, "measured"),
            _number(row, "gate"),
            "NOT CAUGHT" if _alive([row]) else _margin(row),
            row.get("what", row["message"]),
        )
        for row in rows
    )
    _keep(MUTANTS, "Mutants", about, stack, [heads, *cells])


def keep_seeds(rows: Iterable[dict[str, Any]], stack: str) -> None:
    """Write the table of clean runs: for each check the worst measurement under all seeds."""
    by_check: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_check.setdefault(row["check"], []).append(row)
    about = f"The same checks under {CLEAN} other seeds: the worst measurement of all of them, and its gate."
    table = [("check", "verdicts", "worst", "gate", "comparison")]
    for name, runs in by_check.items():
        verdicts = ", ".join(f"{n} {v}" for v in ("pass", "warn", "skip", "fail") if (n := _count(runs, v)))
        worst = max(runs, key=_strain)
        what = worst.get("what", worst["message"])
        table.append((name, verdicts, _number(worst, "measured"), _number(worst, "gate"), what))
    _keep(SEEDS, "Clean runs", about, stack, table)


def _keep(path: Path, title: str, about: str, stack: str, table: Sequence[Sequence[str]]) -> None:
    heads, *rows = ([cell.replace("|", "\\|") for cell in row] for row in table)
    again = "as `pytest --long tests/smoke/test_mutants.py` does it anew"
    made = f"Measured with `tests/smoke/run_mutants.py`, {again}, {stack}, on a CPU."
    lines = [f"# {title}", "", about, "", made, "", _row(heads), _row(["---"] * len(heads)), *map(_row, rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _count(runs: list[dict[str, Any]], verdict: str) -> int:
    return sum(run["verdict"] == verdict for run in runs)


def _strain(run: dict[str, Any]) -> float:
    measured, gate = float(run.get("measured", 0)), float(run.get("gate", 0))
    near, far = (gate, measured) if run.get("floor") else (measured, gate)
    return near / far if far > 0 else float("inf") if near > 0 else 0.0


def _margin(row: dict[str, Any]) -> str:
    margin = _strain(row)
    return "any is too much" if margin == float("inf") else f"{margin:.2g} x"


def _number(row: dict[str, Any], key: str) -> str:
    return f"{float(row[key]):.2g}" if key in row else "-"


def _stack(python: Path) -> str:
    program = "import sys, torch; print(f'torch {torch.__version__}, Python {sys.version.split()[0]}')"
    return subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=True).stdout.strip()
