"""The distributed worker: one of the processes that run the group checks, one per GPU, started by torchrun."""

from __future__ import annotations

import datetime
import faulthandler
import os
from typing import Any, Dict, List, Sequence

from .registry import all_checks
from .worker import claim_stdout, configure_torch, run_check

COLLECTIVE_TIMEOUT = datetime.timedelta(seconds=60)  # of torch's own watchdog, for one collective

Event = Dict[str, Any]


def serve_rank(names: Sequence[str], device: str, seed: int, figures: bool, traces: str) -> int:
    """Run the named checks together with the other ranks and return 0.

    The first rank of each machine emits the results. Every rank writes its process id and its stack traces into the
    folder ``traces``.
    """
    emit = claim_stdout()
    rank, local_rank = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    with open(os.path.join(traces, "rank %d.pid" % rank), "w") as file:
        file.write(str(os.getpid()))
    import torch
    from torch import distributed

    configure_torch()
    if device == "gpu":
        torch.cuda.set_device(local_rank)
    distributed.init_process_group("nccl" if device == "gpu" else "gloo", timeout=COLLECTIVE_TIMEOUT)
    # Results use a group of their own, so that they arrive even if NCCL is what fails.
    control = distributed.new_group(backend="gloo", timeout=COLLECTIVE_TIMEOUT)
    world_size = distributed.get_world_size()
    if local_rank == 0:
        emit({"event": "ready", "ranks": world_size})
    checks = {check.id: check for check in all_checks()}
    for name in names:
        with open(os.path.join(traces, "rank %d.txt" % rank), "w") as trace:
            # Shortly before the supervisor's time limit, each rank records its stack: it shows who waits for whom.
            faulthandler.dump_traceback_later(checks[name].limit * 0.8, file=trace)
            result = run_check(checks[name], device, seed, figures)
            faulthandler.cancel_dump_traceback_later()
        results: List[Any] = [None] * world_size
        distributed.all_gather_object(results, result, group=control)
        if local_rank == 0:
            emit(_worst(results))
    distributed.destroy_process_group()
    return 0


def _worst(results: Sequence[Event]) -> Event:
    """Return the result of the rank with the worst verdict. Its message, if any, names the rank."""
    order = ("skip", "pass", "warn", "fail")
    rank = max(range(len(results)), key=lambda r: order.index(results[r]["verdict"]))
    result = dict(results[rank])
    if result["message"]:
        result["message"] = "rank %d of %d: %s" % (rank, len(results), result["message"])
    result["facts"] = {**result["facts"], "ranks": len(results)}
    return result
