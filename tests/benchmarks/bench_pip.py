"""Time that ``envtool install --pip`` of ten pure packages takes beside ``uv pip install``, both with warm caches.

    python tests/benchmarks/bench_pip.py [--runs N]

The packages come from the index that pip is configured for. Both runs alternate, into the same venv, without compiling
anything; the figure is their ratio.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from envtool.clients import pip
from envtool.engines import uv
from envtool.paths import Host

PACKAGES = "idna six certifi attrs packaging click typing-extensions urllib3 tomli pluggy".split()


def timed(command: list[str], environ: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "ENVTOOL_HOME": f"{folder}/own", "UV_CACHE_DIR": f"{folder}/uv"}
        envtool = [sys.executable, "-m", "envtool"]
        prefix = Path(folder, "venv")
        subprocess.run([*envtool, "create", "-p", str(prefix), "--engine", "venv"], env=environ, check=True)
        python = str(prefix / "bin" / "python")
        bare = uv.command(("install", "--python", python, *PACKAGES), pip.in_force(Host.here()), offline=False)
        named = [word for package in PACKAGES for word in ("--pip", package)]
        remove = [uv.uv_program(), "pip", "uninstall", "--python", python, *PACKAGES]
        ways = {
            "uv pip install": ([*bare.argv], {**environ, **{k: v for k, v in (bare.env or {}).items() if v}}),
            "envtool install --pip": ([*envtool, "install", "-p", str(prefix), *named], environ),
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(options.runs + 1):
            for way, (command, variables) in ways.items():
                seconds = timed(command, variables)
                subprocess.run(remove, env=environ, check=True, capture_output=True)
                if turn:  # the first fills the caches
                    times[way].append(seconds)
        for way, seconds_of in times.items():
            print(f"{way:22} {statistics.median(seconds_of):.2f} s (best {min(seconds_of):.2f} s)")
        uv_times, own = times.values()
        print(f"ratio                  {statistics.median(own) / statistics.median(uv_times):.2f}")


if __name__ == "__main__":
    main()
