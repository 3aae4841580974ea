"""Probes: one layer of the stack each, from the first kernel upwards.

What breaks its process by design, or loads libraries that may, has one of its own. The others may crash as well: the
supervisor then goes on with a new process, and so it does after an error on a GPU, which would stay with the old one.
"""

from __future__ import annotations

import gc
import os
import re
from typing import TYPE_CHECKING, Any

from ..registry import Skip, check
from ..tolerances import EXACT, F64, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "probes"
CUDNN_WHEEL = re.compile(r"nvidia[-_]cudnn[-_]cu\d+$", re.IGNORECASE)  # not its frontend, which counts for itself


@check("probe.import", family=FAMILY, suite="quick", vital=True)
def imported(lab: Lab, torch: Any) -> None:
    """torch can be imported and count, is the version that its metadata names, and sees the device."""
    from importlib.metadata import PackageNotFoundError, version

    from ..facts import nvidia_card

    lab.note("torch", "%s in %s" % (torch.__version__, os.path.dirname(torch.__file__)))
    lab.exact("1 + 1", torch.ones(2).sum(), 2.0)
    try:
        named = version("torch")
    except PackageNotFoundError:
        named = str(torch.__version__)  # built here, and run from its sources
    lab.holds("metadata says %s" % named, str(torch.__version__).split("+")[0] == named.split("+")[0])
    if lab.on_gpu and not torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if not torch.version.cuda:
            reason = "torch is a build for CPUs only"
        elif visible is not None:
            reason = "CUDA_VISIBLE_DEVICES=%r leaves nothing of it, or its CUDA could not start" % visible
        else:
            reason = "its CUDA could not start: look at the driver"
        if nvidia_card():
            raise RuntimeError(
                "there is an NVIDIA card, but torch %s does not see it: %s" % (torch.__version__, reason)
            )
        raise RuntimeError("torch sees no GPU")


