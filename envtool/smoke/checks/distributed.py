"""Several GPUs together: exact collectives, data-parallel training that equals training alone, and how fast it is.

These run in one process per GPU (NCCL), or in several on CPUs (gloo). What is summed are small integers in float32,
which is exact below 2^24: a wrong bit on any rank shows. Bandwidth is information: it depends on the wiring.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import EXACT, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "several GPUs"


def _pattern(torch: Any, lab: Lab, size: int, rank: int) -> Any:
    """Return what a rank contributes: (rank + 1) (1 + i mod 7)."""
    return (rank + 1) * (1 + torch.arange(size, device=lab.device) % 7).float()


def _maybe(lab: Lab, what: str, work: Any) -> bool:
    """Run a collective that gloo may not have; return whether it was there."""
    try:
        work()
    except (RuntimeError, NotImplementedError) as error:
        if lab.on_gpu:
            raise
        lab.note(what, "not on this backend: %s" % str(error).splitlines()[0][:60])
        return False
    return True


def _same(lab: Lab, what: str, got: Any, want: Any) -> None:
    """Compare on the device: on the host, every rank would need several times what is on its GPU."""
    lab.measure(what, (got != want).sum(), EXACT)


def _largest(torch: Any, lab: Lab) -> int:
    """Return how many numbers a rank may contribute: 256 MiB, or what the fullest GPU still has room for."""
    from torch import distributed as dist

    free = torch.tensor(float(torch.cuda.mem_get_info()[0]), device=lab.device)
    dist.all_reduce(free, op=dist.ReduceOp.MIN)
    # All ranks' numbers lie here up to four times (given, received, and once more within torch), 4 bytes each.
    return min(1 << 26, int(float(free) / (4 * 4 * (dist.get_world_size() + 2))))


@check("group.collectives", family=FAMILY, group=True, limit=120)
def collectives(lab: Lab, torch: Any) -> None:
    """all_reduce, broadcast, all_gather, reduce_scatter, all_to_all and a ring of sends: exact integers everywhere."""
    from torch import distributed as dist

    n, me = dist.get_world_size(), dist.get_rank()
    for size in (1, 7, 1023, 1 << 20, *((_largest(torch, lab),) if lab.on_gpu else ())):
        what, one = "%d numbers" % size, _pattern(torch, lab, size, 0)
        mine = _pattern(torch, lab, size, me)
        total = mine.clone()
        dist.all_reduce(total)
        _same(lab, "all_reduce, sum, " + what, total, one * (n * (n + 1) // 2))
        top = mine.clone()
        dist.all_reduce(top, op=dist.ReduceOp.MAX)
        _same(lab, "all_reduce, max, " + what, top, one * n)
        for root in range(n):
            sent = mine.clone()
            dist.broadcast(sent, root)
            _same(lab, "broadcast from %d, %s" % (root, what), sent, one * (root + 1))
        gathered = [torch.empty_like(mine) for _ in range(n)]
        dist.all_gather(gathered, mine)
        for r in range(n):
            _same(lab, "all_gather from %d, %s" % (r, what), gathered[r], one * (r + 1))
        part = torch.empty_like(mine)
        if _maybe(lab, "reduce_scatter", lambda: dist.reduce_scatter(part, [mine * (r + 1) for r in range(n)])):
            _same(lab, "reduce_scatter, " + what, part, one * (me + 1) * (n * (n + 1) // 2))
        swapped = [torch.empty_like(mine) for _ in range(n)]
        if _maybe(lab, "all_to_all", lambda: dist.all_to_all(swapped, [mine * (r + 1) for r in range(n)])):
            for r in range(n):
                _same(lab, "all_to_all from %d, %s" % (r, what), swapped[r], one * (r + 1) * (me + 1))
        received = torch.empty_like(mine)
        if n > 1:
            # In one batch: NCCL makes the sending wait for a receiving that would only come after it.
            ring = [dist.P2POp(dist.isend, mine, (me + 1) % n), dist.P2POp(dist.irecv, received, (me - 1) % n)]
            for request in dist.batch_isend_irecv(ring):
                request.wait()
            _same(lab, "ring, " + what, received, one * ((me - 1) % n + 1))


@check("group.halves", family=FAMILY, group=True)
def halves(lab: Lab, torch: Any) -> None:
    """Two process groups at once: the even and the odd ranks sum among themselves."""
    from torch import distributed as dist

    n, me = dist.get_world_size(), dist.get_rank()
    groups = [dist.new_group(list(range(parity, n, 2))) for parity in (0, 1) if parity < n]
    total = _pattern(torch, lab, 1023, me)
    dist.all_reduce(total, group=groups[me % 2])
    lab.exact("sum of my half", total, _pattern(torch, lab, 1023, 0) * sum(r + 1 for r in range(me % 2, n, 2)))


@check("group.training", family=FAMILY, group=True)
def training(lab: Lab, torch: Any) -> None:
    """DistributedDataParallel over split batches, uneven ones too, ends where one process with the whole batch does."""
    from torch import distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    from ..models import mlp

    n, me, steps = dist.get_world_size(), dist.get_rank(), 10
    alone = lab.shaken(mlp(6, 16, 3)).to(lab.device, torch.float64)
    together = mlp(6, 16, 3).to(lab.device, torch.float64)
    together.load_state_dict(alone.state_dict())
    devices = [torch.cuda.current_device()] if lab.on_gpu else None
    parallel = DistributedDataParallel(together, device_ids=devices)
    optimizers = [torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9) for net in (alone, together)]
    for step in range(steps):
        size = 8 * n if step < steps - 1 else 8 * n - 3  # the last batch does not divide evenly
        x, y = lab.here(lab.randn(size, 6), lab.randn(size, 3), dtype=torch.float64)
        optimizers[0].zero_grad()
        ((alone(x) - y) ** 2).sum(1).mean().backward()
        optimizers[0].step()
        mine = slice(me * size // n, (me + 1) * size // n)
        optimizers[1].zero_grad()
        # DDP averages gradients over ranks: a sum over my part, weighed n / size, makes that the mean over all.
        (((parallel(x[mine]) - y[mine]) ** 2).sum() * n / size).backward()
        optimizers[1].step()
    for (name, p), want in zip(together.named_parameters(), alone.parameters()):
        lab.near("%s after %d steps" % (name, steps), p, want, Gate(1e-11, "the same sums in another order, float64"))


@check("group.every_device", family=FAMILY, group=True)
def every_device(lab: Lab, torch: Any) -> None:
    """Native kernels, products and convolutions on each GPU, not only on the first."""
    from . import probes

    for probe in (probes.native, probes.gemm, probes.convolution):
        probe(lab, torch)
    lab.note("device", torch.cuda.get_device_name() if lab.on_gpu else "CPU")


@check("group.bandwidth", family=FAMILY, group=True, limit=120)
def bandwidth(lab: Lab, torch: Any) -> None:
    """Bus bandwidth of all_reduce and all_gather (nccl-tests' formulas), as information; the results are exact."""
    from torch import distributed as dist

    n, size = dist.get_world_size(), _largest(torch, lab) if lab.on_gpu else (1 << 20)  # float32: 256 MiB, or 4 MiB
    data, parts = torch.ones(size, device=lab.device), [torch.empty(size, device=lab.device) for _ in range(n)]
    volume, rows = 4.0 * size, []
    for name, work, factor in (
        ("all_reduce", lambda: dist.all_reduce(data), 2 * (n - 1) / n),
        ("all_gather", lambda: dist.all_gather(parts, data), (n - 1) / n * n),
    ):
        for _ in range(5):
            work()
        data.fill_(1)
        _wait(torch, lab)
        begun, rounds = time.perf_counter(), 10
        for _ in range(rounds):
            work()
        _wait(torch, lab)
        rate = volume * factor * rounds / (time.perf_counter() - begun) / 1e9
        rows.append([name, "%.3g GB/s" % rate])
        lab.note(name, "%.3g GB/s" % rate)
        if name == "all_reduce":
            data.fill_(1)
            work()
            lab.measure("sum of ones", (data != n).sum(), EXACT)
    lab.figure("table", "Bus bandwidth, %d processes" % n, columns=["collective", "rate"], rows=rows)


def _wait(torch: Any, lab: Lab) -> None:
    if lab.on_gpu:
        torch.cuda.synchronize()
