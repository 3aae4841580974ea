"""Proof that the checks work: each mutant is caught by the check named for it, and no seed causes a false alarm.

``pytest --long tests/smoke/test_mutants.py`` runs all mutants and seeds, and rewrites the tables of their results.
"""

import ast
import functools
import json
import re
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from envtool.smoke.registry import all_checks, select

HERE = Path(__file__).parent
MUTANTS, SEEDS = HERE / "mutants.md", HERE / "seeds.md"
TRAINING = ("vae.ppca", "vae.images", "autoencoder", "gan.optimal_discriminator")  # slow, because they train models
SEEDS_PER_CHECK = 30
NOT_YET = "not yet proved"
PROVED = rf"{SEEDS_PER_CHECK} (?:pass|skip)|{NOT_YET}"

Table = Mapping[str, list[str]]


class Declared(NamedTuple):
    """A mutant as mutants.py declares it: what it is wrong in, the check that has to catch it, and the change."""

    of: str
    caught_by: str
    change: str


@functools.cache
def _declared() -> dict[str, Declared]:
    """Return the mutants by name, by parsing mutants.py, which only an interpreter with torch can import."""
    found = {}
    for node in ast.parse((HERE / "mutants.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            call = node.decorator_list[0]
            assert isinstance(call, ast.Call)
            found[node.name] = Declared(*map(ast.literal_eval, call.args))
    return found


def _rows(path: Path) -> dict[str, list[str]]:
    """Return the rows of a table by their first cell."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = (re.split(r"(?<!\\) \| ", line.strip("| \n")) for line in lines[2:])
    return {row[0]: row for row in cells}


def _run(python: Path, *arguments: str) -> list[dict[str, Any]]:
    argv = [str(python), "-B", str(HERE / "run_mutants.py"), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _uncaught(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Describe the mutants that no measurement caught. A check that raises an exception does not count."""
    return [f"{r['mutant']}: {r['message']}" for r in rows if r["verdict"] != "fail" or "measured" not in r]


def unproved(check: str, declared: Mapping[str, Declared], mutants: Table, seeds: Table) -> str:
    """Return what the tables do not yet say about a check, or ""."""
    if check not in seeds or seeds[check][1] == NOT_YET:
        return "its runs under other seeds"
    missing = [name for name, mutant in declared.items() if mutant.caught_by == check and name not in mutants]
    return f"the mutants {', '.join(missing)}" if missing else ""


def stale(declared: Mapping[str, Declared], mutants: Table, seeds: Table, checks: Collection[str]) -> list[str]:
    """Return the rows that are no longer true: of a check or mutant that is gone or was changed, or of a failure."""
    found = [name for name, row in seeds.items() if name not in checks or not re.fullmatch(PROVED, row[1])]
    for name, row in mutants.items():
        mutant = declared.get(name)
        if mutant is None or mutant != Declared(row[1], row[3], row[2].replace("\\|", "|")) or "NOT CAUGHT" in row:
            found.append(name)
    return found


@pytest.fixture(scope="module")
def mutants() -> Table:
    """The table of mutants, as it is before any test writes it."""
    return _rows(MUTANTS)


@pytest.fixture(scope="module")
def seeds() -> Table:
    """The table of clean runs, as it is before any test writes it."""
    return _rows(SEEDS)


def test_no_row_of_the_tables_is_stale(mutants: Table, seeds: Table) -> None:
    declared = _declared()
    assert len(mutants) >= 200
    assert stale(declared, mutants, seeds, [check.id for check in all_checks()]) == []
    assert {mutant.caught_by for mutant in declared.values()} <= {check.id for check in all_checks()}


@pytest.mark.parametrize("check", [check.id for check in select(all_checks(), device="cpu")])
def test_a_check_is_proved(check: str, mutants: Table, seeds: Table) -> None:
    if missing := unproved(check, _declared(), mutants, seeds):
        pytest.xfail(f"not yet proved: {missing}; `pytest --long tests/smoke/test_mutants.py` adds it")


def test_a_new_check_is_not_yet_proved_and_a_changed_row_is_stale() -> None:
    seeds, mutants = {"a": ["a", "30 pass"], "b": ["b", NOT_YET]}, {"m": ["m", "torch", "no term", "a", "1"]}
    declared = {"m": Declared("torch", "a", "no term")}
    assert [unproved(check, declared, mutants, seeds) != "" for check in ("a", "b", "new")] == [False, True, True]
    assert stale(declared, mutants, seeds, ["a", "b", "new"]) == []
    assert "m2" in unproved("a", {**declared, "m2": Declared("torch", "a", "another")}, mutants, seeds)
    assert stale({"m": Declared("torch", "b", "no term")}, mutants, seeds, ["a", "b"]) == ["m"]
    assert stale({}, mutants, seeds, ["a", "b"]) == ["m"]
    assert stale(declared, mutants, seeds, ["b"]) == ["a"]
    assert stale(declared, mutants, {"a": ["a", "29 pass, 1 fail"]}, ["a"]) == ["a"]
    assert stale(declared, {"m": [*mutants["m"], "NOT CAUGHT"]}, seeds, ["a", "b"]) == ["m"]


@pytest.mark.torch
def test_mutants_are_caught(torch_python: Path) -> None:
    fast = [name for name, mutant in _declared().items() if not mutant.caught_by.startswith(TRAINING)]
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
    table += [
        (check.id, NOT_YET, "-", "-", "-") for check in select(all_checks(), device="cpu") if check.id not in by_check
    ]
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
