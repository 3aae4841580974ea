"""Time that ``envtool create`` and ``install`` add to the engine's own solve and link, with warm caches.

    python tests/benchmarks/bench_create.py [--conda PROGRAM] [--runs N]

The bare engine is a process that only imports the library, solves and links, on the same local channel. A conda is
timed where one is named. The bars: ``create`` takes at most 1.25 times the bare engine plus 0.3 s, ``install`` of one
small package at most 1.8 times the bare engine plus 0.2 s. Ratios hold within one run only.
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.channel.recipe import PYTHON, built
from support.channel.server import serve

SPECS = (f"python={PYTHON}", "numpy", "pip", "six", "idna", "packaging")
ADDED = "leaf"
BARE = """
import asyncio, os, sys
from pathlib import Path
import rattler
async def main(url, cache, prefix, *specs):
    gateway = rattler.Gateway(cache_dir=Path(cache, "repodata"))
    there = [rattler.PrefixRecord.from_path(path) for path in Path(prefix, "conda-meta").glob("*.json")]
    specs = [*specs, *(record.name.normalized for record in there)]
    virtual = rattler.VirtualPackage.detect()
    records = await rattler.solve([url], specs, gateway=gateway, virtual_packages=virtual, locked_packages=there)
    await rattler.install(records, prefix, cache_dir=Path(cache, "pkgs"), show_progress=False)
asyncio.run(main(*sys.argv[1:]))
sys.stdout.flush(); os._exit(0)
"""
BARS = {"create": (1.25, 0.3), "install": (1.8, 0.2)}


def timed(command: list[str], environ: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conda", default=shutil.which("conda") or "")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = built(Path(folder))
        environ = {**os.environ, "HOME": folder, "ENVTOOL_HOME": f"{folder}/own", "CONDA_PKGS_DIRS": f"{folder}/pkgs"}
        with serve(root) as running:
            url = f"{running.url}/anaconda/cloud/conda-forge"
            seconds = measured(
                ways(url, f"{folder}/own/cache/conda", options.conda), environ, Path(folder), options.runs
            )
    medians = {way: statistics.median(values) for way, values in seconds.items()}
    for way, values in seconds.items():
        print(f"{way:22} median {medians[way]:.2f} s  (min {min(values):.2f}, max {max(values):.2f})")
    for verb, (factor, constant) in BARS.items():
        bare, taken = medians[f"engine alone, {verb}"], medians[f"envtool {verb}"]
        bar = factor * bare + constant
        print(f"envtool {verb}: {taken:.2f} s, {taken / bare:.2f} times the bare engine (bar: {bar:.2f} s)")


def ways(url: str, cache: str, conda: str) -> dict[str, Callable[[Path], list[str]]]:
    """Return the commands by what they are called; all of them use one cache, so that it is warm for all."""
    own = (sys.executable, "-m", "envtool")
    source = ("--override-channels", "-c", url)
    found: dict[str, Callable[[Path], list[str]]] = {
        "engine alone, create": lambda at: [sys.executable, "-c", BARE, url, cache, str(at), *SPECS],
        "engine alone, install": lambda at: [sys.executable, "-c", BARE, url, cache, str(at), ADDED],
        "envtool create": lambda at: [*own, "create", "-p", str(at), "--engine", "embedded", *source, *SPECS],
        "envtool install": lambda at: [*own, "install", "-p", str(at), "--yes", *source, ADDED],
    }
    if conda:
        found["conda create"] = lambda at: [conda, "create", "-y", "-p", str(at), *source, *SPECS]
        found["conda install"] = lambda at: [conda, "install", "-y", "-p", str(at), *source, ADDED]
    return found


def measured(
    ways: Mapping[str, Callable[[Path], list[str]]], environ: dict[str, str], folder: Path, runs: int
) -> dict[str, list[float]]:
    """Return the seconds that each way took in each run; an install is into what the same tool created."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for run in range(runs + 1):
        for way, command in ways.items():
            tool = way.split()[0]
            taken = timed(command(folder / f"{tool}-{run}"), environ)
            if run:  # the first warms the caches
                seconds[way].append(taken)
    return seconds


if __name__ == "__main__":
    main()