@check("probe.architecture", family=FAMILY, suite="quick", device="gpu", vital=True)
def architecture(lab: Lab, torch: Any) -> None:
    """The build has machine code for this GPU: the same major architecture, and no newer a minor one."""
    major, minor = torch.cuda.get_device_capability()
    built = [a for a in torch.cuda.get_arch_list() if a.startswith("sm_")]
    numbers = [int("".join(c for c in a[3:] if c.isdigit())) for a in built]
    fits = any(n // 10 == major and n % 10 <= minor for n in numbers)
    lab.note("built for", built)
    lab.holds("machine code for sm_%d%d among %s" % (major, minor, " ".join(built)), fits or torch.version.hip)


@check("probe.native", family=FAMILY, suite="quick", vital=True, alone="gpu", limit=90)
def native(lab: Lab, torch: Any) -> None:
    """The first kernel: fill, add, arange and rand. Broken builds pass every product and fail here."""
    x = torch.arange(4096.0, device=lab.device)
    lab.exact("0 + 1 + ... + 4095, doubled", (x + x).double().sum(), 16773120.0)
    lab.exact("fill_", torch.empty(1000, device=lab.device).fill_(3), torch.full((1000,), 3.0))
    r = torch.rand(100_000, device=lab.device)
    lab.sigmas("mean of rand", r.double().mean(), 0.5, (1 / 12 / 100_000) ** 0.5)
    lab.holds("rand is in [0, 1)", bool(((r >= 0) & (r < 1)).all()))
    lab.near("linspace", torch.linspace(0, 1, 11, device=lab.device), torch.arange(11) / 10)
    order = torch.randperm(1000, device=lab.device)
    lab.exact("sort", order.sort().values, torch.arange(1000))
    # Odd sizes past 2^16: a remainder of every block, and indices that 16 bits do not hold. All of it is exact.
    n = 100_003
    x = torch.arange(n, device=lab.device)
    ones, falling = torch.ones(n, device=lab.device), x.flip(0)
    for dtype in (torch.float32, torch.int64):
        y = x.to(dtype)
        lab.exact("%d numbers, added" % n, y + y, torch.arange(0, 2 * n, 2))
        lab.exact("%d numbers, multiplied" % n, y * 3, torch.arange(0, 3 * n, 3))
        lab.exact("%d numbers, largest" % n, y.max(), n - 1)
    lab.exact("%d ones, summed" % n, ones.sum(), n)
    lab.exact("%d in the last of as many places, averaged" % n, (n * (x == n - 1)).float().mean(), 1)
    lab.exact("a table of ones, summed down", torch.ones(1003, 7, device=lab.device).sum(0), torch.full((7,), 1003))
    lab.exact("a table of ones, summed along", torch.ones(7, 1003, device=lab.device).sum(1), torch.full((7,), 1003))
    lab.exact("%d ones, summed up" % n, ones.cumsum(0), torch.arange(1, n + 1))
    lab.exact("argmax", x.argmax(), n - 1)
    lab.exact("sort of %d" % n, falling.sort().values, torch.arange(n))
    lab.exact("gather", (2 * x).gather(0, falling), 2 * (n - 1) - torch.arange(0, 2 * n, 2))
    lab.exact("index", (2 * x)[falling], 2 * (n - 1) - torch.arange(0, 2 * n, 2))
    few = torch.zeros(10, device=lab.device)
    counts = torch.tensor([len(range(digit, n, 10)) for digit in range(10)])
    lab.exact("scatter_add", few.scatter_add(0, x % 10, ones), counts)
    lab.exact("index_add", few.index_add(0, x % 10, ones), counts)


@check("probe.random", family=FAMILY, suite="quick")
def random(lab: Lab, torch: Any) -> None:
    """rand and randn by their moments, permutations, bounds of integers, and a state that can be gone back to."""
    n = 100_000
    u, z = (draw(n, device=lab.device).double() for draw in (torch.rand, torch.randn))
    for k in (1, 2, 4):
        deviation = (1 / (2 * k + 1) - 1 / (k + 1) ** 2) ** 0.5
        lab.sigmas("rand, mean of u^%d" % k, (u**k).mean(), 1 / (k + 1), (deviation**2 / n) ** 0.5)
    for k, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        lab.sigmas("randn, mean of z^%d" % k, (z**k).mean(), moment, (variance / n) ** 0.5)
    different = u.unique().numel() / n
    lab.measure("rand, share of different numbers", different, Gate(0.98, "0.997 of 2^24 values", floor=True))
    order = torch.randperm(1003, device=lab.device)
    lab.exact("randperm has everything once", order.sort().values, torch.arange(1003))
    lab.holds("randperm mixes", not torch.equal(order.cpu(), torch.arange(1003)))
    dice = torch.randint(1, 7, (10_000,), device=lab.device)
    lab.exact("randint(1, 7)", dice.unique(), torch.arange(1, 7))
    generator = torch.Generator(lab.device)
    state = generator.get_state()
    draws = [torch.randn(1003, generator=generator, device=lab.device) for _ in range(2)]
    generator.set_state(state)
    again = torch.randn(1003, generator=generator, device=lab.device)
    lab.exact("the same state", again, draws[0])
    lab.holds("the next draw is another", not torch.equal(*draws))


@check("probe.copies", family=FAMILY, suite="quick")
def copies(lab: Lab, torch: Any) -> None:
    """Random blocks to the device, within it and back, from ordinary and from pinned memory, bit for bit."""
    for size in (1, 1023, 1 << 20):
        block = lab.integers(2**31 - 1, size)
        for pinned in (False, True) if lab.on_gpu else (False,):
            there = (block.pin_memory() if pinned else block).to(lab.device, non_blocking=pinned)
            lab.exact("%d numbers%s" % (size, ", pinned" if pinned else ""), there.clone().cpu(), block)
            lab.exact("%d numbers, strided" % size, there[::3].contiguous().cpu(), block[::3])
            lab.exact("%d numbers, summed there" % size, there.sum(), sum(block.tolist()))
    table = lab.randn(1024, 1031)
    there = lab.here(table)
    lab.exact("a table", there.clone(), table)
    lab.exact("a table, turned over", there.T.contiguous(), torch.stack(table.unbind(1)))


@check("probe.gemm", family=FAMILY, suite="quick")
def gemm(lab: Lab, torch: Any) -> None:
    """Matrix products in every dtype against float64; the error tells which arithmetic was really used."""
    from ..precision import BANDS, band, has_tensor_formats, relative

    # 257, 321, 193: whatever the size of a tile, something is left over. Summed element by element: no product.
    a, b = lab.randn(257, 321), lab.randn(321, 193)
    want = torch.stack([(row[:, None] * b).sum(0) for row in a])
    names = {"float64": "float64", "float32": "ieee float32", "float16": "TF32 or float16", "bfloat16": "bfloat16"}
    limits = {name: high for name, _, high in BANDS}
    errors = {}
    for dtype, expected in names.items():
        try:
            x, y = lab.here(a, b, dtype=getattr(torch, dtype))
            got = x @ y
        except RuntimeError as error:
            if dtype == "float16" and not lab.on_gpu:
                continue  # CPUs could not multiply halves before torch 2.2
            if dtype == "bfloat16" and lab.on_gpu and not has_tensor_formats():
                continue  # Pascal cannot, Volta and Turing imitate it
            raise error
        errors[dtype] = relative(got, want)
        lab.note(dtype, "%.2g: %s" % (errors[dtype], band(errors[dtype])))
        source = "error band of %s: the bands do not overlap" % expected
        lab.measure(dtype, errors[dtype], Gate(limits[expected], source))
    x, y = lab.here(a, b)
    full = Gate(5e-6, "error band of ieee float32")
    lab.measure("of matrices that lie turned over", relative(x.T.contiguous().T @ y.T.contiguous().T, want), full)
    m, n, c = lab.randn(5, 9, 7), lab.randn(5, 7, 6), lab.randn(5, 9, 6)
    each = (m[..., None] * n[:, None]).sum(2)
    here = lab.here(c, m, n, dtype=torch.float64)
    lab.near("batched", torch.bmm(*here[1:]), each, F64)
    lab.near("batched, added", torch.baddbmm(*here, beta=0.5, alpha=2.0), 0.5 * c + 2 * each, F64)
    lab.near("added", torch.addmm(*(t[0] for t in here), beta=0.5, alpha=2.0), 0.5 * c[0] + 2 * each[0], F64)
    lab.figure("bars", "Error of a matrix product by dtype, and the bands", bars=errors, bands=BANDS, log=True)


@check("probe.tf32", family=FAMILY, device="gpu")
def tf32(lab: Lab, torch: Any) -> None:
    """Asked for TF32, products and convolutions may use it (from Ampere on); asked for IEEE again, they do not."""
    from .. import precision

    if not precision.has_tensor_formats():
        raise Skip("TF32 begins with compute capability 8.0")
    a, b = lab.randn(512, 512), lab.randn(512, 512)
    image, kernel = lab.randn(4, 64, 16, 16), lab.randn(64, 64, 3, 3)
    subjects = (("product", torch.matmul, a, b), ("convolution", torch.conv2d, image, kernel))
    for name, function, *inputs in subjects:
        want, here = function(*inputs), lab.here(*inputs)
        with precision.tf32():
            used = precision.band(precision.relative(function(*here), want))
        lab.note("%s, TF32 asked for" % name, used)
        error = precision.relative(function(*here), want)
        lab.measure("%s, IEEE asked for again" % name, error, Gate(5e-6, "error band of ieee float32"))


@check("probe.convolution", family=FAMILY, suite="quick")
def convolution(lab: Lab, torch: Any) -> None:
    """A convolution forward and backward against its sum over windows; on a GPU with cuDNN and without."""
    from ..precision import without_cudnn

    def by_hand(x: Any, w: Any) -> Any:
        columns = torch.nn.functional.unfold(x, 3, padding=1, stride=2)
        return (w.flatten(1) @ columns).reshape(x.shape[0], w.shape[0], 4, 7)

    x, w = lab.randn(2, 5, 7, 13), lab.randn(6, 5, 3, 3)
    function = torch.nn.functional.conv2d
    lab.agree("conv2d", lambda x, w: function(x, w, stride=2, padding=1), by_hand, x, w)
    if not lab.on_gpu:
        return
    with without_cudnn():
        lab.agree("without cuDNN", lambda x, w: function(x, w, stride=2, padding=1), by_hand, x, w)
    _cudnn_versions(lab, torch)


def _cudnn_versions(lab: Lab, torch: Any) -> None:
    """The version triple: what torch was compiled with, what is loaded, and what pip installed for it."""
    from importlib.metadata import distributions

    if torch.version.hip or not torch.backends.cudnn.is_available():
        lab.note("cuDNN", "not part of this torch")
        return
    number, built = torch.backends.cudnn.version(), torch._C._cudnn.getCompileVersion()
    loaded = (number // 1000, number % 1000 // 100) if number < 90000 else (number // 10000, number % 10000 // 100)
    wheels = [d.version for d in distributions() if CUDNN_WHEEL.match(str(d.metadata["Name"]))]
    lab.note("cuDNN", "loaded %s, compiled with %s, installed %s" % (number, built, wheels or "not by pip"))
    lab.holds("cuDNN loaded and compiled with: one major version", loaded[0] == built[0])
    for version in wheels:
        installed = tuple(int(part) for part in version.split(".")[:2])
        lab.holds("cuDNN loaded is the installed one, %s" % version, loaded == installed)


@check("probe.fft", family=FAMILY, suite="quick")
def fft(lab: Lab, torch: Any) -> None:
    """A Fourier transform against its sum, there and back, and Parseval's identity."""
    import math

    for n in (48, 45, 47):  # powers of 2 and 3, odd, prime
        x, k = lab.randn(3, n), torch.arange(n, dtype=torch.float64)
        phase = -2 * math.pi * torch.outer(k, k) / n
        half = n // 2 + 1
        here = lab.here(x, dtype=torch.float64)
        y = torch.fft.fft(here)
        lab.near("%d, real part" % n, y.real, x @ phase.cos(), F64)
        lab.near("%d, imaginary part" % n, y.imag, x @ phase.sin(), F64)
        lab.near("%d, there and back" % n, torch.fft.ifft(y).real, x, F64)
        lab.near("%d, Parseval" % n, (y.abs() ** 2).sum(1) / n, (x**2).sum(1), F64)
        lab.near("%d, orthonormal" % n, torch.fft.fft(here, norm="ortho").real, x @ phase.cos() / n**0.5, F64)
        real = torch.fft.rfft(here)
        lab.near("%d, of real numbers" % n, torch.view_as_real(real), torch.view_as_real(y[:, :half]), F64)
        lab.near("%d, of real numbers, there and back" % n, torch.fft.irfft(real, n), x, F64)
        lab.agree("%d, cosine part" % n, lambda x: torch.fft.fft(x).real, lambda x, p=phase: x @ p.cos(), x)
    z = lab.here(lab.randn(2, 8, 9), dtype=torch.float64)
    flat = torch.fft.fft2(z)
    twice = torch.fft.fft(torch.fft.fft(z, dim=1), dim=2)
    lab.near("in two dimensions", torch.view_as_real(flat), torch.view_as_real(twice), F64)
    lab.near("in two, of real numbers", torch.view_as_real(torch.fft.rfft2(z)), torch.view_as_real(flat[..., :5]), F64)
    lab.near("rfft2 there and back", torch.fft.irfft2(torch.fft.rfft2(z), s=(8, 9)), z, F64)


@check("probe.solver", family=FAMILY, suite="quick")
def solver(lab: Lab, torch: Any) -> None:
    """Solve, Cholesky, QR, SVD and eigenvalues by their residuals and orthogonality."""
    a, b = lab.here(lab.randn(24, 24), lab.randn(24, 3), dtype=torch.float64)
    spd, eye = a @ a.T + torch.eye(24, device=a.device), torch.eye(24, dtype=torch.float64)
    gate = Gate(1e-10, "float64 rounding of a system of 24; at most 1e-13 in 30 seeds")
    lab.near("solve", spd @ torch.linalg.solve(spd, b), b, gate)
    lopsided = a + 10 * torch.eye(24, device=a.device)
    lab.near("solve, not symmetric", lopsided @ torch.linalg.solve(lopsided, b), b, gate)
    factor = torch.linalg.cholesky(spd)
    lab.near("Cholesky", factor @ factor.T, spd, gate)
    lab.exact("Cholesky's factor is a lower triangle", factor, factor.tril())
    q, r = torch.linalg.qr(a)
    lab.near("QR", q @ r, a, gate)
    lab.near("Q is orthogonal", q.T @ q, eye, gate)
    lab.near("R is an upper triangle", r, r.triu(), gate)
    u, s, v = torch.linalg.svd(a)
    lab.near("SVD", u @ torch.diag(s) @ v, a, gate)
    lab.near("U is orthogonal", u.T @ u, eye, gate)
    lab.near("V is orthogonal", v @ v.T, eye, gate)
    lab.holds("singular values fall", bool((s[1:] <= s[:-1]).all()))
    values, vectors = torch.linalg.eigh(spd)
    lab.near("eigenvectors", spd @ vectors, vectors * values, gate)
    lab.near("eigenvectors are orthogonal", vectors.T @ vectors, eye, gate)
    lab.holds("eigenvalues rise", bool((values[1:] >= values[:-1]).all()))
    lab.near("trace", values.sum(), spd.diagonal().sum(), gate)


@check("probe.sparse", family=FAMILY, suite="quick")
def sparse(lab: Lab, torch: Any) -> None:
    """Sparse matrices, COO and CSR, times dense ones against dense products."""
    dense = lab.randn(20, 30) * (lab.rand(20, 30) < 0.2)
    x = lab.randn(30, 4)
    here, y = lab.here(dense, x)
    lab.near("COO", torch.sparse.mm(here.to_sparse(), y), dense @ x)
    lab.near("CSR", here.to_sparse_csr() @ y, dense @ x)
    lab.exact("stored elements", here.to_sparse()._nnz(), (dense != 0).sum())
    lab.exact("and dense again", here.to_sparse().to_dense(), dense)
    places = torch.tensor([[0, 1, 0, 2], [3, 1, 3, 0]], device=lab.device)
    pile = torch.sparse_coo_tensor(places, torch.tensor([1.0, 2.0, 4.0, 8.0], device=lab.device), (3, 4))
    lab.exact("one place twice is a sum", pile.coalesce().values(), torch.tensor([5.0, 2.0, 8.0]))
    leaf = y.clone().requires_grad_()
    pull = lab.randn(20, 4)
    torch.sparse.mm(here.to_sparse(), leaf).backward(lab.here(pull))
    lab.near("gradient", leaf.grad, dense.T @ pull)


@check("probe.compile", family=FAMILY, alone="always", limit=240, advisory=True)
def compiled(lab: Lab, torch: Any) -> None:
    """torch.compile gives what eager mode gives, forward and backward; it needs a C++ compiler (on a GPU, Triton)."""
    if not hasattr(torch, "compile"):
        raise Skip("torch %s has no torch.compile" % torch.__version__)
    # One compiler at a time, and no precompiled headers: they cost more than they save for two functions.
    os.environ.update(TORCHINDUCTOR_COMPILE_THREADS="1", TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS="0")

    def function(x: Any, w: Any) -> Any:
        return torch.tanh(x @ w).pow(2).sum(1) + torch.nn.functional.gelu(x).mean()

    x, w = lab.randn(8, 6), lab.randn(6, 5)
    leaves = [t.requires_grad_() for t in lab.here(x, w)]
    y = torch.compile(function)(*leaves)
    gradients = torch.autograd.grad(y.sum(), leaves)
    wanted = [t.clone().requires_grad_() for t in (x, w)]
    want = function(*wanted)
    lab.near("value", y, want)
    for name, got, right in zip("xw", gradients, torch.autograd.grad(want.sum(), wanted)):
        lab.near("gradient of " + name, got, right)


@check("probe.torchvision", family=FAMILY, alone="always")
def vision(lab: Lab, torch: Any, torchvision: Any) -> None:
    """torchvision's own kernels run on the device: non-maximum suppression and RoI align against plain torch."""
    from .. import detection

    boxes, scores = detection.random_boxes(lab, 60)
    got = torchvision.ops.nms(*lab.here(boxes, scores), 0.4)
    lab.exact("nms", got, detection.nms(boxes, scores, 0.4))
    image, rois = lab.randn(1, 3, 16, 16), torch.tensor([[0, 1.3, 2.1, 9.7, 12.2], [0, 4.0, 0.5, 15.0, 7.5]]).double()
    aligned = torchvision.ops.roi_align(*lab.here(image, rois), output_size=3, sampling_ratio=2, aligned=True)
    lab.near("roi_align", aligned, detection.roi_align(image, rois, 3, 2))


@check("probe.assertion", family=FAMILY, device="gpu", alone="always")
def assertion(lab: Lab, torch: Any) -> None:
    """A device-side assert arrives as a Python exception, not as a crash."""

    def outside() -> None:
        torch.zeros(4, device=lab.device)[torch.tensor([10], device=lab.device)].cpu()

    lab.raises("index 10 of 4", outside, RuntimeError)


@check("probe.libraries", family=FAMILY, suite="quick", device="gpu")
def libraries(lab: Lab, torch: Any) -> None:
    """Each CUDA library is loaded once: a second copy, from LD_LIBRARY_PATH, breaks backward passes."""
    if not os.path.exists("/proc/self/maps"):
        raise Skip("this system does not tell which libraries are loaded")
    torch.ones(2, device=lab.device) @ torch.ones(2, device=lab.device)
    with open("/proc/self/maps") as file:
        paths = {line.split()[-1] for line in file if ".so" in line}
    wanted = (
        "libcudart",
        "libcublas.",
        "libcublasLt",
        "libcudnn.",
        "libnvJitLink",
        "libcusparse.",
        "libnccl",
        "libnvrtc.",
    )
    found = {w.rstrip("."): sorted(p for p in paths if os.path.basename(p).startswith(w)) for w in wanted}
    for name, places in found.items():
        lab.note(name, places)
        if places:
            lab.measure("copies of " + name, len(places), Gate(1, "two copies do not agree on their state"))
    # In WSL the driver is loaded by a small library of the same name.
    drivers = [p for p in paths if "libcuda.so" in p and not p.startswith("/usr/lib/wsl/lib/")]
    lab.note("driver", sorted(drivers))
    lab.measure("driver libraries", len(drivers), Gate(1, "one driver"))


@check("probe.memory", family=FAMILY, suite="quick", device="gpu")
def memory(lab: Lab, torch: Any) -> None:
    """Memory that is let go of is free again; what is in use is told."""
    gc.collect()  # what earlier checks left in cycles is not to go now
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    block = torch.ones(1 << 24, device=lab.device)
    lab.measure(
        "64 MiB are counted",
        abs(torch.cuda.memory_allocated() - before - (1 << 26)),
        Gate(4096, "the allocator's grain"),
    )
    del block
    lab.measure("and given back", torch.cuda.memory_allocated() - before, EXACT)
    free, total = torch.cuda.mem_get_info()
    lab.note("free of total, GiB", "%.1f of %.1f" % (free / 2**30, total / 2**30))


@check("probe.streams", family=FAMILY, device="gpu")
def streams(lab: Lab, torch: Any) -> None:
    """A second stream, events and a captured graph give what one stream gives."""
    x = lab.here(lab.randn(64, 64))
    want = x @ x + 1
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        got = x @ x + 1
    torch.cuda.current_stream().wait_stream(side)
    lab.near("second stream", got, want)  # cuBLAS may choose another kernel there
    graph, held = torch.cuda.CUDAGraph(), x.clone()
    with torch.cuda.graph(graph):
        out = held * 2 + 1
    held.copy_(x + 1)
    graph.replay()
    lab.near("captured graph", out, (x + 1) * 2 + 1)


@check("probe.peers", family=FAMILY, device="gpu")
def peers(lab: Lab, torch: Any) -> None:
    """A random block goes from each GPU to each other and arrives bit for bit: some boards corrupt it silently."""
    count = torch.cuda.device_count()
    if count < 2:
        raise Skip("only one GPU is visible")
    block = lab.integers(2**31 - 1, 1 << 22)
    for a in range(count):
        there = block.to("cuda:%d" % a)
        for b in range(count):
            if a != b:
                lab.exact("GPU %d to GPU %d" % (a, b), there.to("cuda:%d" % b), block)


@check("probe.autocast", family=FAMILY, suite="quick")
def autocast(lab: Lab, torch: Any) -> None:
    """Under autocast products are bfloat16 (float16 before Ampere), losses float32; outside nothing of it is left."""
    from ..precision import has_tensor_formats, relative

    x, w = lab.randn(64, 48), lab.randn(48, 32)
    a, b = lab.here(x, w)
    b.requires_grad_()
    low = torch.float16 if lab.on_gpu and not has_tensor_formats() else torch.bfloat16
    with torch.autocast(lab.device.type, dtype=low):
        product = a @ b
        loss = (product.float() ** 2).mean()
        convolved = torch.nn.functional.conv2d(a[None, None], b[None, None, :3, :3])
        distance = torch.nn.functional.mse_loss(product, lab.here(x @ w + 1))
    lab.holds("product is %s" % str(low)[6:], product.dtype == low)
    lab.holds("convolution is %s" % str(low)[6:], convolved.dtype == low)
    lab.holds("loss is float32", distance.dtype == torch.float32)
    lab.near("loss", distance, ((product.detach().double().cpu() - (x @ w + 1)) ** 2).mean())
    lab.holds("outside it is float32", (a @ b).dtype == torch.float32)
    band = Gate(8e-3, "error band of bfloat16")
    lab.measure("product", relative(product, x @ w), band)
    loss.backward()
    lab.measure("gradient", relative(b.grad, 2 * x.T @ (x @ w) / (64 * 32)), Gate(2e-2, "two products in bfloat16"))
    lab.measure("outside, product", relative(a @ b, x @ w), Gate(5e-6, "error band of ieee float32"))
    lab.exact("float64 is left alone", torch.zeros(1, dtype=torch.float64).dtype == torch.float64, True)


@check("probe.gradcheck", family=FAMILY)
def gradcheck(lab: Lab, torch: Any) -> None:
    """Analytic gradients against finite differences in float64, through a network of the bundle's layers."""
    nn = torch.nn
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.GroupNorm(2, 4),
        nn.Softplus(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    lab.shaken(net).to(lab.device, torch.float64)
    x = lab.here(lab.randn(2, 2, 4, 4), dtype=torch.float64).requires_grad_()
    fine = torch.autograd.gradcheck(net, (x,), eps=1e-6, atol=1e-5, rtol=1e-3, nondet_tol=1e-10, raise_exception=False)
    lab.holds("gradcheck", fine)
    leaf = lab.here(lab.randn(5), dtype=torch.float64).requires_grad_()
    for _ in range(2):
        (leaf**3).sum().backward()
    lab.near("gradients of two passes pile up", leaf.grad, 6 * leaf.detach() ** 2, F64)
    (slope,) = torch.autograd.grad((leaf**3).sum(), leaf, create_graph=True)
    (bend,) = torch.autograd.grad((slope * slope).sum(), leaf)
    lab.near("a gradient of a gradient", bend, 36 * leaf.detach() ** 3, F64)
    step, direction = 1e-5, lab.here(lab.randn(2, 2, 4, 4), dtype=torch.float64)
    with torch.no_grad():
        slope = (net(x + step * direction).sum() - net(x - step * direction).sum()) / (2 * step)
    (gradient,) = torch.autograd.grad(net(x).sum(), x)
    lab.near(
        "slope along a random direction",
        slope,
        (gradient * direction).sum(),
        Gate(1e-6, "central differences, step 1e-5"),
    )
