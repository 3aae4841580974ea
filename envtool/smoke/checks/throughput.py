"""How fast it is: information, never a verdict. What is judged is that the fast result is also the right one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable

from ..registry import check
from ..tolerances import EXACT, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "throughput"

# Dense bfloat16 (tensor core) TFLOP/s and memory GB/s by the makers' data sheets. Names as torch tells them, and whole:
# an H200 NVL is slower than an H200, and part of one (MIG) slower still.
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
ROOM = 4 << 30  # bytes that large products and their reference may need


class _Rates:
    """Rates of one check: each is told as a fact and as a row of the report's table."""

    def __init__(self, lab: Lab, torch: Any) -> None:
        self._lab = lab
        self._rows: list[list[str]] = []
        name = torch.cuda.get_device_name() if lab.on_gpu else ""
        self.product, self.memory = DATA_SHEETS.get(name.replace("NVIDIA ", ""), (0, 0))

    def tell(self, what: str, rate: float, unit: str, best: float = 0) -> None:
        """Keep a rate, and its share of the ``best`` that a data sheet promises, where one does."""
        text, share = "%.4g %s" % (rate, unit), "%.0f %%" % (100 * rate / best) if best else ""
        self._rows.append([what, text, share])
        self._lab.note(what, "%s, %s of the data sheet" % (text, share) if share else text)

    def show(self, title: str) -> None:
        """Make the table of the report."""
        width = 3 if any(share for *_, share in self._rows) else 2
        columns = ["what", "rate", "of the data sheet"][:width]
        self._lab.figure("table", title, columns=columns, rows=[row[:width] for row in self._rows])


def seconds_of(torch: Any, gpu: bool, work: Callable[[], Any], budget: float = 0.3) -> float:
    """Return the seconds of one call: the median of as many as fit into ``budget`` seconds, after warming up."""
    clock = _timed_there if gpu else _timed_here
    clock(torch, work, 1)  # kernels are loaded, memory is taken
    times = clock(torch, work, 1)
    for seconds in (budget / 3, budget):  # the first round only brings a card at rest to its clock rate
        times = clock(torch, work, max(1, min(200, int(seconds / max(min(times), 1e-9)))))
    return sorted(times)[len(times) // 2]


def _timed_there(torch: Any, work: Callable[[], Any], calls: int) -> list[float]:
    """Return the seconds of each call on the GPU. Nobody waits between them: it never stands still."""
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(calls + 1)]
    marks[0].record()
    for mark in marks[1:]:
        work()
        mark.record()
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) / 1000 for begin, end in zip(marks, marks[1:])]


def _timed_here(torch: Any, work: Callable[[], Any], calls: int) -> list[float]:
    marks = [time.perf_counter()]
    for _ in range(calls):
        work()
        marks.append(time.perf_counter())
    return [end - begin for begin, end in zip(marks, marks[1:])]


def _room(torch: Any) -> int:
    """Return how many bytes of the GPU's memory are free when earlier checks have given back theirs."""
    torch.cuda.empty_cache()
    return int(torch.cuda.mem_get_info()[0])


@check("throughput.gemm", family=FAMILY)
def gemm(lab: Lab, torch: Any) -> None:
    """Matrix products per dtype in TFLOP/s; a few rows of each are compared with float64."""
    from ..precision import BANDS, has_tensor_formats, relative

    rates, large = _Rates(lab, torch), lab.on_gpu and _room(torch) > ROOM
    gates = dict(zip(("float64", "float32", "float16", "bfloat16"), BANDS))
    for name, (band, _, high) in gates.items():
        if name == "float16" and not lab.on_gpu:
            continue  # CPUs have it for storage
        if name == "bfloat16" and lab.on_gpu and not has_tensor_formats():
            continue  # before Ampere it is imitated, if anything
        n = 512 if not lab.on_gpu else 8192 if large and name != "float64" else 2048
        a, b = (torch.randn(n, n, device=lab.device).to(getattr(torch, name)) for _ in "ab")
        rate = 2 * n**3 / seconds_of(torch, lab.on_gpu, lambda: a @ b) / 1e12
        want = a[:4].double().cpu() @ b.double().cpu()
        lab.measure("%s is right" % name, relative((a @ b)[:4], want), Gate(high, "error band of " + band))
        rates.tell("%s, %d cubed" % (name, n), rate, "TFLOP/s", rates.product if name == "bfloat16" else 0)
    rates.show("Matrix products")


@check("throughput.copy", family=FAMILY)
def copy(lab: Lab, torch: Any) -> None:
    """Copies within the device and between it and the host in GB/s; what arrives is what was sent."""
    rates, size = _Rates(lab, torch), 1 << 22  # numbers of 4 bytes: 16 MiB
    if lab.on_gpu:
        size = min(1 << 30, _room(torch) // 16)  # 4 GiB, twice, where there is room for it
    source = torch.arange(size, dtype=torch.int32, device=lab.device)
    target = torch.empty_like(source)
    rate = 2 * 4 * size / seconds_of(torch, lab.on_gpu, lambda: target.copy_(source)) / 1e9
    lab.measure("within the device: numbers that differ", (target != source).sum(), EXACT)
    rates.tell("within the device, read and written", rate, "GB/s", rates.memory)
    if lab.on_gpu:
        part = source[: 1 << 26]
        for kind in ("ordinary", "pinned"):
            host = torch.empty(part.shape, dtype=part.dtype, pin_memory=kind == "pinned")
            for way, work in (("to host", lambda: host.copy_(part)), ("from host", lambda: part.copy_(host))):
                rates.tell(
                    "%s, %s memory" % (way, kind), 4 * part.numel() / seconds_of(torch, True, work) / 1e9, "GB/s"
                )
            lab.measure("%s memory: numbers that differ" % kind, (host.to(lab.device) != part).sum(), EXACT)
    rates.show("Copies")


@check("throughput.training", family=FAMILY)
def training(lab: Lab, torch: Any) -> None:
    """A convolution and a training step of a small network in images per second; training lowers the loss."""
    from ..precision import tf32

    nn = torch.nn
    batch, width, side = (256, 64, 64) if lab.on_gpu else (16, 16, 24)
    x = torch.randn(batch, 3, side, side, device=lab.device)
    y = torch.randint(10, (batch,), device=lab.device)
    net = nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(width, 10),
    ).to(lab.device)  # fmt: skip
    optimizer, loss_of = torch.optim.SGD(net.parameters(), lr=0.05), nn.CrossEntropyLoss()
    inner = net[:4](x).detach()
    with tf32(products=False):  # what torch does unless told otherwise
        convolution = batch / seconds_of(torch, lab.on_gpu, lambda: net[4](inner))
    first = float(loss_of(net(x), y).detach())

    def step() -> None:
        optimizer.zero_grad()
        loss_of(net(x), y).backward()
        optimizer.step()

    with tf32(products=False):
        steps = batch / seconds_of(torch, lab.on_gpu, step)
    last = float(loss_of(net(x), y).detach())
    lab.measure("loss after / before", last / first, Gate(1.0, "steps downhill on one batch"))
    rates = _Rates(lab, torch)
    rates.tell("convolution, %d to %d channels" % (width, width), convolution, "images/s")
    rates.tell("training step", steps, "images/s")
    rates.show("A small network")
