"""Faulty checks: they crash, hang, print and fail. Tests copy this file into a bundle, which must survive them."""
# ruff: noqa: TID252

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envtool.smoke.context import CheckContext
    from envtool.smoke.registry import Skip, check
    from envtool.smoke.tolerances import Tolerance
else:
    from ..registry import Skip, check
    from ..tolerances import Tolerance


@check("faulty.first", family="faulty")
def first(context: CheckContext, torch: Any) -> None:
    """Passes."""
    context.exact("one", 1, 1)


@check("faulty.noise", family="faulty")
def noise(context: CheckContext, torch: Any) -> None:
    """Prints from Python, a subprocess and the file descriptor."""
    print('{"event": "end", "verdict": "pass"}')
    os.system("echo not json")
    os.write(1, b"neither\n")
    context.exact("one", 1, 1)


@check("faulty.crash", family="faulty")
def crash(context: CheckContext, torch: Any) -> None:
    """Causes a segmentation fault."""
    ctypes.string_at(0)


@check("faulty.exit", family="faulty")
def leave(context: CheckContext, torch: Any) -> None:
    """Exits without a result."""
    sys.stderr.write("last line\n")
    os._exit(3)


@check("faulty.hang", family="faulty", limit=3.0)
def hang(context: CheckContext, torch: Any) -> None:
    """Hangs."""
    time.sleep(600)


@check("faulty.wrong", family="faulty")
def wrong(context: CheckContext, torch: Any) -> None:
    """Measures 2 where at most 1 is allowed."""
    context.measure("fine", 0.5, Tolerance(1.0, "for the test"))
    context.measure("too much", 2.0, Tolerance(1.0, "for the test"))


@check("faulty.nan", family="faulty")
def nan(context: CheckContext, torch: Any) -> None:
    """Measures NaN."""
    context.near("a mean", torch.tensor(float("nan")), torch.tensor(0.0))


@check("faulty.raises", family="faulty")
def raises(context: CheckContext, torch: Any) -> None:
    """Raises."""
    raise ValueError("a reason")


@check("faulty.nothing", family="faulty")
def nothing(context: CheckContext, torch: Any) -> None:
    """Makes no comparison."""


@check("faulty.advice", family="faulty", advisory=True)
def advice(context: CheckContext, torch: Any) -> None:
    """Warns instead of failing."""
    context.measure("modes", 7, Tolerance(8, "for the test", floor=True))


@check("faulty.absent", family="faulty")
def absent(context: CheckContext, surely_not_installed: Any) -> None:
    """Needs a module that is not installed."""


@check("faulty.skips", family="faulty")
def skips(context: CheckContext, torch: Any) -> None:
    """Cannot run in this environment."""
    raise Skip("a reason to skip")


@check("faulty.alone", family="faulty", isolate="always")
def alone(context: CheckContext, torch: Any) -> None:
    """Runs in a process of its own."""
    context.fact("process", os.getpid())
    context.exact("one", 1, 1)


@check("faulty.takes", family="faulty")
def takes(context: CheckContext, torch: Any) -> None:
    """Uses a GPU in exclusive mode as long as its process lives."""
    _GPU.append(_use_gpu())
    context.exact("one", 1, 1)


@check("faulty.busy", family="faulty", isolate="always")
def busy(context: CheckContext, torch: Any) -> None:
    """Needs the same GPU."""
    _use_gpu()
    context.exact("one", 1, 1)


@check("faulty.crowded", family="faulty")
def crowded(context: CheckContext, torch: Any) -> None:
    """Finds the GPU memory in use by other programs."""
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")


_GPU: list[socket.socket] = []


def _use_gpu() -> socket.socket:
    gpu = socket.socket(socket.AF_UNIX)
    try:
        gpu.bind(f"\0envtool-faulty-{os.getppid()}")
    except OSError:
        raise RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable") from None
    return gpu


@check("faulty.last", family="faulty")
def last(context: CheckContext, torch: Any) -> None:
    """Runs after all others."""
    context.fact("process", os.getpid())
    context.exact("one", 1, 1)


@check("vital.wrong", family="vital", vital=True)
def vital(context: CheckContext, torch: Any) -> None:
    """Fails."""
    context.exact("one", 1, 2)


@check("vital.after", family="vital")
def after(context: CheckContext, torch: Any) -> None:
    """Is skipped because the vital check failed."""
    context.exact("one", 1, 1)


@check("group.stuck", family="group", group=True, limit=5)
def stuck(context: CheckContext, torch: Any) -> None:
    """Waits for a rank that hangs, unless a transport is disabled."""
    from torch import distributed

    if distributed.get_rank() == 1 and not os.environ.get("NCCL_P2P_DISABLE"):
        time.sleep(600)
    distributed.all_reduce(torch.ones(1))
    context.exact("one", 1, 1)


@check("group.dies", family="group", group=True)
def dies(context: CheckContext, torch: Any) -> None:
    """One rank dies."""
    from torch import distributed

    if distributed.get_rank() == 1:
        os._exit(5)
    distributed.all_reduce(torch.ones(1))
    context.exact("one", 1, 1)


@check("group.differs", family="group", group=True)
def differs(context: CheckContext, torch: Any) -> None:
    """Fails on one rank."""
    from torch import distributed

    context.exact("rank", distributed.get_rank(), 0)


@check("group.fine", family="group", group=True)
def fine(context: CheckContext, torch: Any) -> None:
    """Passes on every rank."""
    total = torch.ones(1)
    torch.distributed.all_reduce(total)
    context.exact("sum", total.item(), float(torch.distributed.get_world_size()))
