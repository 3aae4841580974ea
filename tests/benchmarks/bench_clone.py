"""Cost of ``envtool clone``: ratios measured in one run, on an environment of 30,000 files.

    python tests/benchmarks/bench_clone.py [--rounds 5] [--files 30000] [--conda /path/to/conda] [--folder DIR]

The promises: at most 1.3 times a plain loop that does the same copies and hard links; where the file system (of
``--folder``) has reflinks, at most 2 times ``cp -a --reflink=always``; at least 8 times faster than ``conda create
--clone``, which is tried where a conda is found. Every command runs in a process of its own, after a ``sync``, the
rounds interleaved. Nothing is deleted before the end, since ext4 is slow to make files for minutes after many were
deleted; start on a disk that has been left alone for five minutes. ENVTOOL_TEST_CACHE keeps the channel.
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
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.channel import packages, server

TARGET = "TARGET"  # stands for a new path each time
ENVTOOL = (sys.executable, "-m", "envtool")
CONDA = ("pip", "numpy", "sympy", "mpmath=1.3.0", "networkx", "packaging", "six")
PIP = ("pandas", "scipy", "matplotlib", "scikit-learn")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# The loop that everybody would write: it knows what is to be linked, and looks into nothing.
LOOP = """
import json, os, shutil, sys
source, target, listing = sys.argv[1:]
linked = set(json.load(open(listing)))
for folder, folders, files in os.walk(source):
    below = os.path.relpath(folder, source)
    os.makedirs(os.path.join(target, below), exist_ok=True)
    for name in files + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
        path, copy = os.path.join(folder, name), os.path.join(target, below, name)
        if os.path.islink(path):
            os.symlink(os.readlink(path), copy)
        elif os.path.normpath(os.path.join(below, name)) in linked:
            os.link(path, copy)
        else:
            shutil.copy2(path, copy)
"""


def main() -> None:
    """Measure and print every ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=30_000)
    parser.add_argument("--conda", default=os.environ.get("ENVTOOL_TEST_CONDA") or shutil.which("conda"))
    parser.add_argument("--folder", type=Path, help="where to make the environments; default: the temporary folder")
    options = parser.parse_args()
    if reason := packages.why_python_cannot_be_packed():
        sys.exit(reason)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        _run(Path(folder), options)


def _run(folder: Path, options: argparse.Namespace) -> None:
    environ = {**os.environ, "HOME": str(folder), "CONDA_SOLVER": "classic"}
    for name in ("ENVTOOL_HOME", "CONDA_PREFIX", "VIRTUAL_ENV", "CONDA_EXE"):
        environ.pop(name, None)
    environ |= {"CONDA_ENVS_DIRS": str(folder / "envs"), "CONDA_PKGS_DIRS": str(folder / "pkgs")}
    source = _environment(folder, environ, options)
    first = json.loads(_output([*ENVTOOL, "clone", "source", "first", "--json"], environ))["data"]
    clone = folder / "envs" / "first"
    linked = [
        str(file.relative_to(clone))
        for file in clone.rglob("*")
        if not file.is_symlink()
        and file.is_file()
        and (source / file.relative_to(clone)).exists()
        and file.samefile(source / file.relative_to(clone))
    ]
    (folder / "linked.json").write_text(json.dumps(linked))
    size = sum(file.lstat().st_size for file in source.rglob("*") if file.is_file())
    kinds = ", ".join(f"{kind} {first[kind]}" for kind in ("linked", "reflinked", "rewritten"))
    print(f"{first['files']} files of {size / 1e6:.0f} MB: {kinds}")
    commands: dict[str, Sequence[str]] = {"envtool clone": (*ENVTOOL, "clone", "source", TARGET)}
    if first["reflinked"]:
        commands["cp --reflink"] = ("cp", "-a", "--reflink=always", str(source), TARGET)
    else:
        listing = str(folder / "linked.json")
        commands["plain loop"] = (sys.executable, "-c", LOOP, str(source), TARGET, listing)
    if options.conda:
        cloning = ("create", "--yes", "--quiet", "--offline", "--clone", str(source), "--prefix", TARGET)
        commands["conda create --clone"] = (options.conda, *cloning)
    _report(_measure(commands, options.rounds, environ, folder / "envs"))


def _environment(folder: Path, environ: Mapping[str, str], options: argparse.Namespace) -> Path:
    """Make a typical environment: conda packages, pip packages, and files of the user's own."""
    cache = Path(os.environ.get("ENVTOOL_TEST_CACHE") or folder / "channel")
    root = packages.build_once(
        cache, f"clone-{packages.fingerprint(Path(packages.__file__), Path(__file__))}", _channel
    )
    engine = ("--engine", "conda") if options.conda else ("--engine", "embedded")
    extra = {"CONDA_EXE": options.conda} if options.conda else {}
    with server.serve(root) as running:
        wanted = ("create", "source", f"python={PYTHON}", *CONDA, "-c", running.url, "--override-channels", *engine)
        _output([*ENVTOOL, *wanted, "--compile", *(f"--pip={name}" for name in PIP)], {**environ, **extra})
    prefix = folder / "envs" / "source"
    here = sum(1 for file in prefix.rglob("*") if file.is_file())
    site = prefix / f"lib/python{PYTHON}/site-packages/beside"
    text = "".join(f"def function_{number}(value):\n    return value + {number}\n\n\n" for number in range(60))
    for number in range(max(0, options.files - here)):
        file = site / f"package_{number // 40}" / f"module_{number}.{('py', 'py', 'json', 'pyi')[number % 4]}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return prefix


def _channel(root: Path) -> None:
    packages.pack_python(root)
    for wheel in packages.download_wheels(root / "wheels", tuple(spec.replace("=", "==") for spec in CONDA)):
        packages.pack_wheel(root, wheel)
    packages.index(root)


def _measure(
    commands: Mapping[str, Sequence[str]], rounds: int, environ: Mapping[str, str], envs: Path
) -> dict[str, float]:
    """Return the median wall time of each command in seconds."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds):
        for number, (name, command) in enumerate(commands.items()):
            target = str(envs / f"target-{turn}-{number}")
            line = [target if word == TARGET else word for word in command]
            os.sync()
            times[name].append(_timed(partial(_output, line, environ)))
    return {name: statistics.median(measured) for name, measured in times.items()}


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _output(command: Sequence[str], environ: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=dict(environ), check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command}: {done.stdout}\n{done.stderr}")
    return done.stdout


def _report(seconds: Mapping[str, float]) -> None:
    for name, value in seconds.items():
        print(f"{name:22} {value:7.2f} s")
    for one, other, promise in (
        ("envtool clone", "plain loop", "at most 1.3"),
        ("envtool clone", "cp --reflink", "at most 2"),
        ("conda create --clone", "envtool clone", "at least 8"),
    ):
        if one in seconds and other in seconds:
            print(f"{one} / {other}: {seconds[one] / seconds[other]:.2f} (promised: {promise})")


if __name__ == "__main__":
    main()
