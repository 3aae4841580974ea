"""Cost of the snapshot before a change: for a small package in environments of 3,000 and of 30,000 files.

Promise: at most 0.5 s more in the large one, taking, comparing and deleting together.
Run: ``python tests/benchmarks/bench_snapshot.py [--rounds N]``
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from envtool.prefix import snapshot
from envtool.prefix.snapshot import Footprint

PACKAGE = frozenset(f"lib/0/{number}" for number in range(50))


def environment(folder: Path, files: int) -> Path:
    for number in range(files):
        path = folder / f"lib/{number // 100}/{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
    return folder


def seconds(prefix: Path, aside: Path) -> float:
    """Return how long one snapshot takes, from the first look to the last file deleted."""
    started = time.perf_counter()
    taken = snapshot.take(prefix, aside, Footprint(PACKAGE))
    assert taken.differences() == []
    taken.delete()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        small, large = environment(Path(folder, "small"), 3_000), environment(Path(folder, "large"), 30_000)
        took = [(seconds(small, Path(folder, "aside")), seconds(large, Path(folder, "aside"))) for _ in range(rounds)]
    few, many = (statistics.median(column) for column in zip(*took, strict=True))
    print(f"3,000 files {few:.3f} s, 30,000 files {many:.3f} s: {many - few:.3f} s more (promise: at most 0.5)")


if __name__ == "__main__":
    main()
