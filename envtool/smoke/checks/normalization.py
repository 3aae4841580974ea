"""Normalization layers against mean and variance computed by hand, and the identities between them."""

from __future__ import annotations

import inspect
import itertools
from typing import TYPE_CHECKING, Any

from ..registry import Skip, check
from ..tolerances import F32, F64, Gate

if TYPE_CHECKING:
    from ..context import Lab

BATCH = "batch normalization"
RELATIVE = Gate(1e-4, "a bias of 10 cancels: float32 rounding of 10, at most 8e-6 in 30 seeds")
SHAPES = ((2, (16, 3)), (3, (6, 3, 7)), (4, (4, 3, 5, 6)), (5, (3, 3, 4, 3, 5)))


def _affine(y: Any, weight: Any, bias: Any) -> Any:
    from ..reference import channelwise

    return y * channelwise(weight, y) + channelwise(bias, y)


@check("norm.batch", family=BATCH, suite="quick")
def batch_norm(lab: Lab, torch: Any) -> None:
    """BatchNorm1d/2d/3d on 2- to 5-dimensional inputs: value, gradients, shape kept; eps, affine, num_features."""
    from ..reference import normalized

    for dims, shape in SHAPES:
        layer = getattr(torch.nn, "BatchNorm%dd" % max(1, dims - 2))
        x, over = lab.randn(*shape) * 3 + 5, [d for d in range(dims) if d != 1]
        plain = lambda x, o=over: normalized(x, o, 1e-5)  # noqa: E731
        lab.agree("%d-D, fresh" % dims, layer(3), lambda x, weight, bias, f=plain: f(x), x, backward=False)
        lab.agree("%d-D" % dims, lab.shaken(layer(3)), lambda x, weight, bias, f=plain: _affine(f(x), weight, bias), x)
        lab.agree("%d-D, affine=False" % dims, layer(3, affine=False), plain, x)
        lab.agree(
            "%d-D, eps=.1" % dims, layer(3, affine=False, eps=0.1), lambda x, o=over: normalized(x, o, 0.1), x / 9
        )
        y = layer(3).to(lab.device)(lab.here(x))
        lab.exact("%d-D, shape" % dims, torch.tensor(y.shape), torch.tensor(shape))
        lab.near("%d-D, gradients sum to zero" % dims, _summed_gradient(lab, torch, layer(3), x, over), torch.zeros(3))
    lab.raises("another num_features", lambda: torch.nn.BatchNorm2d(4).to(lab.device)(lab.here(lab.randn(2, 3, 4, 4))))
    lab.raises("one value per channel", lambda: torch.nn.BatchNorm1d(3).to(lab.device)(lab.here(lab.randn(1, 3))))


def _summed_gradient(lab: Lab, torch: Any, module: Any, x: Any, over: Any) -> Any:
    y = lab.here(x).requires_grad_()
    out = module.to(lab.device)(y)
    (gradient,) = torch.autograd.grad((out * lab.here(lab.randn(*x.shape))).sum(), y)
    return gradient.sum(over)


def _moments(x: Any) -> Any:
    """Return mean and unbiased variance per channel."""
    flat = x.transpose(0, 1).flatten(1)
    mean = flat.sum(1) / flat.shape[1]
    return mean, ((flat - mean[:, None]) ** 2).sum(1) / (flat.shape[1] - 1)


