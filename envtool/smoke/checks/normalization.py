"""Normalization layers: their formulas with explicit mean and variance, and the identities between them."""

from __future__ import annotations

import inspect
import itertools
from typing import TYPE_CHECKING, Any

from ..registry import Skip, check
from ..tolerances import F32, F64, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

BATCH = "batch normalization"
RELATIVE = Tolerance(1e-4, "float32 rounding of a bias of 10 that cancels: at most 8e-6 in 30 seeds")
SHAPES = ((2, (16, 3)), (3, (6, 3, 7)), (4, (4, 3, 5, 6)), (5, (3, 3, 4, 3, 5)))


def _affine(y: Any, weight: Any, bias: Any) -> Any:
    from ..reference import channelwise

    return y * channelwise(weight, y) + channelwise(bias, y)


@check("norm.batch", family=BATCH, suite="quick")
def batch_norm(context: CheckContext, torch: Any) -> None:
    """BatchNorm1d/2d/3d on 2- to 5-dimensional inputs match their formula: values, gradients, eps, affine, shapes."""
    from ..reference import normalized

    for dims, shape in SHAPES:
        layer = getattr(torch.nn, "BatchNorm%dd" % max(1, dims - 2))
        x, over = context.randn(*shape) * 3 + 5, [d for d in range(dims) if d != 1]
        plain = lambda x, o=over: normalized(x, o, 1e-5)  # noqa: E731
        context.agree(
            "%d-D, initial parameters" % dims, layer(3), lambda x, weight, bias, f=plain: f(x), x, backward=False
        )
        context.agree(
            "%d-D" % dims, context.randomized(layer(3)), lambda x, weight, bias, f=plain: _affine(f(x), weight, bias), x
        )
        context.agree("%d-D, affine=False" % dims, layer(3, affine=False), plain, x)
        context.agree(
            "%d-D, eps=.1" % dims, layer(3, affine=False, eps=0.1), lambda x, o=over: normalized(x, o, 0.1), x / 9
        )
        y = layer(3).to(context.device)(context.to_device(x))
        context.exact("%d-D, shape" % dims, torch.tensor(y.shape), torch.tensor(shape))
        context.near(
            "%d-D, gradients sum to zero" % dims, _summed_gradient(context, torch, layer(3), x, over), torch.zeros(3)
        )
    context.raises(
        "wrong num_features is refused",
        lambda: torch.nn.BatchNorm2d(4).to(context.device)(context.to_device(context.randn(2, 3, 4, 4))),
    )
    context.raises(
        "one value per channel is refused",
        lambda: torch.nn.BatchNorm1d(3).to(context.device)(context.to_device(context.randn(1, 3))),
    )


def _summed_gradient(context: CheckContext, torch: Any, module: Any, x: Any, over: Any) -> Any:
    y = context.to_device(x).requires_grad_()
    out = module.to(context.device)(y)
    (gradient,) = torch.autograd.grad((out * context.to_device(context.randn(*x.shape))).sum(), y)
    return gradient.sum(over)


def _moments(x: Any) -> Any:
    """Return the mean and the unbiased variance of each channel."""
    flat = x.transpose(0, 1).flatten(1)
    mean = flat.sum(1) / flat.shape[1]
    return mean, ((flat - mean[:, None]) ** 2).sum(1) / (flat.shape[1] - 1)


