"""NumPy: arithmetic against closed forms, and the bridge to torch in both directions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import EXACT, F64, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "NumPy"


@check("numpy.arithmetic", family=FAMILY, suite="quick")
def arithmetic(lab: Lab, numpy: Any) -> None:
    """Sums, a linear system, an eigenvalue problem and a Fourier transform against their closed forms."""
    n = 64
    k = numpy.arange(n)
    lab.measure("0 + 1 + ... + 63", abs(int(k.sum()) - 2016), EXACT)
    # The second difference matrix: eigenvalues 2 - 2 cos(j pi / (n + 1)), its inverse known as well.
    t = 2 * numpy.eye(n) - numpy.eye(n, k=1) - numpy.eye(n, k=-1)
    j = numpy.arange(1, n + 1)
    want = 2 - 2 * numpy.cos(j * math.pi / (n + 1))
    lab.measure("eigenvalues", numpy.abs(numpy.linalg.eigvalsh(t) - want).max(), F64)
    x = numpy.linalg.solve(t, numpy.ones(n))
    lab.measure("solution", numpy.abs(x - j * (n + 1 - j) / 2).max() / x.max(), F64)
    wave = numpy.cos(2 * math.pi * 5 * k / n)
    spectrum = numpy.zeros(n)
    spectrum[[5, n - 5]] = n / 2
    lab.measure("transform of a cosine", numpy.abs(numpy.fft.fft(wave) - spectrum).max(), F64)
    grown = numpy.array([1, 2, 3], dtype=numpy.int64)[:, None] + numpy.array([10, 20])
    lab.exact("broadcasting", grown.tolist(), [[11, 21], [12, 22], [13, 23]])


@check("numpy.random", family=FAMILY, suite="quick")
def random(lab: Lab, numpy: Any) -> None:
    """The generator repeats with its seed; mean and variance of normal numbers within five standard errors."""
    n = 100_000
    one, two = (numpy.random.default_rng(lab.seed).standard_normal(n) for _ in range(2))
    lab.holds("same seed, same numbers", (one == two).all())
    lab.sigmas("mean", one.mean(), 0.0, 1 / math.sqrt(n))
    lab.sigmas("variance", one.var(), 1.0, math.sqrt(2 / n))


@check("numpy.torch", family=FAMILY, suite="quick")
def bridge(lab: Lab, numpy: Any, torch: Any) -> None:
    """Arrays become tensors and back, every dtype, without a copy on the CPU; a mean agrees with torch's."""
    for name in ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64"):
        array = numpy.array([[0, 1, 2], [3, 4, 5]]).astype(name)
        tensor = torch.from_numpy(array)
        lab.holds(name + " there", tensor.dtype == getattr(torch, name) and tensor.tolist() == array.tolist())
        back = tensor.to(lab.device).cpu().numpy()
        lab.holds(name + " and back", back.dtype == array.dtype and (back == array).all())
    shared = numpy.zeros(3, dtype=numpy.float32)
    torch.from_numpy(shared)[1] = 7
    lab.holds("memory is shared", shared[1] == 7)
    values = lab.randn(1000)
    lab.measure(
        "means agree",
        abs(float(values.numpy().mean()) - float(values.mean())),
        Gate(1e-14, "float64 rounding of a mean"),
    )
