"""Probes: each verifies one layer of the software stack, from the first kernel upwards.

Checks that break their process by design, or load libraries that may, run in a process of their own. If another check
crashes, or raises an error on a GPU, which persists in its process, the supervisor continues with a new process.
"""

from __future__ import annotations

import gc
import os
import re
from typing import TYPE_CHECKING, Any

from ..registry import Skip, check
from ..tolerances import EXACT, F64, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "probes"
CUDNN_WHEEL = re.compile(
    r"nvidia[-_]cudnn[-_]cu\d+$", re.IGNORECASE
)  # not nvidia-cudnn-frontend, which has its own versions


@check("probe.import", family=FAMILY, suite="quick", vital=True)
def imported(context: CheckContext, torch: Any) -> None:
    """torch can be imported and computes, has the version in its metadata, and sees the device."""
    from importlib.metadata import PackageNotFoundError, version

    from ..facts import nvidia_card

    context.fact("torch", "%s in %s" % (torch.__version__, os.path.dirname(torch.__file__)))
    context.exact("1 + 1", torch.ones(2).sum(), 2.0)
    try:
        metadata_version = version("torch")
    except PackageNotFoundError:
        metadata_version = str(torch.__version__)  # run from its source tree, without metadata
    context.holds(
        "version in the metadata: %s" % metadata_version,
        str(torch.__version__).split("+")[0] == metadata_version.split("+")[0],
    )
    if context.on_gpu and not torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if not torch.version.cuda:
            reason = "it is a CPU-only build"
        elif visible is not None:
            reason = "CUDA_VISIBLE_DEVICES=%r hides it, or CUDA failed to initialize" % visible
        else:
            reason = "CUDA failed to initialize: check the driver"
        if nvidia_card():
            raise RuntimeError(
                "this machine has an NVIDIA GPU, but torch %s does not see it: %s" % (torch.__version__, reason)
            )
        raise RuntimeError("torch sees no GPU")


