"""Multi-GPU checks: exact collectives, data-parallel training that equals single-process training, and bandwidth.

They run in one process per GPU (NCCL), or in several processes on CPUs (gloo). The collectives sum small integers in
float32, which is exact below 2^24, so that one wrong bit on any rank is detected. Bandwidth depends on the interconnect
and is not judged.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import EXACT, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "several GPUs"


def _pattern(torch: Any, context: CheckContext, size: int, rank: int) -> Any:
    """Return the numbers that a rank contributes: (rank + 1) (1 + i mod 7)."""
    return (rank + 1) * (1 + torch.arange(size, device=context.device) % 7).float()


def _supported(context: CheckContext, what: str, work: Any) -> bool:
    """Run a collective that gloo may not support, and return whether it does."""
    try:
        work()
    except (RuntimeError, NotImplementedError) as error:
        if context.on_gpu:
            raise
        context.fact(what, "not supported by this backend: %s" % str(error).splitlines()[0][:60])
        return False
    return True


def _exact_on_device(context: CheckContext, what: str, got: Any, want: Any) -> None:
    """Compare on the device: on the host, all ranks together would need several times the memory of one GPU."""
    context.measure(what, (got != want).sum(), EXACT)


def _largest(torch: Any, context: CheckContext) -> int:
    """Return how many numbers a rank may contribute: 256 MiB, or what fits on the GPU with the least free memory."""
    from torch import distributed as dist

    free = torch.tensor(float(torch.cuda.mem_get_info()[0]), device=context.device)
    dist.all_reduce(free, op=dist.ReduceOp.MIN)
    # Each GPU holds all ranks' numbers up to four times (inputs, outputs, and copies within torch), 4 bytes each.
    return min(1 << 26, int(float(free) / (4 * 4 * (dist.get_world_size() + 2))))


@check("group.collectives", family=FAMILY, group=True, limit=120)
def collectives(context: CheckContext, torch: Any) -> None:
    """all_reduce, broadcast, all_gather, reduce_scatter, all_to_all and a ring of sends return exact integers."""
    from torch import distributed as dist

    n, rank = dist.get_world_size(), dist.get_rank()
    for size in (1, 7, 1023, 1 << 20, *((_largest(torch, context),) if context.on_gpu else ())):
        what, one = "%d numbers" % size, _pattern(torch, context, size, 0)
        local = _pattern(torch, context, size, rank)
        total = local.clone()
        dist.all_reduce(total)
        _exact_on_device(context, "all_reduce, sum, " + what, total, one * (n * (n + 1) // 2))
        maximum = local.clone()
        dist.all_reduce(maximum, op=dist.ReduceOp.MAX)
        _exact_on_device(context, "all_reduce, max, " + what, maximum, one * n)
        for root in range(n):
            sent = local.clone()
            dist.broadcast(sent, root)
            _exact_on_device(context, "broadcast from %d, %s" % (root, what), sent, one * (root + 1))
        gathered = [torch.empty_like(local) for _ in range(n)]
        dist.all_gather(gathered, local)
        for r in range(n):
            _exact_on_device(context, "all_gather from %d, %s" % (r, what), gathered[r], one * (r + 1))
        part = torch.empty_like(local)
        if _supported(
            context, "reduce_scatter", lambda: dist.reduce_scatter(part, [local * (r + 1) for r in range(n)])
        ):
            _exact_on_device(context, "reduce_scatter, " + what, part, one * (rank + 1) * (n * (n + 1) // 2))
        exchanged = [torch.empty_like(local) for _ in range(n)]
        if _supported(context, "all_to_all", lambda: dist.all_to_all(exchanged, [local * (r + 1) for r in range(n)])):
            for r in range(n):
                _exact_on_device(
                    context, "all_to_all from %d, %s" % (r, what), exchanged[r], one * (r + 1) * (rank + 1)
                )
        received = torch.empty_like(local)
        if n > 1:
            # In one batch: with NCCL, a send blocks until its receive, which would come only after it.
            ring = [dist.P2POp(dist.isend, local, (rank + 1) % n), dist.P2POp(dist.irecv, received, (rank - 1) % n)]
            for request in dist.batch_isend_irecv(ring):
                request.wait()
            _exact_on_device(context, "ring, " + what, received, one * ((rank - 1) % n + 1))


@check("group.halves", family=FAMILY, group=True)
def subgroups(context: CheckContext, torch: Any) -> None:
    """Two process groups at once: even and odd ranks each sum among themselves."""
    from torch import distributed as dist

    n, rank = dist.get_world_size(), dist.get_rank()
    groups = [dist.new_group(list(range(parity, n, 2))) for parity in (0, 1) if parity < n]
    total = _pattern(torch, context, 1023, rank)
    dist.all_reduce(total, group=groups[rank % 2])
    context.exact(
        "sum over the subgroup", total, _pattern(torch, context, 1023, 0) * sum(r + 1 for r in range(rank % 2, n, 2))
    )


@check("group.training", family=FAMILY, group=True)
def training(context: CheckContext, torch: Any) -> None:
    """DistributedDataParallel on split batches, also uneven ones, equals one process with whole batches."""
    from torch import distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    from ..models import mlp

    n, rank, steps = dist.get_world_size(), dist.get_rank(), 10
    single = context.randomized(mlp(6, 16, 3)).to(context.device, torch.float64)
    replica = mlp(6, 16, 3).to(context.device, torch.float64)
    replica.load_state_dict(single.state_dict())
    devices = [torch.cuda.current_device()] if context.on_gpu else None
    parallel = DistributedDataParallel(replica, device_ids=devices)
    optimizers = [torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9) for net in (single, replica)]
    for step in range(steps):
        size = 8 * n if step < steps - 1 else 8 * n - 3  # the last batch does not divide evenly
        x, y = context.to_device(context.randn(size, 6), context.randn(size, 3), dtype=torch.float64)
        optimizers[0].zero_grad()
        ((single(x) - y) ** 2).sum(1).mean().backward()
        optimizers[0].step()
        local = slice(rank * size // n, (rank + 1) * size // n)
        optimizers[1].zero_grad()
        # DDP averages gradients over ranks: the sum over each part times n / size makes that the mean over the batch.
        (((parallel(x[local]) - y[local]) ** 2).sum() * n / size).backward()
        optimizers[1].step()
    for (name, p), want in zip(replica.named_parameters(), single.parameters()):
        context.near("%s after %d steps" % (name, steps), p, want, Tolerance(1e-11, "float64 sums in another order"))


@check("group.every_device", family=FAMILY, group=True)
def every_device(context: CheckContext, torch: Any) -> None:
    """Native kernels, matrix products and convolutions work on every GPU, not only on the first."""
    from . import probes

    for probe in (probes.native, probes.gemm, probes.convolution):
        probe(context, torch)
    context.fact("device", torch.cuda.get_device_name() if context.on_gpu else "CPU")


@check("group.bandwidth", family=FAMILY, group=True, limit=120)
def bandwidth(context: CheckContext, torch: Any) -> None:
    """Bus bandwidth of all_reduce and all_gather (formulas of nccl-tests), not judged; their results are exact."""
    from torch import distributed as dist

    n, size = (
        dist.get_world_size(),
        _largest(torch, context) if context.on_gpu else (1 << 20),
    )  # float32: 256 MiB, or 4 MiB
    data, parts = torch.ones(size, device=context.device), [torch.empty(size, device=context.device) for _ in range(n)]
    volume, rows = 4.0 * size, []
    for name, work, factor in (
        ("all_reduce", lambda: dist.all_reduce(data), 2 * (n - 1) / n),
        ("all_gather", lambda: dist.all_gather(parts, data), (n - 1) / n * n),
    ):
        for _ in range(5):
            work()
        data.fill_(1)
        _synchronize(torch, context)
        start, rounds = time.perf_counter(), 10
        for _ in range(rounds):
            work()
        _synchronize(torch, context)
        rate = volume * factor * rounds / (time.perf_counter() - start) / 1e9
        rows.append([name, "%.3g GB/s" % rate])
        context.fact(name, "%.3g GB/s" % rate)
        if name == "all_reduce":
            data.fill_(1)
            work()
            context.measure("sum of ones", (data != n).sum(), EXACT)
    context.figure("table", "Bus bandwidth, %d processes" % n, columns=["collective", "rate"], rows=rows)


def _synchronize(torch: Any, context: CheckContext) -> None:
    if context.on_gpu:
        torch.cuda.synchronize()
