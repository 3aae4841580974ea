"""NumPy: arithmetic against closed forms, random numbers, and conversion to and from torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import EXACT, F64, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "NumPy"


@check("numpy.arithmetic", family=FAMILY, suite="quick")
def arithmetic(context: CheckContext, numpy: Any) -> None:
    """Sums, a linear system, an eigenvalue problem and a Fourier transform match their closed forms."""
    n = 64
    k = numpy.arange(n)
    context.measure("0 + 1 + ... + 63", abs(int(k.sum()) - 2016), EXACT)
    # The second-difference matrix: its eigenvalues are 2 - 2 cos(j pi / (n + 1)), and its inverse has a closed form.
    t = 2 * numpy.eye(n) - numpy.eye(n, k=1) - numpy.eye(n, k=-1)
    j = numpy.arange(1, n + 1)
    want = 2 - 2 * numpy.cos(j * math.pi / (n + 1))
    context.measure("eigenvalues", numpy.abs(numpy.linalg.eigvalsh(t) - want).max(), F64)
    x = numpy.linalg.solve(t, numpy.ones(n))
    context.measure("solution of a linear system", numpy.abs(x - j * (n + 1 - j) / 2).max() / x.max(), F64)
    wave = numpy.cos(2 * math.pi * 5 * k / n)
    spectrum = numpy.zeros(n)
    spectrum[[5, n - 5]] = n / 2
    context.measure("Fourier transform of a cosine", numpy.abs(numpy.fft.fft(wave) - spectrum).max(), F64)
    table = numpy.array([1, 2, 3], dtype=numpy.int64)[:, None] + numpy.array([10, 20])
    context.exact("broadcasting", table.tolist(), [[11, 21], [12, 22], [13, 23]])


@check("numpy.random", family=FAMILY, suite="quick")
def random(context: CheckContext, numpy: Any) -> None:
    """The generator is reproducible from its seed; mean and variance of normal samples are within 5 standard errors."""
    n = 100_000
    one, two = (numpy.random.default_rng(context.seed).standard_normal(n) for _ in range(2))
    context.holds("same seed, same numbers", (one == two).all())
    context.sigmas("mean", one.mean(), 0.0, 1 / math.sqrt(n))
    context.sigmas("variance", one.var(), 1.0, math.sqrt(2 / n))


@check("numpy.torch", family=FAMILY, suite="quick")
def bridge(context: CheckContext, numpy: Any, torch: Any) -> None:
    """Arrays convert to tensors and back in every dtype, sharing memory on the CPU; means agree with torch."""
    for name in ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64"):
        array = numpy.array([[0, 1, 2], [3, 4, 5]]).astype(name)
        tensor = torch.from_numpy(array)
        context.holds(name + " to torch", tensor.dtype == getattr(torch, name) and tensor.tolist() == array.tolist())
        back = tensor.to(context.device).cpu().numpy()
        context.holds(name + " back to NumPy", back.dtype == array.dtype and (back == array).all())
    shared = numpy.zeros(3, dtype=numpy.float32)
    torch.from_numpy(shared)[1] = 7
    context.holds("memory is shared", shared[1] == 7)
    values = context.randn(1000)
    context.measure(
        "means agree",
        abs(float(values.numpy().mean()) - float(values.mean())),
        Tolerance(1e-14, "float64 rounding of a mean"),
    )
