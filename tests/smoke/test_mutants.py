"""Proof that the checks work: each mutant is caught by the check named for it, and no seed causes a false alarm.

``pytest --long tests/smoke/test_mutants.py`` runs all mutants and seeds, and rewrites the tables of their results.
"""

import ast
import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from envtool.smoke.registry import all_checks, select

HERE = Path(__file__).parent
MUTANTS, SEEDS = HERE / "mutants.md", HERE / "seeds.md"
TRAINING = ("vae.ppca", "vae.images", "autoencoder", "gan.optimal_discriminator")  # slow, because they train models
SEEDS_PER_CHECK = 30


def _declared() -> dict[str, str]:
    """Return the mutants and their checks by parsing mutants.py, which only an interpreter with torch can import."""
    found = {}
    for node in ast.parse((HERE / "mutants.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            call = node.decorator_list[0]
            assert isinstance(call, ast.Call)
            found[node.name] = ast.literal_eval(call.args[1])
    return found


def _run(python: Path, *arguments: str) -> list[dict[str, Any]]:
    argv = [str(python), "-B", str(HERE / "run_mutants.py"), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _uncaught(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Describe the mutants that no measurement caught. A check that raises an exception does not count."""
    return [f"{r['mutant']}: {r['message']}" for r in rows if r["verdict"] != "fail" or "measured" not in r]


def test_the_tables_cover_every_mutant_and_check() -> None:
    declared, table = _declared(), MUTANTS.read_text(encoding="utf-8")
    assert len(declared) >= 200
    assert [name for name in declared if f"| {name} |" not in table] == []
    assert "NOT CAUGHT" not in table
    seeds = SEEDS.read_text(encoding="utf-8")
    assert [check for check in declared.values() if f"| {check} | {SEEDS_PER_CHECK} pass |" not in seeds] == []
    covered = set(re.findall(rf"^\| (\S+) \| {SEEDS_PER_CHECK} (?:pass|skip) \|", seeds, re.MULTILINE))
    assert {check.id for check in select(all_checks(), device="cpu")} - covered == set()


@pytest.mark.torch
def test_mutants_are_caught(torch_python: Path) -> None:
    fast = [name for name, check in _declared().items() if not check.startswith(TRAINING)]
    rows = _run(torch_python, "mutants", *fast)
    assert {row["mutant"] for row in rows} == set(fast)
    if _versions(torch_python).split(",")[0] not in MUTANTS.read_text(encoding="utf-8"):
        # Mutants of other packages edit the source of one version; those of the bundle's models apply to every version.
        rows = [row for row in rows if row["of"] == "models"]
    assert _uncaught(rows) == []


@pytest.mark.torch
@pytest.mark.long
def test_every_mutant_is_caught(torch_python: Path) -> None:
    rows = _run(torch_python, "mutants")
    write_mutants(rows, _versions(torch_python))
    assert _uncaught(rows) == []


@pytest.mark.torch
@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_no_false_alarm(torch_python: Path) -> None:
    rows = _run(torch_python, "seeds", str(SEEDS_PER_CHECK))
    write_seeds(rows, _versions(torch_python))
    assert [
        f"{r['check']}, seed {r['seed']}: {r['message']}" for r in rows if r["verdict"] not in {"pass", "skip"}
    ] == []


def write_mutants(rows: Iterable[dict[str, Any]], versions: str) -> None:
    """Write the table of mutants: what the check measured, and how many times its gate that is."""
    about = (
        "Each mutant has one wrong term. The margin is what its check, named in advance, measured relative to its gate."
    )
    heads = ("mutant", "of", "wrong", "caught by", "measured", "gate", "margin", "comparison")
    cells = (
        (
            row["mutant"],
            row["of"],
            row["change"],
            row["caught_by"],
            _number(row, "measured"),
            _number(row, "gate"),
            "NOT CAUGHT" if _uncaught([row]) else _margin(row),
            row.get("what", row["message"]),
        )
        for row in rows
    )
    _write_table(MUTANTS, "Mutants", about, versions, [heads, *cells])


def write_seeds(rows: Iterable[dict[str, Any]], versions: str) -> None:
    """Write the table of clean runs: the worst measurement of each check over all seeds."""
    by_check: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_check.setdefault(row["check"], []).append(row)
    about = f"The worst measurement of each check over {SEEDS_PER_CHECK} other seeds, without a mutant, and its gate."
    table = [("check", "verdicts", "worst", "gate", "comparison")]
    for name, runs in by_check.items():
        verdicts = ", ".join(f"{n} {v}" for v in ("pass", "warn", "skip", "fail") if (n := _count(runs, v)))
        worst = max(runs, key=_ratio)
        what = worst.get("what", worst["message"])
        table.append((name, verdicts, _number(worst, "measured"), _number(worst, "gate"), what))
    _write_table(SEEDS, "Clean runs", about, versions, table)


def _write_table(path: Path, title: str, about: str, versions: str, table: Sequence[Sequence[str]]) -> None:
    heads, *rows = ([cell.replace("|", "\\|") for cell in row] for row in table)
    origin = f"Written by `pytest --long tests/smoke/test_mutants.py` on a CPU with {versions}."
    lines = [f"# {title}", "", about, "", origin, "", _row(heads), _row(["---"] * len(heads)), *map(_row, rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _count(runs: list[dict[str, Any]], verdict: str) -> int:
    return sum(run["verdict"] == verdict for run in runs)


def _ratio(run: dict[str, Any]) -> float:
    measured, gate = float(run.get("measured", 0)), float(run.get("gate", 0))
    smaller, larger = (gate, measured) if run.get("floor") else (measured, gate)
    return smaller / larger if larger > 0 else float("inf") if smaller > 0 else 0.0


def _margin(row: dict[str, Any]) -> str:
    margin = _ratio(row)
    return "unbounded" if margin == float("inf") else f"{margin:.2g} x"


def _number(row: dict[str, Any], key: str) -> str:
    return f"{float(row[key]):.2g}" if key in row else "-"


def _versions(python: Path) -> str:
    program = "import sys, torch; print(f'torch {torch.__version__}, Python {sys.version.split()[0]}')"
    return subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=True).stdout.strip()
