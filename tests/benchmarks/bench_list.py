"""Cost of ``envtool list``: ratios measured in one run, on environments made for it.

    python tests/benchmarks/bench_list.py [--rounds 20] [--conda /path/to/conda]

The promises: ``list`` at most 1.2 times ``python -c 'import typer'`` and at least 4 times less than ``conda env list``;
``list`` of 1,000 environments at most 2 times ``list`` of 3; ``list NAME`` of 300 packages at most 1.5 times a plain
JSON reader of the same records in the same process model, and at least 10 times less than ``conda list``.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.big_records import READER, environment

ENVTOOL = (sys.executable, "-m", "envtool")


def main() -> None:
    """Measure and print every ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--conda", default=shutil.which("conda"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        few, many = _home(Path(folder) / "few", 2), _home(Path(folder) / "many", 1000)
        big = environment(few / ".conda" / "envs" / "big", 300)
        commands: dict[str, tuple[tuple[str, ...], Path]] = {
            "import typer": ((sys.executable, "-c", "import typer"), few),
            "envtool list, 3 environments": ((*ENVTOOL, "list"), few),
            "envtool list, 1,000 environments": ((*ENVTOOL, "list"), many),
            "plain reader, 300 packages": ((sys.executable, "-c", READER, str(big)), few),
            "envtool list NAME, 300 packages": ((*ENVTOOL, "list", "big"), few),
        }
        if options.conda:
            commands["conda env list"] = ((options.conda, "env", "list"), few)
            commands["conda list, 300 packages"] = ((options.conda, "list", "-p", str(big)), few)
        _report(_measure(commands, options.rounds))


def _home(home: Path, environments: int) -> Path:
    for number in range(environments):
        environment(home / ".conda" / "envs" / f"env{number:03}", 20, files=5)
    return home


def _measure(commands: Mapping[str, tuple[tuple[str, ...], Path]], rounds: int) -> dict[str, float]:
    """Return the median wall time of each command in seconds. The rounds are interleaved: load affects all alike."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, (argv, home) in commands.items():
            if name.startswith("conda") and len(times[name]) > 5:
                continue
            times[name].append(_timed(partial(_run, argv, home)))
    return {name: statistics.median(measured[1:]) for name, measured in times.items()}


def _timed(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _run(argv: tuple[str, ...], home: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "CONDA_SOLVER": "classic"}
    subprocess.run(argv, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _report(seconds: Mapping[str, float]) -> None:
    for name, value in seconds.items():
        print(f"{name:34} {value * 1000:7.0f} ms")
    for one, other, promise in (
        ("envtool list, 3 environments", "import typer", "at most 1.2"),
        ("envtool list, 1,000 environments", "envtool list, 3 environments", "at most 2"),
        ("envtool list NAME, 300 packages", "plain reader, 300 packages", "at most 1.5"),
        ("conda env list", "envtool list, 3 environments", "at least 4"),
        ("conda list, 300 packages", "envtool list NAME, 300 packages", "at least 10"),
    ):
        if one in seconds and other in seconds:
            print(f"{one} / {other}: {seconds[one] / seconds[other]:.2f} (promised: {promise})")


if __name__ == "__main__":
    main()
