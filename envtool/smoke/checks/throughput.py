"""How fast it is: information, never a verdict. What is judged is that the fast result is also the right one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Optional

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


def _data_sheet(torch: Any) -> Optional[tuple[int, int]]:
    name = torch.cuda.get_device_name()
    fitting = [key for key in DATA_SHEETS if key in name]
    return DATA_SHEETS[max(fitting, key=len)] if fitting else None


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

    n = 8192 if lab.on_gpu else 512
    sheet, rows = _data_sheet(torch) if lab.on_gpu else None, []
    dtypes = ("float64", "float32", "float16", "bfloat16") if lab.on_gpu else ("float64", "float32", "bfloat16")
    gates = {"float64": BANDS[0], "float32": BANDS[1], "float16": BANDS[2], "bfloat16": BANDS[3]}
    for name in dtypes:
        size = 2048 if lab.on_gpu and name == "float64" else n
        a, b = (torch.randn(size, size, device=lab.device, dtype=torch.float32).to(getattr(torch, name)) for _ in "ab")
        rate = 2 * size**3 / seconds_of(torch, lab.on_gpu, lambda: a @ b) / 1e12
        want = a[:4].double().cpu() @ b.double().cpu()
        band, _, high = gates[name]
        lab.measure("%s is right" % name, relative((a @ b)[:4], want), Gate(high, "error band of " + band))
        of_sheet = "%.0f %%" % (100 * rate / sheet[0]) if sheet and name == "bfloat16" else ""
        rows.append(["%s, %d cubed" % (name, size), "%.3g TFLOP/s" % rate, of_sheet])
        lab.note(name, "%.3g TFLOP/s" % rate)
    lab.figure("table", "Matrix products", columns=["what", "rate", "of the data sheet"], rows=rows)


@check("throughput.copy", family=FAMILY)
def copy(lab: Lab, torch: Any) -> None:
    """Copies within the device and between it and the host in GB/s; what arrives is what was sent."""
    size = (1 << 30) if lab.on_gpu else (1 << 22)  # numbers of 4 bytes: 4 GiB, or 16 MiB
    sheet, rows = _data_sheet(torch) if lab.on_gpu else None, []
    source = torch.arange(size, dtype=torch.int32, device=lab.device)
    target = torch.empty_like(source)
    rate = 2 * 4 * size / seconds_of(torch, lab.on_gpu, lambda: target.copy_(source)) / 1e9  # read and written
    lab.measure("within the device: numbers that differ", (target != source).sum(), EXACT)
    rows.append(
        [
            "within the device, read and written",
            "%.4g GB/s" % rate,
            "%.0f %%" % (100 * rate / sheet[1]) if sheet else "",
        ]
    )
    lab.note("within the device", "%.4g GB/s" % rate)
    if lab.on_gpu:
        part = source[: 1 << 26]
        for kind in ("ordinary", "pinned"):
            host = torch.empty(part.shape, dtype=part.dtype, pin_memory=kind == "pinned")
            for way, work in (("to host", lambda: host.copy_(part)), ("from host", lambda: part.copy_(host))):
                rate = 4 * part.numel() / seconds_of(torch, True, work) / 1e9
                rows.append(["%s, %s memory" % (way, kind), "%.4g GB/s" % rate, ""])
                lab.note("%s, %s" % (way, kind), "%.4g GB/s" % rate)
            lab.measure("%s memory: numbers that differ" % kind, (host.to(lab.device) != part).sum(), EXACT)
    lab.figure("table", "Copies", columns=["what", "rate", "of the data sheet"], rows=rows)


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
    rows = [
        ["convolution %d to %d" % (width, width), "%.4g images/s" % convolution],
        ["training step", "%.4g images/s" % steps],
    ]
    lab.note("training", "%.4g images/s" % steps)
    lab.figure("table", "A small network", columns=["what", "rate"], rows=rows)