@check("norm.batch_statistics", family=BATCH, suite="quick")
def batch_statistics(lab: Lab, torch: Any) -> None:
    """Running mean and unbiased variance: momentum, None, eval, track_running_stats; a count of batches."""
    from ..reference import channelwise

    for (dims, shape), momentum in itertools.product(SHAPES, (0.1, 0.7, None)):
        kind = getattr(torch.nn, "BatchNorm%dd" % max(1, dims - 2))
        one, two = lab.randn(*shape) * 2 + 1, lab.randn(*shape) - 3
        means, variances = torch.zeros(3).double(), torch.ones(3).double()
        for step, x in enumerate((one, two), start=1):
            blend = 1 / step if momentum is None else momentum
            mean, variance = _moments(x)
            means, variances = (1 - blend) * means + blend * mean, (1 - blend) * variances + blend * variance
        what = "%d-D, momentum %s" % (dims, momentum)
        layer: Any = None  # the last one, in float64, is used once more below
        for dtype, gate in ((torch.float32, F32), (torch.float64, F64)):
            layer = lab.shaken(kind(3, momentum=momentum, eps=0.1)).to(lab.device, dtype)
            for x in (one, two):
                layer(lab.here(x, dtype=dtype))
            lab.exact(what + ": batches counted", layer.num_batches_tracked, torch.tensor(2))
            lab.near("running mean, " + what, layer.running_mean, means, gate)
            lab.near("running variance, " + what, layer.running_var, variances, gate)

        def by_hand(x: Any, weight: Any, bias: Any, means: Any = means, variances: Any = variances) -> Any:
            fixed = (x - channelwise(means, x)) / (channelwise(variances, x) + 0.1) ** 0.5
            return _affine(fixed, weight, bias)

        layer.eval()(lab.here(one, dtype=torch.float64))
        lab.near("eval leaves the mean alone, " + what, layer.running_mean, means, F64)
        lab.near("eval leaves the variance alone, " + what, layer.running_var, variances, F64)
        lab.agree("eval, " + what, layer, by_hand, one)
    _untracked(lab, torch)


def _untracked(lab: Lab, torch: Any) -> None:
    one = lab.randn(4, 3, 5, 5) * 2 + 1
    untracked = torch.nn.BatchNorm2d(3, track_running_stats=False).to(lab.device)
    lab.holds("untracked: nothing is kept", untracked.running_mean is None and untracked.running_var is None)
    lab.near("untracked: eval is as train", untracked.eval()(lab.here(one)), untracked.train()(lab.here(one)))
    centred = untracked(lab.here(one)).transpose(0, 1).flatten(1)
    lab.near("mean 0", centred.mean(1), torch.zeros(3))
    biased = _moments(one)[1] * 99 / 100
    lab.near("biased variance v / (v + eps)", centred.var(1, unbiased=False), biased / (biased + 1e-5))


@check("norm.batch_absorbs_bias", family=BATCH, suite="quick")
def absorbs_bias(lab: Lab, torch: Any) -> None:
    """A convolution's bias before batch normalization changes nothing and gets no gradient; folded for eval, too."""
    nn = torch.nn
    convolution, norm = lab.shaken(nn.Conv2d(3, 4, 3)).to(lab.device), lab.shaken(nn.BatchNorm2d(4)).to(lab.device)
    x = lab.here(lab.randn(4, 3, 8, 8))
    before = norm(convolution(x))
    (before * lab.here(lab.randn(*before.shape))).sum().backward()
    scale = convolution.weight.grad.abs().max()
    lab.measure("bias gradient / weight gradient", convolution.bias.grad.abs().max() / scale, F32)
    with torch.no_grad():
        convolution.bias += lab.here(10 * lab.randn(4))
    lab.near("output with another bias", norm(convolution(x)), before, RELATIVE)
    with torch.no_grad():
        for _ in range(3):
            norm(convolution(x))
    pair = nn.Sequential(convolution, norm).eval()
    fold = norm.weight / (norm.running_var + norm.eps).sqrt()
    bias = (convolution.bias - norm.running_mean) * fold + norm.bias
    folded = torch.conv2d(x, convolution.weight * fold[:, None, None, None], bias)
    lab.near("folded into the convolution", pair(x), folded, RELATIVE)


