"""Pooling layers in one to three dimensions: loops over their windows, and the identities between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

SIZES = ((11,), (7, 9), (5, 6, 7))
EXTREME = Tolerance(1e-6, "float32 rounding of an exact bound")


def _tuples(dims: int, *values: int) -> Any:
    """Return a tuple with one value per dimension, repeating ``values`` as needed."""
    return tuple(values[i % len(values)] for i in range(dims))


def _per_dimension(value: Any, dims: int) -> Any:
    return value if isinstance(value, tuple) else (value,) * dims


@check("pool.max", family="max pooling", suite="quick")
def max_pool(context: CheckContext, torch: Any) -> None:
    """MaxPool1d/2d/3d match loops over windows: kernel, stride, padding, dilation, ceil_mode, indices, NaN."""
    from ..reference import max_with_indices, strided_windows

    for dims, sizes in enumerate(SIZES, start=1):
        layer = getattr(torch.nn, "MaxPool%dd" % dims)
        x = context.distinct(2, 3, *sizes)
        for case in (
            {"kernel_size": 2},
            {"kernel_size": 3, "stride": 1},
            {"kernel_size": _tuples(dims, 3, 2), "stride": _tuples(dims, 2, 3)},
            {"kernel_size": 3, "stride": 2, "padding": 1},
            {"kernel_size": 2, "stride": 2, "padding": 1, "ceil_mode": True},
            {"kernel_size": 2, "stride": 1, "dilation": 2},
            {"kernel_size": 3, "ceil_mode": True},
            {"kernel_size": 2, "stride": _tuples(dims, 2, 1), "dilation": _tuples(dims, 1, 3)},
            {"kernel_size": 3, "stride": 2, "padding": _tuples(dims, 1, 0), "dilation": 2, "ceil_mode": True},
        ):
            kernel = _per_dimension(case["kernel_size"], dims)
            stride = _per_dimension(case.get("stride", kernel), dims)
            padding, dilation = (
                _per_dimension(case.get("padding", 0), dims),
                _per_dimension(case.get("dilation", 1), dims),
            )
            ceil = bool(case.get("ceil_mode", False))
            windows = [strided_windows(*w, ceil_mode=ceil) for w in zip(sizes, kernel, stride, padding, dilation)]
            what = "%dd %s" % (dims, case)
            subject = layer(**case, return_indices=True)
            context.agree(what, subject, lambda x, w=windows: max_with_indices(x, w), x)
            on_device = context.to_device(x)  # without indices and gradients, other kernels run
            context.exact(what + ", without indices", layer(**case)(on_device), subject(on_device)[0])
            context.exact(what + ", without a batch", layer(**case)(on_device[0]), subject(on_device)[0][0])
    image = context.to_device(context.distinct(1, 2, 8, 8))
    smallest = -torch.nn.MaxPool2d(4)(-image)
    context.exact("-max(-x) is the minimum", smallest, image.reshape(1, 2, 2, 4, 2, 4).amin((3, 5)))
    with_nan = image.clone()
    with_nan[0, 0, 0, 0] = float("nan")
    context.exact("NaN is propagated", torch.nn.MaxPool2d(4)(with_nan).isnan().sum(), torch.tensor(1))


@check("pool.average", family="average pooling", suite="quick")
def average_pool(context: CheckContext, torch: Any) -> None:
    """AvgPool1d/2d/3d match loops over windows and a constant convolution: padding, ceil_mode, divisor_override."""
    from ..reference import pool, strided_windows

    for dims, sizes in enumerate(SIZES, start=1):
        layer = getattr(torch.nn, "AvgPool%dd" % dims)
        x = context.randn(2, 3, *sizes)
        cases = [
            {"kernel_size": 2},
            {"kernel_size": 3, "stride": 2, "padding": 1},
            {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
            {"kernel_size": 2, "stride": 2, "ceil_mode": True, "padding": 1},
            {"kernel_size": 3, "stride": 2, "ceil_mode": True, "count_include_pad": False},
            {"kernel_size": _tuples(dims, 3, 2), "stride": _tuples(dims, 1, 2)},
            {"kernel_size": 3, "stride": 2, "padding": _tuples(dims, 1, 0)},
            # The last window extends beyond the padding in some dimension; what lies outside never counts.
            {"kernel_size": 4, "stride": 3, "ceil_mode": True},
            {"kernel_size": 4, "stride": 3, "ceil_mode": True, "padding": 1},
            {"kernel_size": 4, "stride": 3, "ceil_mode": True, "padding": 1, "count_include_pad": False},
        ]
        if dims > 1:
            cases.append({"kernel_size": 2, "divisor_override": 3})
            cases.append({"kernel_size": 3, "stride": 2, "padding": 1, "divisor_override": 5})
        for case in cases:
            kernel = _per_dimension(case["kernel_size"], dims)
            stride, padding = (
                _per_dimension(case.get("stride", kernel), dims),
                _per_dimension(case.get("padding", 0), dims),
            )
            ceil, counted = bool(case.get("ceil_mode", False)), case.get("count_include_pad", True)
            windows = [strided_windows(*w, ceil_mode=ceil) for w in zip(sizes, kernel, stride, padding)]

            def mean(patch: Any, padded: int, counted: Any = counted, case: Any = case) -> Any:
                return patch.sum(-1) / (case.get("divisor_override") or (padded if counted else patch.shape[-1]))

            context.agree("%dd %s" % (dims, case), layer(**case), lambda x, w=windows, m=mean: pool(x, w, m), x)
        on_device = context.to_device(x)
        context.exact("%dd without a batch" % dims, layer(2)(on_device[0]), layer(2)(on_device)[0])
    x, (a, b) = context.randn(2, 3, 9, 9), (3, 2)
    y = context.to_device(x)
    kernel = torch.full((3, 1, a, b), 1 / (a * b), device=context.device)
    context.near(
        "a constant convolution", torch.nn.AvgPool2d((a, b))(y), torch.conv2d(y, kernel, stride=(a, b), groups=3)
    )


@check("pool.lp", family="LP pooling", suite="quick")
def lp_pool(context: CheckContext, torch: Any) -> None:
    """LPPool1d/2d/3d match (sum x^p)^(1/p) and its limits: the sum for p = 1, the maximum for large p."""
    from ..reference import pool, strided_windows

    for dims, sizes in enumerate(SIZES, start=1):
        layer = getattr(torch.nn, "LPPool%dd" % dims, None)
        if layer is None:
            continue  # LPPool3d was added in torch 2.3
        x = context.rand(2, 3, *sizes, low=0.1, high=1.1)  # away from 0, where large powers underflow
        mixed = x * torch.tensor([1.0, -0.05]).repeat(6)[: sizes[-1]]  # the sum of each window stays positive
        for p, kernel, stride, y in (
            (1, 2, None, x),
            (2, 3, 2, x - 0.6),
            (2.5, 2, None, x),
            (3, 2, 1, x),
            (3, 2, None, mixed),
            (5, _tuples(dims, 2, 3), None, x),
        ):
            if dims == 1 and isinstance(kernel, tuple):
                kernel = kernel[0]
            strides = _per_dimension(stride or kernel, dims)
            windows = [strided_windows(*w) for w in zip(sizes, _per_dimension(kernel, dims), strides)]

            def norm(patch: Any, _: int, p: float = p) -> Any:
                return (patch**p).sum(-1) ** (1 / p)

            subject = layer(p, kernel, stride=stride)
            context.agree(
                "%dd p=%g, kernel %s" % (dims, p, kernel), subject, lambda x, w=windows, n=norm: pool(x, w, n), y
            )
        ceil, floor = (layer(2, 2, ceil_mode=c)(context.to_device(x)) for c in (True, False))
        context.exact(
            "%dd ceil_mode, size" % dims, torch.tensor(ceil.shape[2:]), torch.tensor([-(-s // 2) for s in sizes])
        )
        whole = (..., *(slice(s // 2) for s in sizes))
        context.exact("%dd ceil_mode, complete windows" % dims, ceil[whole], floor)
    y = context.to_device(context.rand(4, 3, 8, 8, low=0.1, high=1.1))
    context.near("p = 1 is 4 times the average", torch.nn.LPPool2d(1, 2)(y), 4 * torch.nn.AvgPool2d(2)(y))
    top, last = torch.nn.MaxPool2d(2)(y), float("inf")
    for p in (2, 4, 8, 16, 32):
        ratio = (torch.nn.LPPool2d(p, 2)(y) / top).max()
        context.measure("p = %d is at most 4^(1/p) max" % p, ratio / 4 ** (1 / p) - 1, EXTREME)
        context.measure("p = %d is at least max" % p, 1 - (torch.nn.LPPool2d(p, 2)(y) / top).min(), EXTREME)
        context.holds("p = %d is closer to max than smaller p" % p, float(ratio) < last)
        last = float(ratio)


@check("pool.fractional", family="fractional pooling", suite="quick")
def fractional_pool(context: CheckContext, torch: Any) -> None:
    """FractionalMaxPool2d/3d match loops over windows: output_size, output_ratio, indices, given random samples."""
    from ..reference import fractional_windows, max_with_indices

    for dims in (2, 3):
        layer = getattr(torch.nn, "FractionalMaxPool%dd" % dims)
        sizes, outputs = ((13, 11), (5, 3)) if dims == 2 else ((7, 11, 13), (3, 3, 5))
        kernel = _tuples(dims, 3, 2)
        x = context.distinct(2, 3, *sizes)
        # Steps (n - k) / (m - 1) and samples are binary fractions, so that float32 yields the same window starts.
        draws = context.integers(64, 2, 3, dims).double() / 64
        # One sample per image and channel; in 2d, the first is for the width.
        order = (1, 0) if dims == 2 else (0, 1, 2)

        def reference(
            x: Any, k: Any = kernel, sizes: Any = sizes, outputs: Any = outputs, draws: Any = draws, order: Any = order
        ) -> Any:
            values, where = [], []
            for n in range(2):
                for c in range(3):
                    u = [float(draws[n, c, which]) for which in order]
                    windows = [fractional_windows(*w) for w in zip(sizes, k, outputs, u)]
                    value, index = max_with_indices(x[n : n + 1, c : c + 1], windows)
                    values.append(value[0, 0])
                    where.append(index[0, 0])
            return tuple(torch.stack(part).reshape(2, 3, *outputs) for part in (values, where))

        subject = layer(kernel, output_size=outputs, return_indices=True, _random_samples=draws)

        def run(x: Any, subject: Any = subject, draws: Any = draws) -> Any:
            subject._random_samples = draws.to(x)
            return subject(x)

        context.agree("%dd output_size" % dims, run, reference, x)
        y = context.to_device(x)
        for ratio in (0.5, (0.5, 0.7, 0.4)[:dims]):
            out, where = layer(2, output_ratio=ratio, return_indices=True)(y)
            ratios = zip(sizes, ratio if isinstance(ratio, tuple) else (ratio,) * dims)
            want = torch.tensor([int(s * r) for s, r in ratios])
            context.exact("%dd output_ratio %s" % (dims, ratio), torch.tensor(out.shape[2:]), want)
            inside = where.clamp(0, y[0, 0].numel() - 1).flatten(2)
            context.exact(
                "%dd indices point to the output values" % dims, y.flatten(2).gather(2, inside), out.flatten(2)
            )
        values_only = layer(kernel, output_size=outputs, _random_samples=draws.to(y))(y)
        context.exact("%dd without indices" % dims, values_only, run(y)[0])
        wide = context.to_device(context.distinct(1, 8, *[16] * dims))
        first, second = (layer(2, output_ratio=0.7)(wide) for _ in range(2))
        context.holds("%dd consecutive draws differ" % dims, not torch.equal(first, second))


@check("pool.adaptive", family="adaptive pooling", suite="quick")
def adaptive_pool(context: CheckContext, torch: Any) -> None:
    """AdaptiveAvgPool and AdaptiveMaxPool 1d/2d/3d match windows floor(i n / m) to ceil((i + 1) n / m)."""
    from ..reference import adaptive_windows, max_with_indices, pool

    for dims, sizes in enumerate(SIZES, start=1):
        x, y = context.randn(2, 3, *sizes), context.distinct(2, 3, *sizes)
        average = getattr(torch.nn, "AdaptiveAvgPool%dd" % dims)
        maximum = getattr(torch.nn, "AdaptiveMaxPool%dd" % dims)
        for outputs in ((4,) * dims, _tuples(dims, 3, 5), (1,) * dims, tuple(s + 2 for s in sizes)):
            windows = [adaptive_windows(*w) for w in zip(sizes, outputs)]
            size = outputs[0] if dims == 1 else outputs
            what = "%dd to %s" % (dims, size)
            mean = lambda patch, _: patch.sum(-1) / patch.shape[-1]  # noqa: E731
            context.agree("average " + what, average(size), lambda x, w=windows, m=mean: pool(x, w, m), x)
            subject = maximum(size, return_indices=True)
            context.agree("max " + what, subject, lambda x, w=windows: max_with_indices(x, w), y)
        on_device = context.to_device(x)
        context.near("%dd to 1 is the mean" % dims, average(1)(on_device).flatten(1), on_device.flatten(2).mean(2))
    z = context.to_device(context.randn(2, 3, 8, 12))
    context.near(
        "divisible sizes equal AvgPool2d", torch.nn.AdaptiveAvgPool2d((4, 3))(z), torch.nn.AvgPool2d((2, 4))(z)
    )
    for name in ("AdaptiveAvgPool", "AdaptiveMaxPool"):
        for dims, size in ((2, (None, 3)), (3, (None, 3, None))):
            layer, y = (
                getattr(torch.nn, "%s%dd" % (name, dims)),
                context.to_device(context.randn(2, 3, *(5, 8, 4)[:dims])),
            )
            given = tuple(have if want is None else want for want, have in zip(size, y.shape[2:]))
            context.exact("%s%dd, None keeps the size" % (name, dims), layer(size)(y), layer(given)(y))
