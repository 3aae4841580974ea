"""The processes that checks run in: a worker for one after the other, a group of one process per GPU."""

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

STARTING = 180.0  # seconds for the import of torch: slow disks and cold caches are common, a hang is not
BUNDLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
PYTHON = [sys.executable, "-I", "-B"]

Event = Dict[str, Any]


class Lost(Exception):
    """The process is gone, or had to be stopped: why."""


class Child:
    """A process that answers with events."""

    def __init__(self, argv: Sequence[str], **variables: str) -> None:
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg", **variables},
            start_new_session=True,  # its compilers and helpers die with it
        )
        self._said: Deque[str] = deque(maxlen=30)
        self._events: "queue.Queue[Optional[Event]]" = queue.Queue()
        self._readers = [threading.Thread(target=target, daemon=True) for target in (self._read, self._listen)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._events.put(json.loads(line))
        self._events.put(None)

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            self._said.append(line.decode("utf-8", "replace").rstrip())

    def answer(self, limit: float) -> Event:
        """Return the next event. Raises Lost where the process dies or ``limit`` seconds pass."""
        try:
            event = self._events.get(timeout=limit)
        except queue.Empty:
            raise Lost("did not end within %g seconds and was stopped" % limit) from None
        if event is None:
            raise Lost("the process %s%s" % (_ending(self._process.wait()), self._last_words()))
        return event

    def _last_words(self) -> str:
        self._readers[1].join(2)
        return ": " + " | ".join(list(self._said)[-3:]) if self._said else ""

    def stop(self) -> None:
        """End the process and all that it started."""
        try:
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        except OSError:
            pass  # gone already
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            pass  # stuck in a driver call: nobody can end it, and we need not wait for it


class Worker(Child):
    """Is asked for one check at a time, so that what it died of is always known."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__([*PYTHON, BUNDLE, "--worker", *_common(options)])

    def ask(self, name: str, limit: float) -> Event:
        """Run one check and return its result. Raises Lost."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(name.encode() + b"\n")
            stdin.flush()
        except OSError:
            pass  # it is dead already: what answer() finds says how
        return self.answer(limit)


class Group(Child):
    """One process per GPU, started by torchrun, that make the same checks together; a context manager."""

    def __init__(self, options: argparse.Namespace, names: Sequence[str], **variables: str) -> None:
        self._traces = tempfile.mkdtemp(prefix="envtool-ranks-")
        argv = [
            *PYTHON,
            "-m",
            "torch.distributed.run",
            "--nproc_per_node",
            _processes(options.gpus),
            *_meeting(options),
        ]
        argv += ["--no_python", *PYTHON, BUNDLE, "--rank", ",".join(names), "--traces", self._traces]
        super().__init__([*argv, *_common(options)], **variables)

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._traces, ignore_errors=True)

    def stop(self) -> None:
        """End torchrun and the ranks, to which it gave sessions of their own."""
        for name in glob.glob(os.path.join(self._traces, "*.pid")):
            with open(name) as file:
                try:
                    os.kill(int(file.read()), signal.SIGKILL)
                except (OSError, ValueError):
                    pass
        super().stop()

    def where(self) -> str:
        """Return where each rank stood when time was nearly up: the innermost place of its Python stack."""
        places: List[str] = []
        for name in sorted(glob.glob(os.path.join(self._traces, "*.txt"))):
            with open(name) as file:
                frames = re.findall(r'File "(.*)", line (\d+) in (\w+)', file.read())
            rank = os.path.basename(name)[:-4]
            if frames:
                path, line, function = frames[0]
                places.append("%s was in %s (%s:%s)" % (rank, function, os.path.basename(path), line))
        return "; ".join(places)


def _common(options: argparse.Namespace) -> List[str]:
    return ["--device", options.device, "--seed", str(options.seed), *(["--figures"] if options.figures else [])]


def _processes(gpus: str) -> str:
    return "gpu" if gpus == "all" else gpus


def _meeting(options: argparse.Namespace) -> List[str]:
    if not options.rdzv:
        return ["--standalone"]
    place = ["--rdzv_backend", "c10d", "--rdzv_endpoint", options.rdzv, "--rdzv_id", "envtool"]
    return ["--nnodes", str(options.nodes), *place]


def _ending(code: int) -> str:
    if code >= 0:
        return "ended with exit code %d" % code
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "signal"
    return "was ended by %s (signal %d)" % (name, -code)