@check("norm.group", family="group normalization", suite="quick")
def group_norm(lab: Lab, torch: Any) -> None:
    """GroupNorm against its formula; one group is LayerNorm over (C, H, W), groups of one channel are InstanceNorm."""
    from ..reference import normalized

    def by_hand(x: Any, groups: int, eps: float = 1e-5) -> Any:
        split = x.reshape(x.shape[0], groups, -1)
        return normalized(split, [2], eps).reshape(x.shape)

    x = lab.randn(3, 6, 5, 4) * 3 + 5
    for groups in (1, 2, 3, 6):
        layer = lab.shaken(torch.nn.GroupNorm(groups, 6))
        lab.agree(
            "%d groups" % groups, layer, lambda x, weight, bias, g=groups: _affine(by_hand(x, g), weight, bias), x
        )
    lab.agree(
        "affine=False, eps=.1", torch.nn.GroupNorm(2, 6, eps=0.1, affine=False), lambda x: by_hand(x, 2, 0.1), x / 9
    )
    for other in (x[:, :, 0, 0], x.flatten(2), x[..., None]):
        plain = torch.nn.GroupNorm(3, 6, eps=0.1, affine=False)
        lab.agree("%d-D input" % other.dim(), plain, lambda x: by_hand(x, 3, 0.1), other / 9)
    y = lab.here(x)
    one, many = (torch.nn.GroupNorm(g, 6).to(lab.device)(y) for g in (1, 6))
    lab.near("GroupNorm(1) = LayerNorm", one, torch.nn.LayerNorm((6, 5, 4)).to(lab.device)(y))
    lab.near("GroupNorm(C) = InstanceNorm", many, torch.nn.InstanceNorm2d(6)(y))
    lab.raises("groups that do not divide the channels", lambda: torch.nn.GroupNorm(4, 6))


@check("norm.instance", family="instance normalization", suite="quick")
def instance_norm(lab: Lab, torch: Any) -> None:
    """InstanceNorm1d/2d/3d: each image and channel by itself; affine, running statistics, scale and shift vanish."""
    from ..reference import channelwise, normalized

    for dims, shape in SHAPES[1:]:
        kind = getattr(torch.nn, "InstanceNorm%dd" % (dims - 2))
        x, over = lab.randn(*shape) * 3 + 5, list(range(2, dims))
        lab.agree("%d-D" % dims, kind(3), lambda x, o=over: normalized(x, o, 1e-5), x)
        lab.agree("%d-D, eps=.1" % dims, kind(3, eps=0.1), lambda x, o=over: normalized(x, o, 0.1), x / 9)
        layer = lab.shaken(kind(3, affine=True))
        lab.agree(
            "%d-D, affine" % dims,
            layer,
            lambda x, weight, bias, o=over: _affine(normalized(x, o, 1e-5), weight, bias),
            x,
        )
        y = lab.here(x)
        scaled = kind(3)(y * lab.here(channelwise(lab.rand(3, low=2, high=9), x)) - 4)
        lab.near(
            "%d-D, contrast and brightness vanish" % dims, scaled, kind(3)(y), Gate(1e-4, "eps against a variance of 9")
        )
    tracked = torch.nn.InstanceNorm2d(3, track_running_stats=True, momentum=0.3).to(lab.device)
    x = lab.randn(4, 3, 5, 6) + 2
    tracked(lab.here(x))
    flat = x.flatten(2)
    lab.near("running mean", tracked.running_mean, 0.3 * flat.mean(2).mean(0))
    lab.near("running variance", tracked.running_var, 0.7 + 0.3 * flat.var(2, unbiased=True).mean(0))
    means, variances = (channelwise(v.detach().double().cpu(), x) for v in (tracked.running_mean, tracked.running_var))
    lab.agree("eval, tracked", tracked.eval(), lambda x: (x - means) / (variances + 1e-5) ** 0.5, x)


