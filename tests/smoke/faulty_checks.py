"""Checks that crash, hang, print and fail: copied into a bundle, to see that it outlives them."""
# ruff: noqa: TID252

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envtool.smoke.context import Lab
    from envtool.smoke.registry import Skip, check
    from envtool.smoke.tolerances import Gate
else:
    from ..registry import Skip, check
    from ..tolerances import Gate


@check("trouble.first", family="trouble")
def first(lab: Lab, torch: Any) -> None:
    """Passes."""
    lab.exact("one", 1, 1)


@check("trouble.noise", family="trouble")
def noise(lab: Lab, torch: Any) -> None:
    """Prints, from Python and from below."""
    print('{"event": "end", "verdict": "pass"}')
    os.system("echo not json")
    os.write(1, b"neither\n")
    lab.exact("one", 1, 1)


@check("trouble.crash", family="trouble")
def crash(lab: Lab, torch: Any) -> None:
    """Dies of a segmentation fault."""
    ctypes.string_at(0)


@check("trouble.exit", family="trouble")
def leave(lab: Lab, torch: Any) -> None:
    """Leaves without a word."""
    sys.stderr.write("last words\n")
    os._exit(3)


@check("trouble.hang", family="trouble", limit=3.0)
def hang(lab: Lab, torch: Any) -> None:
    """Never ends."""
    time.sleep(600)


@check("trouble.wrong", family="trouble")
def wrong(lab: Lab, torch: Any) -> None:
    """Is wrong by 2 where 1 is allowed."""
    lab.measure("fine", 0.5, Gate(1.0, "for the test"))
    lab.measure("too much", 2.0, Gate(1.0, "for the test"))


@check("trouble.nan", family="trouble")
def nan(lab: Lab, torch: Any) -> None:
    """Is no number."""
    lab.near("a mean", torch.tensor(float("nan")), torch.tensor(0.0))


@check("trouble.raises", family="trouble")
def raises(lab: Lab, torch: Any) -> None:
    """Raises."""
    raise ValueError("a reason")


@check("trouble.nothing", family="trouble")
def nothing(lab: Lab, torch: Any) -> None:
    """Compares nothing."""


@check("trouble.advice", family="trouble", advisory=True)
def advice(lab: Lab, torch: Any) -> None:
    """Warns where others fail."""
    lab.measure("modes", 7, Gate(8, "for the test", floor=True))


@check("trouble.absent", family="trouble")
def absent(lab: Lab, surely_not_installed: Any) -> None:
    """Needs what is not there."""


@check("trouble.skips", family="trouble")
def skips(lab: Lab, torch: Any) -> None:
    """Cannot be made here."""
    raise Skip("a reason to skip")


@check("trouble.alone", family="trouble", alone="always")
def alone(lab: Lab, torch: Any) -> None:
    """Runs in a process of its own."""
    lab.note("process", os.getpid())
    lab.exact("one", 1, 1)


@check("trouble.takes", family="trouble")
def takes(lab: Lab, torch: Any) -> None:
    """Holds a card that admits one process at a time, for as long as its process lives."""
    _CARD.append(_take())
    lab.exact("one", 1, 1)


@check("trouble.busy", family="trouble", alone="always")
def busy(lab: Lab, torch: Any) -> None:
    """Wants that card, too."""
    _take()
    lab.exact("one", 1, 1)


@check("trouble.crowded", family="trouble")
def crowded(lab: Lab, torch: Any) -> None:
    """Finds no room on a card that others fill."""
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")


_CARD: list[socket.socket] = []


def _take() -> socket.socket:
    card = socket.socket(socket.AF_UNIX)
    try:
        card.bind(f"\0envtool-trouble-{os.getppid()}")
    except OSError:
        raise RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable") from None
    return card


@check("trouble.last", family="trouble")
def last(lab: Lab, torch: Any) -> None:
    """Still runs."""
    lab.note("process", os.getpid())
    lab.exact("one", 1, 1)


@check("vital.wrong", family="vital", vital=True)
def vital(lab: Lab, torch: Any) -> None:
    """Must not fail."""
    lab.exact("one", 1, 2)


@check("vital.after", family="vital")
def after(lab: Lab, torch: Any) -> None:
    """Means nothing once the vital one failed."""
    lab.exact("one", 1, 1)


@check("group.stuck", family="group", group=True, limit=5)
def stuck(lab: Lab, torch: Any) -> None:
    """Waits for a rank that does something else, unless one path is left out."""
    from torch import distributed

    if distributed.get_rank() == 1 and not os.environ.get("NCCL_P2P_DISABLE"):
        time.sleep(600)
    distributed.all_reduce(torch.ones(1))
    lab.exact("one", 1, 1)


@check("group.dies", family="group", group=True)
def dies(lab: Lab, torch: Any) -> None:
    """One rank dies."""
    from torch import distributed

    if distributed.get_rank() == 1:
        os._exit(5)
    distributed.all_reduce(torch.ones(1))
    lab.exact("one", 1, 1)


@check("group.differs", family="group", group=True)
def differs(lab: Lab, torch: Any) -> None:
    """One rank is wrong."""
    from torch import distributed

    lab.exact("rank", distributed.get_rank(), 0)


@check("group.fine", family="group", group=True)
def fine(lab: Lab, torch: Any) -> None:
    """All is well."""
    total = torch.ones(1)
    torch.distributed.all_reduce(total)
    lab.exact("sum", total.item(), float(torch.distributed.get_world_size()))