@check("probe.architecture", family=FAMILY, suite="quick", device="gpu", vital=True)
def architecture(context: CheckContext, torch: Any) -> None:
    """The build contains machine code for this GPU: the same major architecture, and the same or an older minor one."""
    major, minor = torch.cuda.get_device_capability()
    built = [a for a in torch.cuda.get_arch_list() if a.startswith("sm_")]
    numbers = [int("".join(c for c in a[3:] if c.isdigit())) for a in built]
    fits = any(n // 10 == major and n % 10 <= minor for n in numbers)
    context.fact("built for", built)
    context.holds("machine code for sm_%d%d among %s" % (major, minor, " ".join(built)), fits or torch.version.hip)


@check("probe.native", family=FAMILY, suite="quick", vital=True, isolate="gpu", limit=90)
def native(context: CheckContext, torch: Any) -> None:
    """Native kernels such as fill, add, arange and rand. Broken builds may pass all matrix products and fail here."""
    x = torch.arange(4096.0, device=context.device)
    context.exact("0 + 1 + ... + 4095, doubled", (x + x).double().sum(), 16773120.0)
    context.exact("fill_", torch.empty(1000, device=context.device).fill_(3), torch.full((1000,), 3.0))
    r = torch.rand(100_000, device=context.device)
    context.sigmas("mean of rand", r.double().mean(), 0.5, (1 / 12 / 100_000) ** 0.5)
    context.holds("rand is in [0, 1)", bool(((r >= 0) & (r < 1)).all()))
    context.near("linspace", torch.linspace(0, 1, 11, device=context.device), torch.arange(11) / 10)
    order = torch.randperm(1000, device=context.device)
    context.exact("sort", order.sort().values, torch.arange(1000))
    # An odd size above 2^16 leaves a remainder in every block and needs more than 16-bit indices. Results are exact.
    n = 100_003
    x = torch.arange(n, device=context.device)
    ones, descending = torch.ones(n, device=context.device), x.flip(0)
    for dtype in (torch.float32, torch.int64):
        y = x.to(dtype)
        context.exact("sum of two vectors of %d" % n, y + y, torch.arange(0, 2 * n, 2))
        context.exact("multiple of a vector of %d" % n, y * 3, torch.arange(0, 3 * n, 3))
        context.exact("maximum of %d numbers" % n, y.max(), n - 1)
    context.exact("sum of %d ones" % n, ones.sum(), n)
    context.exact("mean of %d numbers, all 0 but the last" % n, (n * (x == n - 1)).float().mean(), 1)
    context.exact("column sums of ones", torch.ones(1003, 7, device=context.device).sum(0), torch.full((7,), 1003))
    context.exact("row sums of ones", torch.ones(7, 1003, device=context.device).sum(1), torch.full((7,), 1003))
    context.exact("cumulative sum of %d ones" % n, ones.cumsum(0), torch.arange(1, n + 1))
    context.exact("argmax", x.argmax(), n - 1)
    context.exact("sort of %d" % n, descending.sort().values, torch.arange(n))
    context.exact("gather", (2 * x).gather(0, descending), 2 * (n - 1) - torch.arange(0, 2 * n, 2))
    context.exact("index", (2 * x)[descending], 2 * (n - 1) - torch.arange(0, 2 * n, 2))
    zeros = torch.zeros(10, device=context.device)
    counts = torch.tensor([len(range(digit, n, 10)) for digit in range(10)])
    context.exact("scatter_add", zeros.scatter_add(0, x % 10, ones), counts)
    context.exact("index_add", zeros.index_add(0, x % 10, ones), counts)


@check("probe.random", family=FAMILY, suite="quick")
def random(context: CheckContext, torch: Any) -> None:
    """Moments of rand and randn, permutations, bounds of random integers, and restoring a generator's state."""
    n = 100_000
    u, z = (draw(n, device=context.device).double() for draw in (torch.rand, torch.randn))
    for k in (1, 2, 4):
        deviation = (1 / (2 * k + 1) - 1 / (k + 1) ** 2) ** 0.5
        context.sigmas("rand, mean of u^%d" % k, (u**k).mean(), 1 / (k + 1), (deviation**2 / n) ** 0.5)
    for k, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        context.sigmas("randn, mean of z^%d" % k, (z**k).mean(), moment, (variance / n) ** 0.5)
    distinct = u.unique().numel() / n
    context.measure("rand, share of distinct numbers", distinct, Tolerance(0.98, "0.997 of 2^24 values", floor=True))
    order = torch.randperm(1003, device=context.device)
    context.exact("randperm is a permutation", order.sort().values, torch.arange(1003))
    context.holds("randperm is not the identity", not torch.equal(order.cpu(), torch.arange(1003)))
    rolls = torch.randint(1, 7, (10_000,), device=context.device)
    context.exact("randint(1, 7)", rolls.unique(), torch.arange(1, 7))
    generator = torch.Generator(context.device)
    state = generator.get_state()
    draws = [torch.randn(1003, generator=generator, device=context.device) for _ in range(2)]
    generator.set_state(state)
    repeated = torch.randn(1003, generator=generator, device=context.device)
    context.exact("restored state", repeated, draws[0])
    context.holds("consecutive draws differ", not torch.equal(*draws))


@check("probe.copies", family=FAMILY, suite="quick")
def copies(context: CheckContext, torch: Any) -> None:
    """Copies to, within and from the device are exact, from pageable and from pinned memory."""
    for size in (1, 1023, 1 << 20):
        block = context.integers(2**31 - 1, size)
        for pinned in (False, True) if context.on_gpu else (False,):
            copied = (block.pin_memory() if pinned else block).to(context.device, non_blocking=pinned)
            context.exact("%d numbers%s" % (size, ", pinned" if pinned else ""), copied.clone().cpu(), block)
            context.exact("%d numbers, strided" % size, copied[::3].contiguous().cpu(), block[::3])
            context.exact("sum of %d numbers on the device" % size, copied.sum(), sum(block.tolist()))
    matrix = context.randn(1024, 1031)
    copied = context.to_device(matrix)
    context.exact("a matrix", copied.clone(), matrix)
    context.exact("a matrix, transposed", copied.T.contiguous(), torch.stack(matrix.unbind(1)))


@check("probe.gemm", family=FAMILY, suite="quick")
def gemm(context: CheckContext, torch: Any) -> None:
    """Matrix products in every dtype match float64; the size of the error shows which arithmetic was used."""
    from ..precision import BANDS, arithmetic_of, relative_error, supports_bf16_and_tf32

    # No tile size divides 257, 321 or 193. The reference is summed elementwise, without a matrix product.
    a, b = context.randn(257, 321), context.randn(321, 193)
    want = torch.stack([(row[:, None] * b).sum(0) for row in a])
    names = {"float64": "float64", "float32": "ieee float32", "float16": "TF32 or float16", "bfloat16": "bfloat16"}
    limits = {name: high for name, _, high in BANDS}
    errors = {}
    for dtype, expected in names.items():
        try:
            x, y = context.to_device(a, b, dtype=getattr(torch, dtype))
            got = x @ y
        except RuntimeError as error:
            if dtype == "float16" and not context.on_gpu:
                continue  # not supported on CPUs before torch 2.2
            if dtype == "bfloat16" and context.on_gpu and not supports_bf16_and_tf32():
                continue  # not supported by Pascal, emulated on Volta and Turing
            raise error
        errors[dtype] = relative_error(got, want)
        context.fact(dtype, "%.2g: %s" % (errors[dtype], arithmetic_of(errors[dtype])))
        source = "error range of %s: the ranges do not overlap" % expected
        context.measure(dtype, errors[dtype], Tolerance(limits[expected], source))
    x, y = context.to_device(a, b)
    full = Tolerance(5e-6, "error range of ieee float32")
    context.measure("transposed operands", relative_error(x.T.contiguous().T @ y.T.contiguous().T, want), full)
    m, n, c = context.randn(5, 9, 7), context.randn(5, 7, 6), context.randn(5, 9, 6)
    products = (m[..., None] * n[:, None]).sum(2)
    on_device = context.to_device(c, m, n, dtype=torch.float64)
    context.near("bmm", torch.bmm(*on_device[1:]), products, F64)
    context.near("baddbmm", torch.baddbmm(*on_device, beta=0.5, alpha=2.0), 0.5 * c + 2 * products, F64)
    context.near(
        "addmm", torch.addmm(*(t[0] for t in on_device), beta=0.5, alpha=2.0), 0.5 * c[0] + 2 * products[0], F64
    )
    context.figure(
        "bars", "Error of a matrix product by dtype, and the error ranges", bars=errors, bands=BANDS, log=True
    )


@check("probe.tf32", family=FAMILY, device="gpu")
def tf32(context: CheckContext, torch: Any) -> None:
    """Products and convolutions use TF32 only while it is allowed (from Ampere on)."""
    from .. import precision

    if not precision.supports_bf16_and_tf32():
        raise Skip("needs compute capability 8.0")
    a, b = context.randn(512, 512), context.randn(512, 512)
    image, kernel = context.randn(4, 64, 16, 16), context.randn(64, 64, 3, 3)
    subjects = (("product", torch.matmul, a, b), ("convolution", torch.conv2d, image, kernel))
    for name, function, *inputs in subjects:
        want, on_device = function(*inputs), context.to_device(*inputs)
        with precision.tf32():
            used = precision.arithmetic_of(precision.relative_error(function(*on_device), want))
        context.fact("%s, TF32 asked for" % name, used)
        error = precision.relative_error(function(*on_device), want)
        context.measure("%s, TF32 disabled again" % name, error, Tolerance(5e-6, "error range of ieee float32"))


@check("probe.convolution", family=FAMILY, suite="quick")
def convolution(context: CheckContext, torch: Any) -> None:
    """A convolution and its gradients match the sum over windows; on a GPU with and without cuDNN."""
    from ..precision import without_cudnn

    def by_hand(x: Any, w: Any) -> Any:
        columns = torch.nn.functional.unfold(x, 3, padding=1, stride=2)
        return (w.flatten(1) @ columns).reshape(x.shape[0], w.shape[0], 4, 7)

    x, w = context.randn(2, 5, 7, 13), context.randn(6, 5, 3, 3)
    function = torch.nn.functional.conv2d
    context.agree("conv2d", lambda x, w: function(x, w, stride=2, padding=1), by_hand, x, w)
    if not context.on_gpu:
        return
    with without_cudnn():
        context.agree("without cuDNN", lambda x, w: function(x, w, stride=2, padding=1), by_hand, x, w)
    _check_cudnn_versions(context, torch)


def _check_cudnn_versions(context: CheckContext, torch: Any) -> None:
    """Compare the cuDNN versions that torch was compiled with, that is loaded, and that pip has installed."""
    from importlib.metadata import distributions

    if torch.version.hip or not torch.backends.cudnn.is_available():
        context.fact("cuDNN", "not part of this torch")
        return
    number, built = torch.backends.cudnn.version(), torch._C._cudnn.getCompileVersion()
    loaded = (number // 1000, number % 1000 // 100) if number < 90000 else (number // 10000, number % 10000 // 100)
    wheels = [d.version for d in distributions() if CUDNN_WHEEL.match(str(d.metadata["Name"]))]
    context.fact("cuDNN", "loaded %s, compiled with %s, installed %s" % (number, built, wheels or "not by pip"))
    context.holds("loaded cuDNN has the major version torch was compiled with", loaded[0] == built[0])
    for version in wheels:
        installed = tuple(int(part) for part in version.split(".")[:2])
        context.holds("loaded cuDNN is the installed version, %s" % version, loaded == installed)


@check("probe.fft", family=FAMILY, suite="quick")
def fft(context: CheckContext, torch: Any) -> None:
    """Fourier transforms match their sums, are inverted, and satisfy Parseval's identity."""
    import math

    for n in (48, 45, 47):  # powers of 2 and 3, odd, prime
        x, k = context.randn(3, n), torch.arange(n, dtype=torch.float64)
        phase = -2 * math.pi * torch.outer(k, k) / n
        half = n // 2 + 1
        on_device = context.to_device(x, dtype=torch.float64)
        y = torch.fft.fft(on_device)
        context.near("%d, real part" % n, y.real, x @ phase.cos(), F64)
        context.near("%d, imaginary part" % n, y.imag, x @ phase.sin(), F64)
        context.near("%d, inverse" % n, torch.fft.ifft(y).real, x, F64)
        context.near("%d, Parseval" % n, (y.abs() ** 2).sum(1) / n, (x**2).sum(1), F64)
        context.near("%d, orthonormal" % n, torch.fft.fft(on_device, norm="ortho").real, x @ phase.cos() / n**0.5, F64)
        real = torch.fft.rfft(on_device)
        context.near("%d, rfft" % n, torch.view_as_real(real), torch.view_as_real(y[:, :half]), F64)
        context.near("%d, inverse of rfft" % n, torch.fft.irfft(real, n), x, F64)
        context.agree("%d, cosine part" % n, lambda x: torch.fft.fft(x).real, lambda x, p=phase: x @ p.cos(), x)
    z = context.to_device(context.randn(2, 8, 9), dtype=torch.float64)
    flat = torch.fft.fft2(z)
    twice = torch.fft.fft(torch.fft.fft(z, dim=1), dim=2)
    context.near("fft2", torch.view_as_real(flat), torch.view_as_real(twice), F64)
    context.near("rfft2", torch.view_as_real(torch.fft.rfft2(z)), torch.view_as_real(flat[..., :5]), F64)
    context.near("inverse of rfft2", torch.fft.irfft2(torch.fft.rfft2(z), s=(8, 9)), z, F64)


@check("probe.solver", family=FAMILY, suite="quick")
def solver(context: CheckContext, torch: Any) -> None:
    """Solve, Cholesky, QR, SVD and eigenvalues have small residuals and orthogonal factors."""
    a, b = context.to_device(context.randn(24, 24), context.randn(24, 3), dtype=torch.float64)
    spd, eye = a @ a.T + torch.eye(24, device=a.device), torch.eye(24, dtype=torch.float64)
    tolerance = Tolerance(1e-10, "float64 rounding of a system of 24; at most 1e-13 in 30 seeds")
    context.near("solve", spd @ torch.linalg.solve(spd, b), b, tolerance)
    asymmetric = a + 10 * torch.eye(24, device=a.device)
    context.near("solve, asymmetric", asymmetric @ torch.linalg.solve(asymmetric, b), b, tolerance)
    factor = torch.linalg.cholesky(spd)
    context.near("Cholesky", factor @ factor.T, spd, tolerance)
    context.exact("Cholesky factor is lower triangular", factor, factor.tril())
    q, r = torch.linalg.qr(a)
    context.near("QR", q @ r, a, tolerance)
    context.near("Q is orthogonal", q.T @ q, eye, tolerance)
    context.near("R is upper triangular", r, r.triu(), tolerance)
    u, s, v = torch.linalg.svd(a)
    context.near("SVD", u @ torch.diag(s) @ v, a, tolerance)
    context.near("U is orthogonal", u.T @ u, eye, tolerance)
    context.near("V is orthogonal", v @ v.T, eye, tolerance)
    context.holds("singular values are in descending order", bool((s[1:] <= s[:-1]).all()))
    values, vectors = torch.linalg.eigh(spd)
    context.near("eigenvectors", spd @ vectors, vectors * values, tolerance)
    context.near("eigenvectors are orthogonal", vectors.T @ vectors, eye, tolerance)
    context.holds("eigenvalues are in ascending order", bool((values[1:] >= values[:-1]).all()))
    context.near("trace", values.sum(), spd.diagonal().sum(), tolerance)


@check("probe.sparse", family=FAMILY, suite="quick")
def sparse(context: CheckContext, torch: Any) -> None:
    """Products of sparse (COO and CSR) and dense matrices match dense products."""
    dense = context.randn(20, 30) * (context.rand(20, 30) < 0.2)
    x = context.randn(30, 4)
    on_device, y = context.to_device(dense, x)
    context.near("COO", torch.sparse.mm(on_device.to_sparse(), y), dense @ x)
    context.near("CSR", on_device.to_sparse_csr() @ y, dense @ x)
    context.exact("stored elements", on_device.to_sparse()._nnz(), (dense != 0).sum())
    context.exact("conversion back to dense", on_device.to_sparse().to_dense(), dense)
    indices = torch.tensor([[0, 1, 0, 2], [3, 1, 3, 0]], device=context.device)
    with_duplicates = torch.sparse_coo_tensor(
        indices, torch.tensor([1.0, 2.0, 4.0, 8.0], device=context.device), (3, 4)
    )
    context.exact("duplicate entries are summed", with_duplicates.coalesce().values(), torch.tensor([5.0, 2.0, 8.0]))
    leaf = y.clone().requires_grad_()
    output_gradient = context.randn(20, 4)
    torch.sparse.mm(on_device.to_sparse(), leaf).backward(context.to_device(output_gradient))
    context.near("gradient", leaf.grad, dense.T @ output_gradient)


@check("probe.compile", family=FAMILY, isolate="always", limit=240, advisory=True)
def compiled(context: CheckContext, torch: Any) -> None:
    """torch.compile gives the values and gradients of eager mode; needs a C++ compiler (on a GPU, Triton)."""
    if not hasattr(torch, "compile"):
        raise Skip("torch %s has no torch.compile" % torch.__version__)
    # One compiler process and no precompiled headers: for two functions, more cost more time than they save.
    os.environ.update(TORCHINDUCTOR_COMPILE_THREADS="1", TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS="0")

    def function(x: Any, w: Any) -> Any:
        return torch.tanh(x @ w).pow(2).sum(1) + torch.nn.functional.gelu(x).mean()

    x, w = context.randn(8, 6), context.randn(6, 5)
    leaves = [t.requires_grad_() for t in context.to_device(x, w)]
    y = torch.compile(function)(*leaves)
    gradients = torch.autograd.grad(y.sum(), leaves)
    wanted = [t.clone().requires_grad_() for t in (x, w)]
    want = function(*wanted)
    context.near("value", y, want)
    for name, got, expected in zip("xw", gradients, torch.autograd.grad(want.sum(), wanted)):
        context.near("gradient of " + name, got, expected)


@check("probe.torchvision", family=FAMILY, isolate="always")
def vision(context: CheckContext, torch: Any, torchvision: Any) -> None:
    """torchvision's kernels run on the device: non-maximum suppression and RoI align match plain torch."""
    from .. import detection

    boxes, scores = detection.random_boxes(context, 60)
    got = torchvision.ops.nms(*context.to_device(boxes, scores), 0.4)
    context.exact("nms", got, detection.nms(boxes, scores, 0.4))
    image, rois = (
        context.randn(1, 3, 16, 16),
        torch.tensor([[0, 1.3, 2.1, 9.7, 12.2], [0, 4.0, 0.5, 15.0, 7.5]]).double(),
    )
    aligned = torchvision.ops.roi_align(*context.to_device(image, rois), output_size=3, sampling_ratio=2, aligned=True)
    context.near("roi_align", aligned, detection.roi_align(image, rois, 3, 2))


@check("probe.assertion", family=FAMILY, device="gpu", isolate="always")
def assertion(context: CheckContext, torch: Any) -> None:
    """A device-side assert raises a Python exception instead of crashing."""

    def outside() -> None:
        torch.zeros(4, device=context.device)[torch.tensor([10], device=context.device)].cpu()

    context.raises("index 10 of 4", outside, RuntimeError)


@check("probe.libraries", family=FAMILY, suite="quick", device="gpu")
def libraries(context: CheckContext, torch: Any) -> None:
    """Each CUDA library is loaded only once: a second copy, from LD_LIBRARY_PATH, breaks backward passes."""
    if not os.path.exists("/proc/self/maps"):
        raise Skip("this system has no /proc/self/maps")
    torch.ones(2, device=context.device) @ torch.ones(2, device=context.device)
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
        context.fact(name, places)
        if places:
            context.measure("copies of " + name, len(places), Tolerance(1, "several copies do not share their state"))
    # In WSL, a small library of the same name loads the driver.
    drivers = [p for p in paths if "libcuda.so" in p and not p.startswith("/usr/lib/wsl/lib/")]
    context.fact("driver", sorted(drivers))
    context.measure("driver libraries", len(drivers), Tolerance(1, "one driver"))


@check("probe.memory", family=FAMILY, suite="quick", device="gpu")
def memory(context: CheckContext, torch: Any) -> None:
    """Allocated GPU memory is counted, and freed memory is released."""
    gc.collect()  # reference cycles of earlier checks would be collected during the measurement
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    block = torch.ones(1 << 24, device=context.device)
    context.measure(
        "64 MiB are counted, difference in bytes",
        abs(torch.cuda.memory_allocated() - before - (1 << 26)),
        Tolerance(4096, "granularity of the allocator"),
    )
    del block
    context.measure("64 MiB are released, difference in bytes", torch.cuda.memory_allocated() - before, EXACT)
    free, total = torch.cuda.mem_get_info()
    context.fact("free of total, GiB", "%.1f of %.1f" % (free / 2**30, total / 2**30))


@check("probe.streams", family=FAMILY, device="gpu")
def streams(context: CheckContext, torch: Any) -> None:
    """A second stream and a captured graph give the same results as one stream."""
    x = context.to_device(context.randn(64, 64))
    want = x @ x + 1
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        got = x @ x + 1
    torch.cuda.current_stream().wait_stream(side)
    context.near("second stream", got, want)  # near: cuBLAS may choose a different kernel
    graph, captured_input = torch.cuda.CUDAGraph(), x.clone()
    with torch.cuda.graph(graph):
        out = captured_input * 2 + 1
    captured_input.copy_(x + 1)
    graph.replay()
    context.near("captured graph", out, (x + 1) * 2 + 1)


@check("probe.peers", family=FAMILY, device="gpu")
def peers(context: CheckContext, torch: Any) -> None:
    """Copies between every pair of GPUs are exact: on some boards they are silently corrupted."""
    count = torch.cuda.device_count()
    if count < 2:
        raise Skip("only one GPU is visible")
    block = context.integers(2**31 - 1, 1 << 22)
    for a in range(count):
        copied = block.to("cuda:%d" % a)
        for b in range(count):
            if a != b:
                context.exact("GPU %d to GPU %d" % (a, b), copied.to("cuda:%d" % b), block)


@check("probe.autocast", family=FAMILY, suite="quick")
def autocast(context: CheckContext, torch: Any) -> None:
    """Under autocast, products are bfloat16 (float16 before Ampere) and losses float32; outside it has no effect."""
    from ..precision import relative_error, supports_bf16_and_tf32

    x, w = context.randn(64, 48), context.randn(48, 32)
    a, b = context.to_device(x, w)
    b.requires_grad_()
    low = torch.float16 if context.on_gpu and not supports_bf16_and_tf32() else torch.bfloat16
    with torch.autocast(context.device.type, dtype=low):
        product = a @ b
        loss = (product.float() ** 2).mean()
        convolved = torch.nn.functional.conv2d(a[None, None], b[None, None, :3, :3])
        distance = torch.nn.functional.mse_loss(product, context.to_device(x @ w + 1))
    context.holds("product is %s" % str(low)[6:], product.dtype == low)
    context.holds("convolution is %s" % str(low)[6:], convolved.dtype == low)
    context.holds("loss is float32", distance.dtype == torch.float32)
    context.near("loss", distance, ((product.detach().double().cpu() - (x @ w + 1)) ** 2).mean())
    context.holds("product outside autocast is float32", (a @ b).dtype == torch.float32)
    bfloat16 = Tolerance(8e-3, "error range of bfloat16")
    context.measure("product", relative_error(product, x @ w), bfloat16)
    loss.backward()
    context.measure(
        "gradient", relative_error(b.grad, 2 * x.T @ (x @ w) / (64 * 32)), Tolerance(2e-2, "two products in bfloat16")
    )
    context.measure(
        "product outside autocast", relative_error(a @ b, x @ w), Tolerance(5e-6, "error range of ieee float32")
    )
    context.exact("float64 is unchanged", torch.zeros(1, dtype=torch.float64).dtype == torch.float64, True)


@check("probe.gradcheck", family=FAMILY)
def gradcheck(context: CheckContext, torch: Any) -> None:
    """Analytic gradients of a small network match finite differences in float64; gradients accumulate."""
    nn = torch.nn
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.GroupNorm(2, 4),
        nn.Softplus(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    context.randomized(net).to(context.device, torch.float64)
    x = context.to_device(context.randn(2, 2, 4, 4), dtype=torch.float64).requires_grad_()
    passed = torch.autograd.gradcheck(
        net, (x,), eps=1e-6, atol=1e-5, rtol=1e-3, nondet_tol=1e-10, raise_exception=False
    )
    context.holds("gradcheck", passed)
    leaf = context.to_device(context.randn(5), dtype=torch.float64).requires_grad_()
    for _ in range(2):
        (leaf**3).sum().backward()
    context.near("gradients of two passes accumulate", leaf.grad, 6 * leaf.detach() ** 2, F64)
    (first_order,) = torch.autograd.grad((leaf**3).sum(), leaf, create_graph=True)
    (second_order,) = torch.autograd.grad((first_order * first_order).sum(), leaf)
    context.near("second-order gradient", second_order, 36 * leaf.detach() ** 3, F64)
    step, direction = 1e-5, context.to_device(context.randn(2, 2, 4, 4), dtype=torch.float64)
    with torch.no_grad():
        slope = (net(x + step * direction).sum() - net(x - step * direction).sum()) / (2 * step)
    (gradient,) = torch.autograd.grad(net(x).sum(), x)
    context.near(
        "directional derivative in a random direction",
        slope,
        (gradient * direction).sum(),
        Tolerance(1e-6, "central differences, step 1e-5"),
    )