@check("norm.layer", family="layer normalization", suite="quick")
def layer_norm(lab: Lab, torch: Any) -> None:
    """LayerNorm: normalized_shape as int and tuple, eps, affine; mean 0, variance 1, invariant to a x + b."""
    from ..reference import normalized

    x = lab.randn(4, 5, 6) * 3 + 5
    for shape, over in ((6, [2]), ((6,), [2]), ((5, 6), [1, 2]), ((4, 5, 6), [0, 1, 2])):
        layer = lab.shaken(torch.nn.LayerNorm(shape))
        lab.agree(
            "normalized_shape %s" % (shape,),
            layer,
            lambda x, weight, bias, o=over: normalized(x, o, 1e-5) * weight + bias,
            x,
        )
    plain = torch.nn.LayerNorm(6, eps=0.1, elementwise_affine=False)
    lab.agree("elementwise_affine=False, eps=.1", plain, lambda x: normalized(x, [2], 0.1), x / 9)
    if "bias" in inspect.signature(torch.nn.LayerNorm.__init__).parameters:  # from torch 2.1 on
        weighed = lab.shaken(torch.nn.LayerNorm(6, bias=False))
        lab.agree("bias=False", weighed, lambda x, weight: normalized(x, [2], 1e-5) * weight, x)
    far = Gate(1e-3, "float32 rounding of 1000 against a deviation of 3; a difference of squares loses 1e-2")
    lab.near("far from 0", torch.nn.LayerNorm(6).to(lab.device)(lab.here(x + 1000)), normalized(x, [2], 1e-5), far)
    y = torch.nn.LayerNorm(6).to(lab.device)(lab.here(x))
    lab.near("mean 0", y.mean(2), torch.zeros(4, 5))
    lab.near(
        "biased variance 1", y.var(2, unbiased=False), torch.ones(4, 5), Gate(1e-4, "eps against variances of about 9")
    )
    lab.near(
        "invariant to 7 x + 2",
        torch.nn.LayerNorm(6).to(lab.device)(7 * lab.here(x) + 2),
        y,
        Gate(1e-4, "eps against the variance"),
    )
    lab.raises("another shape", lambda: torch.nn.LayerNorm(7).to(lab.device)(lab.here(x)))


@check("norm.rms", family="layer normalization")
def rms_norm(lab: Lab, torch: Any) -> None:
    """RMSNorm (torch 2.4 and newer) against x / sqrt(mean x^2 + eps)."""
    if not hasattr(torch.nn, "RMSNorm"):
        raise Skip("torch %s has no RMSNorm" % torch.__version__)
    x = lab.randn(4, 5, 6) / 9  # so small that eps is seen

    def by_hand(x: Any, shape: Any, eps: float) -> Any:
        over = list(range(-len(shape), 0))
        return x / ((x * x).sum(over, keepdim=True) / torch.Size(shape).numel() + eps) ** 0.5

    for shape in ((6,), (5, 6)):
        layer = lab.shaken(torch.nn.RMSNorm(shape, eps=1e-3))
        lab.agree("%s" % (shape,), layer, lambda x, weight, s=shape: by_hand(x, s, 1e-3) * weight, x)
        bare = torch.nn.RMSNorm(shape, eps=1e-3, elementwise_affine=False)
        lab.agree("%s, elementwise_affine=False" % (shape,), bare, lambda x, s=shape: by_hand(x, s, 1e-3), x)
    none = torch.nn.RMSNorm(6, elementwise_affine=False)
    lab.agree("eps=None adds next to nothing", none, lambda x: by_hand(x, (6,), 0.0), 9 * x)


@check("norm.local_response", family="layer normalization")
def local_response(lab: Lab, torch: Any) -> None:
    """LocalResponseNorm against x / (k + a / n sum of neighbours' squares)^b."""

    def by_hand(x: Any, size: int) -> Any:
        rows = []
        for c in range(7):
            near = x[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
            rows.append(x[:, c] / (2 + 0.5 / size * (near * near).sum(1)) ** 0.75)
        return torch.stack(rows, 1)

    for size, shape in itertools.product((2, 3, 4), ((2, 7, 5), (2, 7, 4, 3))):
        layer = torch.nn.LocalResponseNorm(size, alpha=0.5, beta=0.75, k=2.0)
        lab.agree("size %d, %d-D" % (size, len(shape)), layer, lambda x, n=size: by_hand(x, n), lab.randn(*shape))
