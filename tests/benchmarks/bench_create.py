"""Time that ``envtool create`` adds to the engine's own solve and link, on the local channel with warm caches.

    python tests/benchmarks/bench_create.py [--conda PROGRAM] [--runs N]

The bare engine is a process that only imports the library, solves and links; a conda is timed where one is named.
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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.channel.recipe import PYTHON, build
from support.channel.server import serve

SPECS = (f"python={PYTHON}", "numpy", "pip", "six", "idna", "packaging")
BARE = """
import asyncio, os, sys, time
from pathlib import Path
started = time.perf_counter()
import rattler
async def main(url, cache, prefix, *specs):
    gateway = rattler.Gateway(cache_dir=Path(cache, "repodata"))
    records = await rattler.solve([url], specs, gateway=gateway, virtual_packages=rattler.VirtualPackage.detect())
    await rattler.install(records, prefix, cache_dir=Path(cache, "pkgs"), show_progress=False)
asyncio.run(main(*sys.argv[1:]))
print(time.perf_counter() - started)
sys.stdout.flush(); os._exit(0)
"""


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
        work = Path(folder)
        build(work / "channel")
        environ = {**os.environ, "HOME": folder, "ENVTOOL_HOME": f"{folder}/own", "CONDA_PKGS_DIRS": f"{folder}/pkgs"}
        with serve(work / "channel") as running:
            url = f"{running.url}/anaconda/cloud/conda-forge"
            cache = f"{folder}/own/cache/conda"  # the same one for both, so that both are warm
            ways: dict[str, Callable[[Path], list[str]]] = {
                "engine alone": lambda at: [sys.executable, "-c", BARE, url, cache, str(at), *SPECS],
                "envtool create": lambda at: [
                    *(sys.executable, "-m", "envtool", "create", "-p", str(at), "--engine", "embedded"),
                    *("--override-channels", "-c", url, *SPECS),
                ],
            }
            if options.conda:
                ways["conda create"] = lambda at: [
                    *(options.conda, "create", "-y", "-p", str(at), "--override-channels", "-c", url, *SPECS)
                ]
            seconds: dict[str, list[float]] = {way: [] for way in ways}
            for run in range(options.runs + 1):
                for way, command in ways.items():
                    taken = timed(command(work / f"{way.replace(' ', '-')}-{run}"), environ)
                    if run:  # the first warms the caches
                        seconds[way].append(taken)
    medians = {way: statistics.median(values) for way, values in seconds.items()}
    for way, values in seconds.items():
        print(f"{way:15} median {medians[way]:.2f} s  (min {min(values):.2f}, max {max(values):.2f})")
    print(f"envtool adds {medians['envtool create'] - medians['engine alone']:+.2f} s (bar: at most 0.6 s)")
    if options.conda:
        print(f"conda takes {medians['conda create'] / medians['envtool create']:.1f} times as long")


if __name__ == "__main__":
    main()
