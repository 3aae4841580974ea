"""Throughput of matrix products, copies and training: reported, not judged. Only the correctness of results is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable

from ..registry import check
from ..tolerances import EXACT, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "throughput"

# Dense bfloat16 (tensor core) TFLOP/s and memory bandwidth in GB/s, from NVIDIA's data sheets. Keys are complete device
# names as torch reports them: an H200 NVL is slower than an H200, and a MIG slice of one slower still.
DATA_SHEETS = {
    "B200": (2250, 8000),
    "GH200 480GB": (989, 4000),
    "H200": (989, 4800),
    "H200 NVL": (835, 4800),
    "H100 80GB HBM3": (989, 3350),
    "H100 NVL": (835, 3900),
    "H100 PCIe": (756, 2000),
    "A100-SXM4-80GB": (312, 2039),
    "A100 80GB PCIe": (312, 1935),
    "A100-SXM4-40GB": (312, 1555),
    "A100-PCIE-40GB": (312, 1555),
    "L40S": (362, 864),
    "L40": (181, 864),
    "L4": (121, 300),
    "A10": (125, 600),
    "GeForce RTX 5090": (209, 1792),
    "GeForce RTX 4090": (165, 1008),
    "GeForce RTX 3090": (71, 936),
}
LARGE_PRODUCTS = 4 << 30  # bytes of free GPU memory that large products and their references need


class _Rates:
    """The rates of one check, each recorded as a fact and as a row of a table in the report."""

    def __init__(self, context: CheckContext, torch: Any) -> None:
        self._context = context
        self._rows: list[list[str]] = []
        name = torch.cuda.get_device_name() if context.on_gpu else ""
        self.product, self.memory = DATA_SHEETS.get(name.replace("NVIDIA ", ""), (0, 0))

    def add(self, what: str, rate: float, unit: str, best: float = 0) -> None:
        """Record a rate, and its share of ``best``, the rate on the data sheet, unless that is 0 (unknown)."""
        text, share = "%.4g %s" % (rate, unit), "%.0f %%" % (100 * rate / best) if best else ""
        self._rows.append([what, text, share])
        self._context.fact(what, "%s, %s of the data sheet" % (text, share) if share else text)

    def make_table(self, title: str) -> None:
        """Record the table for the report."""
        width = 3 if any(share for *_, share in self._rows) else 2
        columns = ["what", "rate", "of the data sheet"][:width]
        self._context.figure("table", title, columns=columns, rows=[row[:width] for row in self._rows])


def seconds_of(torch: Any, gpu: bool, work: Callable[[], Any], budget: float = 0.3) -> float:
    """Return the seconds per call: the median of as many calls as fit into ``budget`` seconds, after warm-up."""
    timed = _timed_on_gpu if gpu else _timed_on_cpu
    timed(torch, work, 1)  # loads kernels and allocates memory
    times = timed(torch, work, 1)
    for seconds in (budget / 3, budget):  # the first round only brings an idle GPU to its clock rate
        times = timed(torch, work, max(1, min(200, int(seconds / max(min(times), 1e-9)))))
    return sorted(times)[len(times) // 2]


def _timed_on_gpu(torch: Any, work: Callable[[], Any], calls: int) -> list[float]:
    """Return the seconds of each call on the GPU, without synchronizing in between, so that it is never idle."""
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(calls + 1)]
    marks[0].record()
    for mark in marks[1:]:
        work()
        mark.record()
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) / 1000 for begin, end in zip(marks, marks[1:])]


def _timed_on_cpu(torch: Any, work: Callable[[], Any], calls: int) -> list[float]:
    """Return the seconds of each call on the CPU."""
    marks = [time.perf_counter()]
    for _ in range(calls):
        work()
        marks.append(time.perf_counter())
    return [end - begin for begin, end in zip(marks, marks[1:])]


def _free_memory(torch: Any) -> int:
    """Return the free GPU memory in bytes, after releasing what earlier checks have cached."""
    torch.cuda.empty_cache()
    return int(torch.cuda.mem_get_info()[0])


@check("throughput.gemm", family=FAMILY)
def gemm(context: CheckContext, torch: Any) -> None:
    """Matrix products per dtype in TFLOP/s; four rows of each match float64."""
    from ..precision import BANDS, relative_error, supports_bf16_and_tf32

    rates, large = _Rates(context, torch), context.on_gpu and _free_memory(torch) > LARGE_PRODUCTS
    tolerances = dict(zip(("float64", "float32", "float16", "bfloat16"), BANDS))
    for name, (band, _, high) in tolerances.items():
        if name == "float16" and not context.on_gpu:
            continue  # on CPUs, float16 is a storage format
        if name == "bfloat16" and context.on_gpu and not supports_bf16_and_tf32():
            continue  # emulated at best before Ampere
        n = 512 if not context.on_gpu else 8192 if large and name != "float64" else 2048
        a, b = (torch.randn(n, n, device=context.device).to(getattr(torch, name)) for _ in "ab")
        rate = 2 * n**3 / seconds_of(torch, context.on_gpu, lambda: a @ b) / 1e12
        want = a[:4].double().cpu() @ b.double().cpu()
        context.measure(
            "%s, error" % name, relative_error((a @ b)[:4], want), Tolerance(high, "error range of " + band)
        )
        rates.add("%s, %d cubed" % (name, n), rate, "TFLOP/s", rates.product if name == "bfloat16" else 0)
    rates.make_table("Matrix products")


@check("throughput.copy", family=FAMILY)
def copy(context: CheckContext, torch: Any) -> None:
    """Copies within the device, and between device and host, in GB/s; the copied data is identical."""
    rates, size = _Rates(context, torch), 1 << 22  # int32: 16 MiB
    if context.on_gpu:
        size = min(1 << 30, _free_memory(torch) // 16)  # two copies of up to 4 GiB each
    source = torch.arange(size, dtype=torch.int32, device=context.device)
    target = torch.empty_like(source)
    rate = 2 * 4 * size / seconds_of(torch, context.on_gpu, lambda: target.copy_(source)) / 1e9
    context.measure("within the device: differing numbers", (target != source).sum(), EXACT)
    rates.add("within the device, read and written", rate, "GB/s", rates.memory)
    if context.on_gpu:
        part = source[: 1 << 26]
        for kind in ("ordinary", "pinned"):
            host = torch.empty(part.shape, dtype=part.dtype, pin_memory=kind == "pinned")
            for direction, work in (("to host", lambda: host.copy_(part)), ("from host", lambda: part.copy_(host))):
                rates.add(
                    "%s, %s memory" % (direction, kind), 4 * part.numel() / seconds_of(torch, True, work) / 1e9, "GB/s"
                )
            context.measure("%s memory: differing numbers" % kind, (host.to(context.device) != part).sum(), EXACT)
    rates.make_table("Copies")


@check("throughput.training", family=FAMILY)
def training(context: CheckContext, torch: Any) -> None:
    """A convolution and a training step of a small network in images per second; training reduces the loss."""
    from ..precision import tf32

    nn = torch.nn
    batch, width, side = (256, 64, 64) if context.on_gpu else (16, 16, 24)
    x = torch.randn(batch, 3, side, side, device=context.device)
    y = torch.randint(10, (batch,), device=context.device)
    net = nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(width, 10),
    ).to(context.device)  # fmt: skip
    optimizer, loss_of = torch.optim.SGD(net.parameters(), lr=0.05), nn.CrossEntropyLoss()
    inner = net[:4](x).detach()
    with tf32(products=False):  # torch's default
        convolution = batch / seconds_of(torch, context.on_gpu, lambda: net[4](inner))
    first = float(loss_of(net(x), y).detach())

    def step() -> None:
        optimizer.zero_grad()
        loss_of(net(x), y).backward()
        optimizer.step()

    with tf32(products=False):
        steps = batch / seconds_of(torch, context.on_gpu, step)
    last = float(loss_of(net(x), y).detach())
    context.measure("loss after / before", last / first, Tolerance(1.0, "gradient descent on one batch"))
    rates = _Rates(context, torch)
    rates.add("convolution, %d to %d channels" % (width, width), convolution, "images/s")
    rates.add("training step", steps, "images/s")
    rates.make_table("A small network")
