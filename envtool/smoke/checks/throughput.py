"""How fast it is: information, never a verdict. What is judged is that the fast result is also the right one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable

from ..gates import EXACT, Gate
from ..registry import check

if TYPE_CHECKING:
    from ..lab import Lab

FAMILY = "throughput"

# Dense bfloat16 (tensor core) TFLOP/s and memory GB/s by the makers' data sheets; the longest name that fits counts.
DATA_SHEETS = {
    "B200": (2250, 8000),
    "H200": (989, 4800),
    "H100 PCIe": (756, 2000),
    "H100": (989, 3350),
    "GH200": (989, 4000),
    "A100": (312, 2039),
    "L40S": (362, 864),
    "L4": (121, 300),
    "A10": (125, 600),
    "RTX 5090": (209, 1792),
    "RTX 4090": (165, 1008),
    "RTX 3090": (71, 936),
}


class _Rates:
    """Rates of one check: each is told as a fact and as a row of the report's table."""

    def __init__(self, lab: Lab, torch: Any) -> None:
        self._lab = lab
        self._rows: list[list[str]] = []
        name = torch.cuda.get_device_name() if lab.on_gpu else ""
        fitting = max((key for key in DATA_SHEETS if key in name), key=len, default="")
        self.product, self.memory = DATA_SHEETS.get(fitting, (0, 0))

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
    for _ in range(3):
        work()
    times: list[float] = []
    ends = time.perf_counter() + budget
    while len(times) < 5 or (time.perf_counter() < ends and len(times) < 200):
        if gpu:
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            work()
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end) / 1000)
        else:
            begun = time.perf_counter()
            work()
            times.append(time.perf_counter() - begun)
    return sorted(times)[len(times) // 2]


@check("throughput.gemm", family=FAMILY)
def gemm(lab: Lab, torch: Any) -> None:
    """Matrix products per dtype in TFLOP/s; a few rows of each are compared with float64."""
    from ..precision import BANDS, relative

    rates = _Rates(lab, torch)
    gates = dict(zip(("float64", "float32", "float16", "bfloat16"), BANDS))
    for name, (band, _, high) in gates.items():
        if name == "float16" and not lab.on_gpu:
            continue  # CPUs have it for storage
        n = 512 if not lab.on_gpu else 2048 if name == "float64" else 8192
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
        size = min(1 << 30, torch.cuda.mem_get_info()[0] // 16)  # 4 GiB, twice, where there is room for it
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
    convolution = batch / seconds_of(torch, lab.on_gpu, lambda: net[4](inner))
    first = float(loss_of(net(x), y).detach())

    def step() -> None:
        optimizer.zero_grad()
        loss_of(net(x), y).backward()
        optimizer.step()

    steps = batch / seconds_of(torch, lab.on_gpu, step)
    last = float(loss_of(net(x), y).detach())
    lab.measure("loss after / before", last / first, Gate(1.0, "steps downhill on one batch"))
    rates = _Rates(lab, torch)
    rates.tell("convolution, %d to %d channels" % (width, width), convolution, "images/s")
    rates.tell("training step", steps, "images/s")
    rates.show("A small network")