@check("norm.batch_statistics", family=BATCH, suite="quick")
def batch_statistics(context: CheckContext, torch: Any) -> None:
    """BatchNorm's running mean and unbiased variance: momentum, None, eval, track_running_stats, batch count."""
    from ..reference import channelwise

    for (dims, shape), momentum in itertools.product(SHAPES, (0.1, 0.7, None)):
        kind = getattr(torch.nn, "BatchNorm%dd" % max(1, dims - 2))
        first, second = context.randn(*shape) * 2 + 1, context.randn(*shape) - 3
        means, variances = torch.zeros(3).double(), torch.ones(3).double()
        for step, x in enumerate((first, second), start=1):
            blend = 1 / step if momentum is None else momentum
            mean, variance = _moments(x)
            means, variances = (1 - blend) * means + blend * mean, (1 - blend) * variances + blend * variance
        what = "%d-D, momentum %s" % (dims, momentum)
        layer: Any = None  # the last one, in float64, is used again below
        for dtype, tolerance in ((torch.float32, F32), (torch.float64, F64)):
            layer = context.randomized(kind(3, momentum=momentum, eps=0.1)).to(context.device, dtype)
            for x in (first, second):
                layer(context.to_device(x, dtype=dtype))
            context.exact(what + ": batches counted", layer.num_batches_tracked, torch.tensor(2))
            context.near("running mean, " + what, layer.running_mean, means, tolerance)
            context.near("running variance, " + what, layer.running_var, variances, tolerance)

        def by_hand(x: Any, weight: Any, bias: Any, means: Any = means, variances: Any = variances) -> Any:
            standardized = (x - channelwise(means, x)) / (channelwise(variances, x) + 0.1) ** 0.5
            return _affine(standardized, weight, bias)

        layer.eval()(context.to_device(first, dtype=torch.float64))
        context.near("eval keeps the running mean, " + what, layer.running_mean, means, F64)
        context.near("eval keeps the running variance, " + what, layer.running_var, variances, F64)
        context.agree("eval, " + what, layer, by_hand, first)
    _check_untracked(context, torch)


def _check_untracked(context: CheckContext, torch: Any) -> None:
    x = context.randn(4, 3, 5, 5) * 2 + 1
    untracked = torch.nn.BatchNorm2d(3, track_running_stats=False).to(context.device)
    context.holds("untracked: no running statistics", untracked.running_mean is None and untracked.running_var is None)
    context.near(
        "untracked: eval equals train",
        untracked.eval()(context.to_device(x)),
        untracked.train()(context.to_device(x)),
    )
    centred = untracked(context.to_device(x)).transpose(0, 1).flatten(1)
    context.near("mean 0", centred.mean(1), torch.zeros(3))
    biased = _moments(x)[1] * 99 / 100
    context.near("biased variance v / (v + eps)", centred.var(1, unbiased=False), biased / (biased + 1e-5))


@check("norm.batch_absorbs_bias", family=BATCH, suite="quick")
def absorbs_bias(context: CheckContext, torch: Any) -> None:
    """A convolution's bias before BatchNorm has no effect and no gradient; both layers fold into one convolution."""
    nn = torch.nn
    convolution, norm = (
        context.randomized(nn.Conv2d(3, 4, 3)).to(context.device),
        context.randomized(nn.BatchNorm2d(4)).to(context.device),
    )
    x = context.to_device(context.randn(4, 3, 8, 8))
    before = norm(convolution(x))
    (before * context.to_device(context.randn(*before.shape))).sum().backward()
    scale = convolution.weight.grad.abs().max()
    context.measure("bias gradient / weight gradient", convolution.bias.grad.abs().max() / scale, F32)
    with torch.no_grad():
        convolution.bias += context.to_device(10 * context.randn(4))
    context.near("output with a different bias", norm(convolution(x)), before, RELATIVE)
    with torch.no_grad():
        for _ in range(3):
            norm(convolution(x))
    pair = nn.Sequential(convolution, norm).eval()
    fold = norm.weight / (norm.running_var + norm.eps).sqrt()
    bias = (convolution.bias - norm.running_mean) * fold + norm.bias
    folded = torch.conv2d(x, convolution.weight * fold[:, None, None, None], bias)
    context.near("folded into the convolution", pair(x), folded, RELATIVE)


