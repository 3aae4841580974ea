"""Cost of ``envtool verify-gpu``, and its rates compared with a plain script's.

    python tests/benchmarks/bench_verify.py --python PYTHON [--device gpu|cpu] [--rounds 3]

The promises on 2 CPU cores, the import of torch included: quick at most 10 s; full, without MMDetection and the grid,
at most 60 s. On one H200: full at most 30 s, and its matrix product and its copy each at least 95 % of what a plain
torch script reaches in the same run (uncalibrated: no GPU has been measured yet).
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ENVTOOL = (sys.executable, "-m", "envtool", "verify-gpu", "--json")
PLAIN = """
import sys, time, torch
gpu = sys.argv[1] == "gpu"
device = "cuda" if gpu else "cpu"
wait = torch.cuda.synchronize if gpu else lambda: None
if not gpu:
    torch.set_num_threads(1)
def best(work):
    for _ in range(5): work()
    wait()
    times = []
    for _ in range(20):
        begun = time.perf_counter(); work(); wait(); times.append(time.perf_counter() - begun)
    return sorted(times)[10]
n = 8192 if gpu else 512
a, b = (torch.randn(n, n, device=device).bfloat16() for _ in "ab")
print(2 * n**3 / best(lambda: a @ b) / 1e12)
source = torch.arange(1 << 30 if gpu else 1 << 22, dtype=torch.int32, device=device)
target = torch.empty_like(source)
print(8 * source.numel() / best(lambda: target.copy_(source)) / 1e9)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, type=Path)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for suite, limit in (("quick", 10), ("full", 30 if options.device == "gpu" else 60)):
        seconds = [_run(options, suite) for _ in range(options.rounds)]
        print(f"{suite}: {statistics.median(seconds):.1f} s (promised: {limit} s), {_all(seconds)}")
    rates = [_rates(options) for _ in range(options.rounds)]
    for index, name in enumerate(("bfloat16 product, TFLOP/s", "copy, GB/s")):
        mine, plain = (statistics.median(rate[side][index] for rate in rates) for side in (0, 1))
        print(f"{name}: {mine:.3g}, plain script {plain:.3g}: {mine / plain:.0%} (promised: 95 %)")


def _run(options: argparse.Namespace, suite: str) -> float:
    """Return the seconds of a suite, from the start of the command to its end, without the grid's share."""
    begun = time.perf_counter()
    data = _verify(options, "--suite", suite)
    seconds = time.perf_counter() - begun
    left_out = ("gan.grid", "mmdet.")
    elsewhere: float = sum(r["seconds"] for r in data["results"] if r["id"].startswith(left_out))
    return seconds - elsewhere


def _verify(options: argparse.Namespace, *arguments: str) -> Any:
    argv = [*ENVTOOL, "--python", str(options.python), "--device", options.device, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["data"]


def _rates(options: argparse.Namespace) -> tuple[tuple[float, ...], tuple[float, ...]]:
    data = _verify(options, "--only", "throughput.gemm", "--only", "throughput.copy")
    facts = {name: value for result in data["results"] for name, value in result["facts"].items()}
    beginnings = ("bfloat16", "within the device")
    mine = tuple(
        float(value.split()[0]) for begin in beginnings for name, value in facts.items() if name.startswith(begin)
    )
    argv = [str(options.python), "-c", PLAIN, options.device]
    plain = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    return mine, tuple(map(float, plain))


def _all(values: list[float]) -> str:
    return "all: " + " ".join(f"{value:.1f}" for value in values)


if __name__ == "__main__":
    main()
