"""Decides what runs, in which process, and outlives whatever happens there. Standard library only."""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, Optional, Sequence

from .facts import nvidia_card
from .registry import Check, catalogue, choose, describe

PROTOCOL = 1
STARTING = 180.0  # seconds for the import of torch: slow disks and cold caches are common, a hang is not
EXIT = {"pass": 0, "fail": 6, "nothing": 7, "no-torch": 3}

Event = Dict[str, Any]


class Lost(Exception):
    """The worker is gone, or had to be stopped: why."""


class Worker:
    """A process in which checks run. It is asked for one at a time, so what it died of is always known."""

    def __init__(self, options: argparse.Namespace) -> None:
        bundle = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
        argv = [sys.executable, "-I", "-B", bundle, "--worker"]
        argv += ["--device", options.device, "--seed", str(options.seed)]
        argv += ["--figures"] if options.figures else []
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg"},
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

    def ask(self, name: str, limit: float) -> Event:
        """Run one check and return its result. Raises Lost where the process dies or ``limit`` seconds pass."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(name.encode() + b"\n")
            stdin.flush()
        except OSError:
            pass  # it is dead already: what answer() finds says how
        return self.answer(limit)

    def answer(self, limit: float) -> Event:
        """Return the next event of the process."""
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


class Supervisor:
    """One run of the bundle."""

    def __init__(self, options: argparse.Namespace, emit: Callable[[Event], None]) -> None:
        self._options = options
        self._emit = emit
        self._shared: Optional[Worker] = None
        self._counts = {"pass": 0, "warn": 0, "fail": 0, "skip": 0}

    def run(self, checks: Sequence[Check]) -> str:
        """Run the checks and return the verdict."""
        try:
            facts = self._meet()
            if "error" in facts:
                return self._unusable(facts)
            if self._options.device == "gpu" and not facts["gpus"] and not nvidia_card():
                return "nothing"
            blocked = ""
            for check in checks:
                if blocked:
                    self._result(check, {"verdict": "skip", "message": "not run, because %s failed" % blocked})
                    continue
                verdict = self._one(check)
                if check.vital and verdict == "fail":
                    blocked = check.id
        finally:
            self._drop()
        return "fail" if self._counts["fail"] else "pass"

    def _meet(self) -> Event:
        self._shared = Worker(self._options)
        try:
            facts = self._shared.answer(STARTING)
        except Lost as lost:
            facts = {"event": "facts", "error": "broken", "message": "import torch: %s" % lost}
        self._emit(facts)
        return facts

    def _unusable(self, facts: Event) -> str:
        if facts["error"] == "no-torch":
            return "no-torch"
        self._counts["fail"] += 1
        self._emit(
            {
                "event": "result",
                "id": "probe.import",
                "family": "probes",
                "verdict": "fail",
                "message": facts["message"],
                "seconds": 0.0,
            }
        )
        return "fail"

    def _one(self, check: Check) -> str:
        self._emit({"event": "check", "id": check.id, "limit": check.limit})
        alone = check.isolated(self._options.device)
        begun = time.monotonic()
        worker: Optional[Worker] = None
        result: Event
        try:
            worker = self._own() if alone else self._common()
            result = worker.ask(check.id, check.limit)
        except Lost as lost:
            result = {"verdict": "warn" if check.advisory else "fail", "message": str(lost), "lost": True}
        if worker and alone:
            worker.stop()
        elif result.get("lost") or result.pop("tainted", False):
            self._drop()
        result.setdefault("seconds", round(time.monotonic() - begun, 3))
        return self._result(check, result)

    def _own(self) -> Worker:
        worker = Worker(self._options)
        worker.answer(STARTING)
        return worker

    def _common(self) -> Worker:
        if self._shared is None:
            self._shared = self._own()
        return self._shared

    def _drop(self) -> None:
        if self._shared:
            self._shared.stop()
        self._shared = None

    def _result(self, check: Check, result: Event) -> str:
        verdict = str(result["verdict"])
        self._counts[verdict] += 1
        self._emit({"event": "result", "id": check.id, "family": check.family, "seconds": 0.0, **result})
        return verdict

    @property
    def counts(self) -> Dict[str, int]:
        """How many checks ended how."""
        return self._counts


def supervise(options: argparse.Namespace) -> int:
    """Run the bundle as the command line asks and return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the worker is stopped on the way out
    begun = time.monotonic()
    checks = choose(catalogue(), suite=options.suite, only=options.only, device=options.device)
    _emit(
        {
            "event": "start",
            "protocol": PROTOCOL,
            "device": options.device,
            "suite": options.suite,
            "seed": options.seed,
            "checks": [describe(check) for check in checks],
        }
    )
    supervisor = Supervisor(options, _emit)
    try:
        verdict = supervisor.run(checks)
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    seconds = round(time.monotonic() - begun, 3)
    _emit({"event": "end", "verdict": verdict, "counts": supervisor.counts, "seconds": seconds})
    return EXIT[verdict]


def _emit(event: Event) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _ending(code: int) -> str:
    if code >= 0:
        return "ended with exit code %d" % code
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "signal"
    return "was ended by %s (signal %d)" % (name, -code)
