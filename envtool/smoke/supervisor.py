"""Decides what runs, in which process, and outlives whatever happens there. Standard library only."""

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
from .registry import Check, catalogue, choose, describe, missing
from .subprocesses import STARTING, Event, Group, Lost, Worker

PROTOCOL = 1
# What makes processes wait for each other for ever, and the variable that leaves it out. One change at a time, in a run
# of its own: the first that helps is the cause.
CHANGES = {"gpu": ("NCCL_P2P_DISABLE", "NCCL_SHM_DISABLE", "NCCL_IB_DISABLE"), "cpu": ()}
BUSY = "busy or unavailable"  # what CUDA says on a card that admits one process at a time, where another one is
EXIT = {"pass": 0, "fail": 6, "nothing": 7, "no-torch": 3}


class Supervisor:
    """One run of the bundle."""

    def __init__(self, options: argparse.Namespace, emit: Callable[[Event], None]) -> None:
        self._options = options
        self._emit = emit
        self._shared: Optional[Worker] = None
        self._spare: Optional[Worker] = None
        self._isolated = 0  # checks to come that want a process of their own
        self._counts = {"pass": 0, "warn": 0, "fail": 0, "skip": 0}

    def run(self, checks: Sequence[Check]) -> str:
        """Run the checks and return the verdict."""
        self._isolated = sum(check.isolated(self._options.device) and not missing(check) for check in checks)
        try:
            facts = self._meet()
            if "error" in facts:
                return self._unusable(facts)
            if self._options.device == "gpu" and not facts["gpus"] and not nvidia_card():
                return "nothing"
            blocked = ""
            for check in checks:
                if blocked:
                    self._skip([check], "not run, because %s failed" % blocked)
                elif not check.group and self._one(check) == "fail" and check.vital:
                    blocked = check.id
            together = [check for check in checks if check.group and not blocked]
            visible = len(facts["gpus"])
            if self._options.gpus == "all" and visible < 2 and not self._options.rdzv:
                self._skip(together, "only one GPU is visible: there is nothing to do together")
            elif self._options.device == "gpu" and self._options.gpus.isdigit() and int(self._options.gpus) > visible:
                for check in together:
                    self._result(check, {"verdict": "fail", "message": "only %d GPUs are visible" % visible})
            elif together:
                self._drop()  # its memory on the GPU is for the group now
                self._together(together)
        finally:
            self._drop()
            if self._spare:
                self._spare.stop()
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
        absent = missing(check)
        if absent:
            return self._result(check, {"verdict": "skip", "message": "%s is not installed" % absent})
        alone = check.isolated(self._options.device)
        begun = time.monotonic()
        worker: Optional[Worker] = None
        result: Event
        try:
            worker = self._alone() if alone else self._common()
            result = worker.ask(check.id, check.limit)
        except Lost as lost:
            result = {"verdict": "warn" if check.advisory else "fail", "message": str(lost), "lost": True}
        if worker and alone:
            worker.stop()
            if self._shared and BUSY in result.get("message", ""):
                self._drop()
                return self._one(check)
        elif result.get("lost") or result.pop("tainted", False):
            self._drop()
        result.setdefault("seconds", round(time.monotonic() - begun, 3))
        return self._result(check, result)

    def _together(self, checks: Sequence[Check]) -> None:
        """Run the checks that need a process per GPU; after one that was lost, the others get new processes."""
        rest = list(checks)
        while rest:
            with Group(self._options, [check.id for check in rest]) as group:
                try:
                    self._emit({"event": "check", "id": rest[0].id, "limit": rest[0].limit})
                    group.answer(STARTING)
                except Lost as lost:
                    self._result(rest.pop(0), {"verdict": "fail", "message": "the processes did not meet: %s" % lost})
                    self._skip(rest, "the processes did not meet")
                    return
                lost_one = self._in_turn(group, rest)
            if lost_one:
                self._result(*lost_one)

    def _in_turn(self, group: Group, rest: List[Check]) -> Optional[Tuple[Check, Event]]:
        """Take the group's results until none is left, or one was lost: that one is returned, with what is known."""
        while rest:
            check = rest.pop(0)
            self._emit({"event": "check", "id": check.id, "limit": check.limit})
            begun = time.monotonic()
            try:
                self._result(check, group.answer(check.limit))
            except Lost as lost:
                known = [str(lost), group.where()]
                group.stop()
                known.append(self._diagnosis(check))
                seconds = round(time.monotonic() - begun, 3)
                return check, {"verdict": "fail", "message": "; ".join(filter(None, known)), "seconds": seconds}
        return None

    def _diagnosis(self, check: Check) -> str:
        """Return with which one change a group check that was lost comes to its end, or an empty text."""
        if self._options.rdzv:
            return ""  # the other machines would have to take part
        for variable in CHANGES[self._options.device]:
            self._emit({"event": "check", "id": check.id, "limit": check.limit, "with": variable})
            with Group(self._options, [check.id], **{variable: "1"}) as group:
                try:
                    group.answer(STARTING)
                    if group.answer(check.limit)["verdict"] == "pass":
                        return "it passes with %s=1" % variable
                except Lost:
                    continue
        return ""

    def _skip(self, checks: Sequence[Check], why: str) -> None:
        for check in checks:
            self._result(check, {"verdict": "skip", "message": why})

    def _alone(self) -> Worker:
        """Return a worker for one check. The next one starts meanwhile: the import of torch is most of its cost."""
        worker = self._spare or Worker(self._options)
        self._isolated -= 1
        self._spare = Worker(self._options) if self._isolated > 0 else None
        worker.answer(STARTING)
        return worker

    def _common(self) -> Worker:
        if self._shared is None:
            self._shared = Worker(self._options)
            self._shared.answer(STARTING)
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
    group = bool(options.gpus)
    checks = choose(catalogue(), suite=options.suite, only=options.only, device=options.device, group=group)
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
    # What compilers and libraries leave in the folder for temporary files goes with it.
    os.environ.update(TMPDIR=scratch, TRITON_CACHE_DIR=os.path.join(scratch, "triton"))
    try:
        verdict = supervisor.run(checks)
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    seconds = round(time.monotonic() - begun, 3)
    _emit({"event": "end", "verdict": verdict, "counts": supervisor.counts, "seconds": seconds})
    return EXIT[verdict]


def _emit(event: Event) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
