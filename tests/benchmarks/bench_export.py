"""Cost of ``envtool export``: the ratio to a plain reader of the same records, measured in one run. It is a program.

    python tests/benchmarks/bench_export.py [--rounds 20]

Promised: ``export`` of 14 packages at most 1.5 times a Python that imports typer and reads the same records as JSON.
Compared are medians of processor time, which other programs on the machine change little; the commands take turns.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.big_records import READER, environment

PROGRAM = Path(sys.executable).with_name("envtool")  # as pip installs it
ENVTOOL = (str(PROGRAM),) if PROGRAM.exists() else (sys.executable, "-m", "envtool")
PACKAGES = 14
PROMISED = 1.5


def main() -> None:
    """Measure and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        prefix = environment(home / ".conda" / "envs" / "dl", PACKAGES)
        commands = {
            "plain reader with typer": (sys.executable, "-c", READER, str(prefix)),
            "envtool export": (*ENVTOOL, "export", "dl"),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, argv in commands.items():
                times[name].append(_processor_time(argv, home))
    seconds = {name: statistics.median(measured[1:]) for name, measured in times.items()}
    for name, value in seconds.items():
        print(f"{name:26}{value * 1000:7.0f} ms")
    ratio = seconds["envtool export"] / seconds["plain reader with typer"]
    print(f"{PACKAGES} packages: {ratio:.2f} (promised: at most {PROMISED})")


def _processor_time(argv: tuple[str, ...], home: Path) -> float:
    """Return the seconds of processor time that a command takes, its children's included."""
    null = os.open(os.devnull, os.O_RDWR)
    redirected = [(os.POSIX_SPAWN_DUP2, null, number) for number in range(3)]
    environ = {"PATH": os.environ["PATH"], "HOME": str(home)}
    process = os.posix_spawn(argv[0], argv, environ, file_actions=redirected)
    os.close(null)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"{' '.join(argv)} failed")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