@check("norm.group", family="group normalization", suite="quick")
def group_norm(context: CheckContext, torch: Any) -> None:
    """GroupNorm matches its formula; one group is LayerNorm over (C, H, W), one channel per group is InstanceNorm."""
    from ..reference import normalized

    def by_hand(x: Any, groups: int, eps: float = 1e-5) -> Any:
        split = x.reshape(x.shape[0], groups, -1)
        return normalized(split, [2], eps).reshape(x.shape)

    x = context.randn(3, 6, 5, 4) * 3 + 5
    for groups in (1, 2, 3, 6):
        layer = context.randomized(torch.nn.GroupNorm(groups, 6))
        context.agree(
            "%d groups" % groups, layer, lambda x, weight, bias, g=groups: _affine(by_hand(x, g), weight, bias), x
        )
    context.agree(
        "affine=False, eps=.1", torch.nn.GroupNorm(2, 6, eps=0.1, affine=False), lambda x: by_hand(x, 2, 0.1), x / 9
    )
    for other in (x[:, :, 0, 0], x.flatten(2), x[..., None]):
        plain = torch.nn.GroupNorm(3, 6, eps=0.1, affine=False)
        context.agree("%d-D input" % other.dim(), plain, lambda x: by_hand(x, 3, 0.1), other / 9)
    y = context.to_device(x)
    one, many = (torch.nn.GroupNorm(g, 6).to(context.device)(y) for g in (1, 6))
    context.near("GroupNorm(1) = LayerNorm", one, torch.nn.LayerNorm((6, 5, 4)).to(context.device)(y))
    context.near("GroupNorm(C) = InstanceNorm", many, torch.nn.InstanceNorm2d(6)(y))
    context.raises("groups that do not divide the channels are refused", lambda: torch.nn.GroupNorm(4, 6))


@check("norm.instance", family="instance normalization", suite="quick")
def instance_norm(context: CheckContext, torch: Any) -> None:
    """InstanceNorm1d/2d/3d match their formula: affine, running statistics, invariance to scale and shift."""
    from ..reference import channelwise, normalized

    for dims, shape in SHAPES[1:]:
        kind = getattr(torch.nn, "InstanceNorm%dd" % (dims - 2))
        x, over = context.randn(*shape) * 3 + 5, list(range(2, dims))
        context.agree("%d-D" % dims, kind(3), lambda x, o=over: normalized(x, o, 1e-5), x)
        context.agree("%d-D, eps=.1" % dims, kind(3, eps=0.1), lambda x, o=over: normalized(x, o, 0.1), x / 9)
        layer = context.randomized(kind(3, affine=True))
        context.agree(
            "%d-D, affine" % dims,
            layer,
            lambda x, weight, bias, o=over: _affine(normalized(x, o, 1e-5), weight, bias),
            x,
        )
        y = context.to_device(x)
        scaled = kind(3)(y * context.to_device(channelwise(context.rand(3, low=2, high=9), x)) - 4)
        context.near(
            "%d-D, invariant to scale and shift" % dims,
            scaled,
            kind(3)(y),
            Tolerance(1e-4, "eps against a variance of 9"),
        )
    tracked = torch.nn.InstanceNorm2d(3, track_running_stats=True, momentum=0.3).to(context.device)
    x = context.randn(4, 3, 5, 6) + 2
    tracked(context.to_device(x))
    flat = x.flatten(2)
    context.near("running mean", tracked.running_mean, 0.3 * flat.mean(2).mean(0))
    context.near("running variance", tracked.running_var, 0.7 + 0.3 * flat.var(2, unbiased=True).mean(0))
    means, variances = (channelwise(v.detach().double().cpu(), x) for v in (tracked.running_mean, tracked.running_var))
    context.agree("eval, tracked", tracked.eval(), lambda x: (x - means) / (variances + 1e-5) ** 0.5, x)


