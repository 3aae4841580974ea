"""Cost of ``envtool list``: ratios measured in one run, on environments made for it.

    python tests/benchmarks/bench_list.py [--rounds 20] [--conda /path/to/conda]

The promises: ``list`` at most 1.5 times ``python -c 'import typer'`` and at least 4 times less than ``conda env list``;
``list`` of 200 environments under 3 times ``list`` of 2; ``list NAME`` of 300 packages at most 1.5 times a plain JSON
reader of the same records in the same process model, and at least 10 times less than ``conda list``.
"""

import argparse
import json
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

READER = """
import json, pathlib, sys, typer
for path in pathlib.Path(sys.argv[1]).glob("conda-meta/*.json"):
    json.loads(path.read_bytes())
"""
ENVTOOL = (sys.executable, "-m", "envtool")
FILES = 800  # files of a package: 300 packages then have some 50 MB of records, as a deep-learning environment has


def main() -> None:
    """Measure and print every ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--conda", default=shutil.which("conda"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        two, many = _home(Path(folder) / "two", 2), _home(Path(folder) / "many", 200)
        big = _environment(two / ".conda" / "envs" / "big", 300)
        commands: dict[str, tuple[tuple[str, ...], Path]] = {
            "import typer": ((sys.executable, "-c", "import typer"), two),
            "envtool list, 3 environments": ((*ENVTOOL, "list"), two),
            "envtool list, 200 environments": ((*ENVTOOL, "list"), many),
            "plain reader, 300 packages": ((sys.executable, "-c", READER, str(big)), two),
            "envtool list NAME, 300 packages": ((*ENVTOOL, "list", "big"), two),
        }
        if options.conda:
            commands["conda env list"] = ((options.conda, "env", "list"), two)
            commands["conda list, 300 packages"] = ((options.conda, "list", "-p", str(big)), two)
        _report(_measure(commands, options.rounds))


def _home(home: Path, environments: int) -> Path:
    for number in range(environments):
        _environment(home / ".conda" / "envs" / f"env{number:03}", 20, files=5)
    return home


def _environment(prefix: Path, packages: int, files: int = FILES) -> Path:
    meta = prefix / "conda-meta"
    meta.mkdir(parents=True)
    (meta / "history").touch()
    (prefix / "bin").mkdir()
    for number in range(packages):
        name, version = ("python", "3.11.7") if number == 0 else (f"package-{number:03}", "1.2.3")
        record = _record(name, version, files)
        (meta / f"{name}-{version}-h0_0.json").write_text(json.dumps(record, indent=2))
    return prefix


def _record(name: str, version: str, files: int) -> dict[str, object]:
    paths = [f"share/{name}/folder/module_{number}.py" for number in range(files)]
    channel = "https://conda.anaconda.org/conda-forge/linux-64"
    details = [{"_path": path, "path_type": "hardlink", "sha256": "ab" * 32, "size_in_bytes": 4096} for path in paths]
    return {
        "name": name,
        "version": version,
        "build": "h0_0",
        "build_number": 0,
        "channel": channel,
        "subdir": "linux-64",
        "fn": f"{name}-{version}-h0_0.conda",
        "md5": "cd" * 16,
        "depends": [],
        "url": f"{channel}/{name}-{version}-h0_0.conda",
        "files": paths,
        "paths_data": {"paths_version": 1, "paths": details},
    }


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
        ("envtool list, 3 environments", "import typer", "at most 1.5"),
        ("envtool list, 200 environments", "envtool list, 3 environments", "under 3"),
        ("envtool list NAME, 300 packages", "plain reader, 300 packages", "at most 1.5"),
        ("conda env list", "envtool list, 3 environments", "at least 4"),
        ("conda list, 300 packages", "envtool list NAME, 300 packages", "at least 10"),
    ):
        if one in seconds and other in seconds:
            print(f"{one} / {other}: {seconds[one] / seconds[other]:.2f} (promised: {promise})")


if __name__ == "__main__":
    main()
