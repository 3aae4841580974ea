"""Time and peak memory of a solve on a channel of conda-forge's size.

    python tests/benchmarks/bench_solve.py [--records 600000] [--conda PROGRAM]

The channel is synthetic: names in layers, each with many versions and builds for four Pythons, each needing three names
of the layer below within a range of versions, so that a solve meets about 300 names. It is served over HTTP as .zst and
as plain JSON, without shards (which need less). Peak memory is the largest resident set of any process of the command,
as the system accounts for it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import zstandard
from support.channel import packages
from support.channel.server import serve

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
LAYERS = 12


def records(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file name, record): a Python of each version, then layer upon layer of packages that need it."""
    for version in PYTHONS:
        yield record("python", f"{version}.0", "0", ())
    per_name = 8 * len(PYTHONS)
    names = max(LAYERS, count // per_name)
    layers = [[f"pkg{layer}x{index}" for index in range(names // LAYERS)] for layer in range(LAYERS)]
    for layer, members in enumerate(layers):
        for index, name in enumerate(members):
            # neighbours, so that a few names reach a few hundred, as on conda-forge, and not the whole channel
            below = layers[layer - 1] if layer else []
            needs = [below[(index + step) % len(below)] for step in (0, 1, 7)] if below else []
            for minor in range(per_name // len(PYTHONS)):
                for python in PYTHONS:
                    depends = (f"python {python}.*", *(f"{need} >=1.{max(0, minor - 3)}" for need in needs))
                    yield record(name, f"1.{minor}", f"py{python.replace('.', '')}_0", depends)


def record(name: str, version: str, build: str, depends: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    file = f"{name}-{version}-{build}.conda"
    digest = f"{abs(hash(file)):064x}"[:64]
    content = {"name": name, "version": version, "build": build, "build_number": 0, "depends": list(depends)}
    more = {"sha256": digest, "md5": digest[:32], "size": 100000, "subdir": packages.SUBDIR, "timestamp": 1700000000000}
    return file, content | more


def write_channel(folder: Path, count: int) -> int:
    """Write the channel's repodata and return how many records it has."""
    found = dict(records(count))
    for subdir, entries in ((packages.SUBDIR, found), ("noarch", {})):
        text = json.dumps(
            {"info": {"subdir": subdir}, "packages": {}, "packages.conda": entries, "repodata_version": 1}
        )
        (folder / subdir).mkdir(parents=True)
        (folder / subdir / "repodata.json").write_text(text)
        (folder / subdir / "repodata.json.zst").write_bytes(zstandard.compress(text.encode(), 3))
    return len(found)


def measured(command: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Return seconds and peak megabytes of a command and all it starts."""
    script = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(code)"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, *command], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - started, int(done.stderr.split()[-1]) * unit / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=600_000)
    parser.add_argument("--conda", default=shutil.which("conda") or "")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        count = write_channel(work / "channel", options.records)
        environ = {**os.environ, "HOME": folder, "ENVTOOL_HOME": f"{folder}/own", "CONDA_PKGS_DIRS": f"{folder}/pkgs"}
        wanted = ["python=3.11", *(f"pkg{LAYERS - 1}x{index}" for index in range(3))]
        size = (work / "channel" / packages.SUBDIR / "repodata.json").stat().st_size
        print(f"{count} records, {size / 1e6:.0f} MB of JSON")
        with serve(work / "channel") as running:
            source = ["--override-channels", "-c", running.url]
            envtool = [
                sys.executable,
                "-m",
                "envtool",
                "create",
                "demo",
                *wanted,
                *source,
                "--engine",
                "embedded",
                "--no-pip",
                "--dry-run",
            ]
            for label in ("cold", "warm"):
                seconds, peak = measured(envtool, environ)
                print(
                    f"envtool create --dry-run, {label} cache: {seconds:.1f} s, peak {peak:.0f} MB (bar: under 700 MB)"
                )
            if options.conda:
                conda = [options.conda, "create", "-n", "demo", "--dry-run", "--yes", *source, *wanted]
                # its Python needs a pip of itself, which this channel does not have
                seconds, peak = measured(conda, environ | {"CONDA_ADD_PIP_AS_PYTHON_DEPENDENCY": "false"})
                print(f"conda create --dry-run: {seconds:.1f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
