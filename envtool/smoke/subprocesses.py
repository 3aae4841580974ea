"""The subprocesses that run checks: a worker for one check at a time, and a group with one process per GPU."""

from __future__ import annotations

import argparse
import glob
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from typing import Any, Deque, Dict, List, Optional, Sequence

STARTUP_TIMEOUT = 180.0  # seconds for importing torch, which is slow from a network disk or a cold cache
BUNDLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
PYTHON = [sys.executable, "-I", "-B"]

Event = Dict[str, Any]


class WorkerLost(Exception):
    """A subprocess died or was stopped at its time limit. The message says which."""


class ChildProcess:
    """A subprocess that writes events to its stdout."""

    def __init__(self, argv: Sequence[str], **variables: str) -> None:
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg", **variables},
            start_new_session=True,  # so that stop() also ends the compilers and helpers it starts
        )
        self._stderr_tail: Deque[str] = deque(maxlen=30)
        self._events: "queue.Queue[Optional[Event]]" = queue.Queue()
        self._stderr_reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._stderr_reader.start()
        threading.Thread(target=self._read_events, daemon=True).start()

    def _read_events(self) -> None:
        for line in self._process.stdout or ():
            self._events.put(json.loads(line))
        self._events.put(None)

    def _read_stderr(self) -> None:
        for line in self._process.stderr or ():
            self._stderr_tail.append(line.decode("utf-8", "replace").rstrip())

    def next_event(self, timeout: float) -> Event:
        """Return the next event. Raises WorkerLost if the process dies or ``timeout`` seconds pass."""
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            raise WorkerLost("did not finish within %g seconds and was stopped" % timeout) from None
        if event is None:
            raise WorkerLost("the process %s%s" % (_exit_reason(self._process.wait()), self._last_stderr()))
        return event

    def _last_stderr(self) -> str:
        self._stderr_reader.join(2)
        return ": " + " | ".join(list(self._stderr_tail)[-3:]) if self._stderr_tail else ""

    def stop(self) -> None:
        """Kill the process and everything it started."""
        try:
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        except OSError:
            pass  # it has already ended
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            pass  # blocked in a driver call: it cannot be killed, and nothing depends on its end


class Worker(ChildProcess):
    """A process that runs one check at a time, so that it is always known which check it died in."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__([*PYTHON, BUNDLE, "--worker", *_common_arguments(options)])

    def request(self, name: str, timeout: float) -> Event:
        """Run one check and return its result. Raises WorkerLost."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(name.encode() + b"\n")
            stdin.flush()
        except OSError:
            pass  # it is dead: next_event() finds out how it died
        return self.next_event(timeout)


class RankGroup(ChildProcess):
    """Processes, one per GPU, started by torchrun, that run the same checks together. A context manager."""

    def __init__(self, options: argparse.Namespace, names: Sequence[str], **variables: str) -> None:
        self._traces = tempfile.mkdtemp(prefix="envtool-ranks-")
        argv = [
            *PYTHON,
            "-m",
            "torch.distributed.run",
            "--nproc_per_node",
            _processes_per_node(options.gpus),
            *_rendezvous(options),
        ]
        argv += ["--no_python", *PYTHON, BUNDLE, "--rank", ",".join(names), "--traces", self._traces]
        super().__init__([*argv, *_common_arguments(options)], **variables)

    def __enter__(self) -> "RankGroup":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._traces, ignore_errors=True)

    def stop(self) -> None:
        """Kill torchrun and its ranks, which run in sessions of their own."""
        for name in glob.glob(os.path.join(self._traces, "*.pid")):
            with open(name) as file:
                try:
                    os.kill(int(file.read()), signal.SIGKILL)
                except (OSError, ValueError):
                    pass
        super().stop()

    def positions(self) -> str:
        """Return the innermost Python frame of each rank shortly before the time limit."""
        positions: List[str] = []
        for name in sorted(glob.glob(os.path.join(self._traces, "*.txt"))):
            with open(name) as file:
                frames = re.findall(r'File "(.*)", line (\d+) in (\w+)', file.read())
            rank = os.path.basename(name)[:-4]
            if frames:
                path, line, function = frames[0]
                positions.append("%s was in %s (%s:%s)" % (rank, function, os.path.basename(path), line))
        return "; ".join(positions)


def _common_arguments(options: argparse.Namespace) -> List[str]:
    return ["--device", options.device, "--seed", str(options.seed), *(["--figures"] if options.figures else [])]


def _processes_per_node(gpus: str) -> str:
    return "gpu" if gpus == "all" else gpus


def _rendezvous(options: argparse.Namespace) -> List[str]:
    if not options.rdzv:
        return ["--standalone"]
    endpoint = ["--rdzv_backend", "c10d", "--rdzv_endpoint", options.rdzv, "--rdzv_id", "envtool"]
    return ["--nnodes", str(options.nodes), *endpoint]


def _exit_reason(code: int) -> str:
    if code >= 0:
        return "exited with code %d" % code
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "signal"
    return "was killed by %s (signal %d)" % (name, -code)
