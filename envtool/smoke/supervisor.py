"""The supervisor: selects the checks, assigns them to processes, and survives their failures. Standard library only."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from .facts import nvidia_card
from .registry import Check, all_checks, describe, missing_module, select
from .subprocesses import STARTUP_TIMEOUT, Event, RankGroup, Worker, WorkerLost

PROTOCOL = 1
# Environment variables that disable one transport each. A group check that hangs is repeated with one of them at a
# time: the first with which it passes identifies the cause.
TRANSPORT_SWITCHES = {"gpu": ("NCCL_P2P_DISABLE", "NCCL_SHM_DISABLE", "NCCL_IB_DISABLE"), "cpu": ()}
GPU_BUSY = "busy or unavailable"  # part of CUDA's message if a GPU in exclusive mode is in use by another process
EXIT_CODES = {"pass": 0, "fail": 6, "nothing": 7, "no-torch": 3}


class Supervisor:
    """One run of the bundle."""

    def __init__(self, options: argparse.Namespace, emit: Callable[[Event], None]) -> None:
        self._options = options
        self._emit = emit
        self._shared: Optional[Worker] = None
        self._spare: Optional[Worker] = None
        self._isolated_left = 0  # how many checks that need a process of their own are still to run
        self._counts = {"pass": 0, "warn": 0, "fail": 0, "skip": 0}

    def run(self, checks: Sequence[Check]) -> str:
        """Run the checks and return the verdict: ``pass``, ``fail``, ``nothing`` (no GPU) or ``no-torch``."""
        self._isolated_left = sum(
            check.isolated(self._options.device) and not missing_module(check) for check in checks
        )
        try:
            facts = self._start()
            if "error" in facts:
                return self._broken_import(facts)
            if self._options.device == "gpu" and not facts["gpus"] and not nvidia_card():
                return "nothing"
            failed_vital = self._run_singles([check for check in checks if not check.group])
            group_checks = [check for check in checks if check.group]
            if failed_vital:
                self._skip(group_checks, "not run because %s failed" % failed_vital)
            else:
                self._run_group_checks(group_checks, visible=len(facts["gpus"]))
        finally:
            self._stop_shared()
            if self._spare:
                self._spare.stop()
        return "fail" if self._counts["fail"] else "pass"

    def _start(self) -> Event:
        """Start the first worker; emit and return its facts about the environment."""
        self._shared = Worker(self._options)
        try:
            facts = self._shared.next_event(STARTUP_TIMEOUT)
        except WorkerLost as lost:
            facts = {"event": "facts", "error": "broken", "message": "import torch: %s" % lost}
        self._emit(facts)
        return facts

    def _broken_import(self, facts: Event) -> str:
        """Report that torch is missing or cannot be imported, and return the verdict."""
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

    def _run_singles(self, checks: Sequence[Check]) -> str:
        """Run checks that need one process. Return the id of the vital check that failed, or an empty string."""
        failed_vital = ""
        for check in checks:
            if failed_vital:
                self._skip([check], "not run because %s failed" % failed_vital)
            elif self._run_one(check) == "fail" and check.vital:
                failed_vital = check.id
        return failed_vital

    def _run_one(self, check: Check) -> str:
        """Run a check in its process, emit its result and return the verdict."""
        self._emit({"event": "check", "id": check.id, "limit": check.limit})
        module = missing_module(check)
        if module:
            return self._result(check, {"verdict": "skip", "message": "%s is not installed" % module})
        isolated = check.isolated(self._options.device)
        start = time.monotonic()
        worker: Optional[Worker] = None
        result: Event
        try:
            worker = self._isolated_worker() if isolated else self._shared_worker()
            result = worker.request(check.id, check.limit)
        except WorkerLost as lost:
            result = {"verdict": "warn" if check.advisory else "fail", "message": str(lost), "lost": True}
        if worker and isolated:
            worker.stop()
            if self._shared and GPU_BUSY in result.get("message", ""):
                self._stop_shared()
                return self._run_one(check)
        elif result.get("lost") or result.pop("tainted", False):
            self._stop_shared()
        result.setdefault("seconds", round(time.monotonic() - start, 3))
        return self._result(check, result)

    def _run_group_checks(self, checks: Sequence[Check], visible: int) -> None:
        """Run the group checks if enough of the ``visible`` GPUs are there."""
        gpus = self._options.gpus
        if gpus == "all" and visible < 2 and not self._options.rdzv:
            self._skip(checks, "only one GPU is visible: group checks need at least two")
        elif self._options.device == "gpu" and gpus.isdigit() and int(gpus) > visible:
            for check in checks:
                self._result(check, {"verdict": "fail", "message": "only %d GPUs are visible" % visible})
        elif checks:
            self._stop_shared()  # the group needs the GPU memory it occupies
            self._run_together(checks)

    def _run_together(self, checks: Sequence[Check]) -> None:
        """Run group checks. After one in which a process is lost, the remaining checks get new processes."""
        remaining = list(checks)
        while remaining:
            with RankGroup(self._options, [check.id for check in remaining]) as group:
                try:
                    self._emit({"event": "check", "id": remaining[0].id, "limit": remaining[0].limit})
                    group.next_event(STARTUP_TIMEOUT)
                except WorkerLost as lost:
                    message = "the processes failed to start: %s" % lost
                    self._result(remaining.pop(0), {"verdict": "fail", "message": message})
                    self._skip(remaining, "the processes failed to start")
                    return
                failure = self._collect(group, remaining)
            if failure:
                self._result(*failure)

    def _collect(self, group: RankGroup, remaining: List[Check]) -> Optional[Tuple[Check, Event]]:
        """Emit the group's results, taking each check off ``remaining``.

        If a process is lost, stop and return that check with its result, which has not been emitted yet.
        """
        while remaining:
            check = remaining.pop(0)
            self._emit({"event": "check", "id": check.id, "limit": check.limit})
            start = time.monotonic()
            try:
                self._result(check, group.next_event(check.limit))
            except WorkerLost as lost:
                messages = [str(lost), group.positions()]
                group.stop()
                messages.append(self._diagnose(check))
                seconds = round(time.monotonic() - start, 3)
                return check, {"verdict": "fail", "message": "; ".join(filter(None, messages)), "seconds": seconds}
        return None

    def _diagnose(self, check: Check) -> str:
        """Return the transport switch with which a lost group check passes, as a message, or an empty string."""
        if self._options.rdzv:
            return ""  # the other machines would have to repeat it as well
        for variable in TRANSPORT_SWITCHES[self._options.device]:
            self._emit({"event": "check", "id": check.id, "limit": check.limit, "with": variable})
            with RankGroup(self._options, [check.id], **{variable: "1"}) as group:
                try:
                    group.next_event(STARTUP_TIMEOUT)
                    if group.next_event(check.limit)["verdict"] == "pass":
                        return "it passes with %s=1" % variable
                except WorkerLost:
                    continue
        return ""

    def _skip(self, checks: Sequence[Check], why: str) -> None:
        for check in checks:
            self._result(check, {"verdict": "skip", "message": why})

    def _isolated_worker(self) -> Worker:
        """Return a worker for one check, and start the next one: importing torch takes most of its time."""
        worker = self._spare or Worker(self._options)
        self._isolated_left -= 1
        self._spare = Worker(self._options) if self._isolated_left > 0 else None
        worker.next_event(STARTUP_TIMEOUT)
        return worker

    def _shared_worker(self) -> Worker:
        if self._shared is None:
            self._shared = Worker(self._options)
            self._shared.next_event(STARTUP_TIMEOUT)
        return self._shared

    def _stop_shared(self) -> None:
        if self._shared:
            self._shared.stop()
        self._shared = None

    def _result(self, check: Check, result: Event) -> str:
        """Count and emit a result, and return its verdict."""
        verdict = str(result["verdict"])
        self._counts[verdict] += 1
        self._emit({"event": "result", "id": check.id, "family": check.family, "seconds": 0.0, **result})
        return verdict

    @property
    def counts(self) -> Dict[str, int]:
        """The number of checks by verdict."""
        return self._counts


def supervise(options: argparse.Namespace) -> int:
    """Run the bundle with the given options and return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds the stack, so that the workers are stopped
    start = time.monotonic()
    group = bool(options.gpus)
    checks = select(all_checks(), suite=options.suite, only=options.only, device=options.device, group=group)
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
    scratch = tempfile.mkdtemp(prefix="envtool-verify-")
    # Temporary files of compilers and libraries go there, and are removed with it.
    os.environ.update(TMPDIR=scratch, TRITON_CACHE_DIR=os.path.join(scratch, "triton"))
    try:
        verdict = supervisor.run(checks)
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    seconds = round(time.monotonic() - start, 3)
    _emit({"event": "end", "verdict": verdict, "counts": supervisor.counts, "seconds": seconds})
    return EXIT_CODES[verdict]


def _emit(event: Event) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
