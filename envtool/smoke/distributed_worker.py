"""One of the processes that make a check together: started by torchrun, one per GPU (on CPUs, as many as asked for)."""

from __future__ import annotations

import datetime
import faulthandler
import os
from typing import Any, Dict, List, Sequence

from .registry import Check, catalogue
from .worker import judge, settle, take_stdout

PATIENCE = datetime.timedelta(seconds=60)  # for one collective, in torch's own watchdog

Event = Dict[str, Any]


def serve_rank(names: Sequence[str], device: str, seed: int, figures: bool, traces: str) -> int:
    """Make the named checks together with the other ranks; the first rank of each machine tells the results."""
    say = take_stdout()
    rank, local = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    with open(os.path.join(traces, "rank %d.pid" % rank), "w") as file:
        file.write(str(os.getpid()))
    import torch
    from torch import distributed

    settle()
    if device == "gpu":
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if device == "gpu" else "gloo", timeout=PATIENCE)
    # Results travel over a group of their own, so that they arrive also where NCCL is what fails.
    control = distributed.new_group(backend="gloo", timeout=PATIENCE)
    if local == 0:
        say({"event": "ready", "ranks": distributed.get_world_size()})
    checks = {check.id: check for check in catalogue()}
    for name in names:
        with open(os.path.join(traces, "rank %d.txt" % rank), "w") as trace:
            # Before the supervisor's time is up, each rank writes down where it stands: that tells who waits for whom.
            faulthandler.dump_traceback_later(checks[name].limit * 0.8, file=trace)
            mine = judge(checks[name], device, seed, figures)
            faulthandler.cancel_dump_traceback_later()
        everyone: List[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(everyone, mine, group=control)
        if local == 0:
            say(_worst(checks[name], everyone))
    distributed.destroy_process_group()
    return 0


def _worst(check: Check, results: Sequence[Event]) -> Event:
    """Return the result of all: that of the rank that is worst off, which is named where it did not pass."""
    order = ("skip", "pass", "warn", "fail")
    rank = max(range(len(results)), key=lambda r: order.index(results[r]["verdict"]))
    result = dict(results[rank])
    if result["message"]:
        result["message"] = "rank %d of %d: %s" % (rank, len(results), result["message"])
    result["facts"] = {**result["facts"], "ranks": len(results)}
    return result