@check("norm.layer", family="layer normalization", suite="quick")
def layer_norm(context: CheckContext, torch: Any) -> None:
    """LayerNorm matches its formula: normalized_shape, eps, affine; mean 0, variance 1, invariant to a x + b."""
    from ..reference import normalized

    x = context.randn(4, 5, 6) * 3 + 5
    for shape, over in ((6, [2]), ((6,), [2]), ((5, 6), [1, 2]), ((4, 5, 6), [0, 1, 2])):
        layer = context.randomized(torch.nn.LayerNorm(shape))
        context.agree(
            "normalized_shape %s" % (shape,),
            layer,
            lambda x, weight, bias, o=over: normalized(x, o, 1e-5) * weight + bias,
            x,
        )
    plain = torch.nn.LayerNorm(6, eps=0.1, elementwise_affine=False)
    context.agree("elementwise_affine=False, eps=.1", plain, lambda x: normalized(x, [2], 0.1), x / 9)
    if "bias" in inspect.signature(torch.nn.LayerNorm.__init__).parameters:  # from torch 2.1 on
        weighted = context.randomized(torch.nn.LayerNorm(6, bias=False))
        context.agree("bias=False", weighted, lambda x, weight: normalized(x, [2], 1e-5) * weight, x)
    offset = Tolerance(
        1e-3, "float32 rounding of 1000 at a standard deviation of 3; a difference of squares loses 1e-2"
    )
    context.near(
        "mean of 1000",
        torch.nn.LayerNorm(6).to(context.device)(context.to_device(x + 1000)),
        normalized(x, [2], 1e-5),
        offset,
    )
    y = torch.nn.LayerNorm(6).to(context.device)(context.to_device(x))
    context.near("mean 0", y.mean(2), torch.zeros(4, 5))
    context.near(
        "biased variance 1",
        y.var(2, unbiased=False),
        torch.ones(4, 5),
        Tolerance(1e-4, "eps against variances of about 9"),
    )
    context.near(
        "invariant to 7 x + 2",
        torch.nn.LayerNorm(6).to(context.device)(7 * context.to_device(x) + 2),
        y,
        Tolerance(1e-4, "eps against the variance"),
    )
    context.raises("wrong shape is refused", lambda: torch.nn.LayerNorm(7).to(context.device)(context.to_device(x)))


@check("norm.rms", family="layer normalization")
def rms_norm(context: CheckContext, torch: Any) -> None:
    """RMSNorm (torch 2.4 and newer) matches x / sqrt(mean x^2 + eps)."""
    if not hasattr(torch.nn, "RMSNorm"):
        raise Skip("torch %s has no RMSNorm" % torch.__version__)
    x = context.randn(4, 5, 6) / 9  # small enough for eps to matter

    def by_hand(x: Any, shape: Any, eps: float) -> Any:
        over = list(range(-len(shape), 0))
        return x / ((x * x).sum(over, keepdim=True) / torch.Size(shape).numel() + eps) ** 0.5

    for shape in ((6,), (5, 6)):
        layer = context.randomized(torch.nn.RMSNorm(shape, eps=1e-3))
        context.agree("%s" % (shape,), layer, lambda x, weight, s=shape: by_hand(x, s, 1e-3) * weight, x)
        without_weight = torch.nn.RMSNorm(shape, eps=1e-3, elementwise_affine=False)
        context.agree(
            "%s, elementwise_affine=False" % (shape,), without_weight, lambda x, s=shape: by_hand(x, s, 1e-3), x
        )
    default_eps = torch.nn.RMSNorm(6, elementwise_affine=False)
    context.agree("eps=None is negligible", default_eps, lambda x: by_hand(x, (6,), 0.0), 9 * x)


@check("norm.local_response", family="layer normalization")
def local_response(context: CheckContext, torch: Any) -> None:
    """LocalResponseNorm matches x / (k + a / n sum of squares of neighbouring channels)^b."""

    def by_hand(x: Any, size: int) -> Any:
        rows = []
        for c in range(7):
            near = x[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
            rows.append(x[:, c] / (2 + 0.5 / size * (near * near).sum(1)) ** 0.75)
        return torch.stack(rows, 1)

    for size, shape in itertools.product((2, 3, 4), ((2, 7, 5), (2, 7, 4, 3))):
        layer = torch.nn.LocalResponseNorm(size, alpha=0.5, beta=0.75, k=2.0)
        context.agree(
            "size %d, %d-D" % (size, len(shape)), layer, lambda x, n=size: by_hand(x, n), context.randn(*shape)
        )
