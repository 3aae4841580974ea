"""Start-up time: ratios to ``python -c 'import typer'``, measured in one run. Run it as a program.

    python tests/benchmarks/bench_startup.py [--rounds 20]

Promised: ``--version`` at most 1.1 times, ``list`` and ``run -n X -- true`` at most 1.2, completion at most 1.3,
``--help`` and no argument at most 1.6 on a pipe and 3.0 on a terminal. Compared are medians of processor time, which
other programs on the machine change little; the commands take turns.
"""

import argparse
import os
import pty
import statistics
import sys
import tempfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BASE = "python -c 'import typer'"
PROGRAM = Path(sys.executable).with_name("envtool")  # as pip installs it
ENVTOOL = (str(PROGRAM),) if PROGRAM.exists() else (sys.executable, "-m", "envtool")


@dataclass(frozen=True)
class Start:
    """A command line, the variables and the kind of output that it is started with, and its promise."""

    argv: tuple[str, ...]
    promised: float = 1.0
    environ: Mapping[str, str] = field(default_factory=dict)
    terminal: bool = False


def _completion(shell: str, line: str) -> dict[str, str]:
    words = line.split(" ")
    return {
        "_ENVTOOL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }


STARTS = {
    BASE: Start((sys.executable, "-c", "import typer")),
    "envtool --version": Start((*ENVTOOL, "--version"), 1.1),
    "envtool --help | cat": Start((*ENVTOOL, "--help"), 1.6),
    "envtool | cat": Start(ENVTOOL, 1.6),
    "envtool --help": Start((*ENVTOOL, "--help"), 3.0, terminal=True),
    "envtool": Start(ENVTOOL, 3.0, terminal=True),
    "envtool list": Start((*ENVTOOL, "list"), 1.2),
    "envtool list --json": Start((*ENVTOOL, "list", "--json"), 1.2),
    "envtool run -n x -- true": Start((*ENVTOOL, "run", "-n", "x", "--", "true"), 1.2),
    "bash: envtool in<TAB>": Start(ENVTOOL, 1.3, _completion("bash", "envtool in")),
    "zsh: envtool <TAB>": Start(ENVTOOL, 1.3, _completion("zsh", "envtool ")),
    "fish: envtool mirror <TAB>": Start(ENVTOOL, 1.3, _completion("fish", "envtool mirror ")),
    "zsh: envtool install --<TAB>": Start(ENVTOOL, 1.3, _completion("zsh", "envtool install --")),
}


def main() -> None:
    """Measure and print every ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / ".local" / "share" / "envtool" / "envs" / "x", with_pip=False)
        seconds = _measure(home, rounds)
    for name, start in STARTS.items():
        ratio = seconds[name] / seconds[BASE]
        told = "" if name == BASE else f"{ratio:6.2f} (promised: at most {start.promised})"
        print(f"{name:30}{seconds[name] * 1000:7.0f} ms{told}")


def _measure(home: Path, rounds: int) -> dict[str, float]:
    """Return the median processor time of each command in seconds; the first round, which fills caches, is left out."""
    times: dict[str, list[float]] = {name: [] for name in STARTS}
    for _ in range(rounds + 1):
        for name, start in STARTS.items():
            times[name].append(_seconds(start, home))
    return {name: statistics.median(measured[1:]) for name, measured in times.items()}


def _seconds(start: Start, home: Path) -> float:
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm", **start.environ}
    reading, writing = pty.openpty() if start.terminal else os.pipe()
    silent = os.open(os.devnull, os.O_RDWR)
    files = [(os.POSIX_SPAWN_DUP2, silent, 0), (os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, silent, 2)]
    child = os.posix_spawn(start.argv[0], start.argv, environ, file_actions=files)
    os.close(writing)
    try:
        while os.read(reading, 65536):
            pass
    except OSError:
        pass  # how Linux says that nobody holds the other end of a terminal any more
    _, status, used = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 2):  # 2: help because no command was named
        sys.exit(f"failed: {' '.join(start.argv)}")
    os.close(reading)
    os.close(silent)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
