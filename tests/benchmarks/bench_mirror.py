"""Cost of ``envtool mirror``: ratios measured in one run, on local sites.

    python tests/benchmarks/bench_mirror.py [--rounds 15]

The promises: ``mirror test`` of 20 mirrors of which 5 hang takes at most 1.2 times its own limit for one mirror (5 s);
``mirror set NAME`` at most 2.0 times ``python -c 'import typer'`` where conda's and pip's files are edited, and
``mirror show`` at most 2.5 times.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.mirror_site import serve, tree

ENVTOOL = (sys.executable, "-m", "envtool")
LIMIT = 5.0


def main() -> None:
    """Measure and print every ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _test(Path(folder))
        _set(Path(folder), options.rounds)


def _test(home: Path) -> None:
    with ExitStack() as stack:
        files = tree(projects={"pip": "1.0"})
        sites = [stack.enter_context(serve(files, hangs=number < 5)) for number in range(20)]
        own = home / ".config" / "envtool" / "mirrors.yaml"
        own.parent.mkdir(parents=True)
        entries = "".join(
            f"  m{number}: {{pypi: {{index: '{site.url}/pypi/simple'}},"
            f" conda: {{base: '{site.url}/anaconda', channels: [conda-forge]}}}}\n"
            for number, site in enumerate(sites)
        )
        own.write_text("mirrors:\n" + entries)
        names = [f"m{number}" for number in range(20)]
        seconds = _seconds((*ENVTOOL, "mirror", "test", *names, "--limit", str(LIMIT), "--subdir", "linux-64"), home)
    print(f"mirror test, 20 mirrors, 5 hanging  {seconds:6.2f} s")
    print(f"mirror test / its limit: {seconds / LIMIT:.2f} (promised: at most 1.2)")


def _set(home: Path, rounds: int) -> None:
    plain, ours, shown = [], [], []
    command = (*ENVTOOL, "mirror", "set", "tsinghua", "--target", "conda,pip")
    for _ in range(rounds + 1):
        shutil.rmtree(home)
        home.mkdir()
        plain.append(_seconds((sys.executable, "-c", "import typer"), home))
        ours.append(_seconds(command, home))
        shown.append(_seconds((*ENVTOOL, "mirror", "show"), home))
    base, switch, show = (statistics.median(found[1:]) for found in (plain, ours, shown))
    print(f"import typer                        {base * 1000:6.0f} ms")
    print(f"mirror set tsinghua                 {switch * 1000:6.0f} ms")
    print(f"mirror set / import typer: {switch / base:.2f} (promised: at most 2.0)")
    print(f"mirror show / import typer: {show / base:.2f} (promised: at most 2.5)")


def _seconds(argv: tuple[str, ...], home: Path) -> float:
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "no_proxy": "127.0.0.1"}
    start = time.perf_counter()
    subprocess.run(argv, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
