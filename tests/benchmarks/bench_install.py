"""Time of ``envtool install`` and ``uninstall`` driving conda, beside conda alone, as ratios within one run.

    python tests/benchmarks/bench_install.py --conda PROGRAM [--runs N] [--names N]

Both change environments with the same packages, with warm caches, in turns. The channel also has ``--names`` packages
that reach each other, so that the solver has something to do.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.channel.packages import index, tiny
from support.channel.recipe import CHANNEL, PYTHON, build
from support.channel.server import serve

SPECS = (f"python={PYTHON}", "numpy", "pip", "six", "idna", "packaging", "trunk")


def fill(channel: Path, names: int) -> None:
    """Add packages in three versions each, of which each needs two others."""
    for number in range(names):
        for version in ("1.0", "1.1", "2.0"):
            needs = (f"p{number // 2}>=1.1", f"p{number // 3}") if number > 1 else ()
            tiny(channel, f"p{number}", version, depends=needs)
    index(channel)


def timed(command: list[str], environ: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conda", default=shutil.which("conda"), required=not shutil.which("conda"))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--names", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        build(work / "channel")
        fill(work / "channel" / CHANNEL, options.names)
        environ = {**os.environ, "HOME": folder, "CONDA_PKGS_DIRS": f"{folder}/pkgs", "CONDA_EXE": options.conda}
        with serve(work / "channel") as running:
            channel = ("--override-channels", "-c", f"{running.url}/{CHANNEL}")
            places = {"conda": work / "conda-alone", "envtool": work / "driven"}
            for place in places.values():
                timed([options.conda, "create", "-y", "-p", str(place), *channel, *SPECS], environ)
            programs = {"conda": [options.conda], "envtool": [sys.executable, "-m", "envtool"]}
            last = f"p{options.names - 1}"
            seconds: dict[tuple[str, str], list[float]] = {}
            for run in range(options.runs + 1):
                for way, place in places.items():
                    remove = "uninstall" if way == "envtool" else "remove"
                    for verb, rest in (("install", [*channel, last]), (remove, [last])):
                        taken = timed([*programs[way], verb, "-y", "-p", str(place), *rest], environ)
                        if run:  # the first warms the caches
                            seconds.setdefault(("install" if verb == "install" else "uninstall", way), []).append(taken)
    for verb in ("install", "uninstall"):
        medians = {way: statistics.median(seconds[verb, way]) for way in places}
        ratio = medians["envtool"] / medians["conda"]
        print(f"{verb:10} conda {medians['conda']:.2f} s  envtool {medians['envtool']:.2f} s  ratio {ratio:.2f}")
    print("bar for install: 1.3 with the classic solver")


if __name__ == "__main__":
    main()
