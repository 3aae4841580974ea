"""Dropout: the share of survivors, their scale, their independence, and the mask of the gradient."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "dropout"
N = 100_000


@check("dropout.element", family=FAMILY, suite="quick")
def element(context: CheckContext, torch: Any) -> None:
    """Dropout: survivors are x / (1 - p), their share is 1 - p, the gradient has the same mask; eval, p = 0, p = 1."""
    x = context.to_device(context.rand(N, low=0.5, high=1.5)).requires_grad_()
    for p in (0.1, 0.5, 0.9):
        y = torch.nn.Dropout(p)(x)
        kept = y != 0
        context.near("p=%g: survivors are x / (1 - p)" % p, y[kept], (x / (1 - p))[kept])
        context.sigmas("p=%g: share of survivors" % p, kept.double().mean(), 1 - p, math.sqrt(p * (1 - p) / N))
        ones = torch.nn.Dropout(p)(torch.ones_like(x))
        context.sigmas("p=%g: mean is preserved" % p, ones.double().mean(), 1.0, math.sqrt(p / (1 - p) / N))
        (gradient,) = torch.autograd.grad(y.sum(), x)
        context.near("p=%g: gradient is the mask / (1 - p)" % p, gradient, kept.double() / (1 - p))
    mask = (torch.nn.Dropout(0.5)(x) != 0).double().cpu()
    neighbours = (mask[1:] * mask[:-1]).mean()
    context.sigmas("neighbours are independent", neighbours, 0.25, math.sqrt(5 / 16 / N))
    masks = torch.stack([torch.nn.Dropout(0.5)(torch.ones(1003, device=context.device)) for _ in range(64)]) != 0
    context.holds("no position is always kept or always dropped", bool((masks.any(0) & ~masks.all(0)).all()))
    context.exact("eval is the identity", torch.nn.Dropout(0.5).eval()(x), x)
    context.exact("p=0 is the identity", torch.nn.Dropout(0.0)(x), x)
    context.exact("p=1 drops everything", torch.nn.Dropout(1.0)(x), torch.zeros(N))
    context.raises("p=1.5 is refused", lambda: torch.nn.Dropout(1.5), ValueError)
    x_inplace = context.to_device(context.rand(64, low=0.5))
    y_inplace = torch.nn.Dropout(0.5, inplace=True)(x_inplace)
    context.holds(
        "inplace overwrites its input", y_inplace.data_ptr() == x_inplace.data_ptr() and bool((x_inplace == 0).any())
    )


@check("dropout.seed", family=FAMILY, suite="quick")
def seed(context: CheckContext, torch: Any) -> None:
    """Dropout masks: the same seed gives the same mask, another seed a different one."""
    x = torch.ones(1000, device=context.device)

    def draw(number: int) -> Any:
        torch.manual_seed(number)
        return torch.nn.Dropout(0.5)(x)

    context.exact("same seed", draw(1), draw(1))
    context.holds("different seeds", not torch.equal(draw(1), draw(2)))
    torch.manual_seed(1)
    context.holds("consecutive draws", not torch.equal(torch.nn.Dropout(0.5)(x), torch.nn.Dropout(0.5)(x)))


@check("dropout.channel", family=FAMILY, suite="quick")
def channel(context: CheckContext, torch: Any) -> None:
    """Dropout1d/2d/3d drop whole channels, independently with probability p."""
    n, r = 20_000, 0.7
    for dims in (1, 2, 3):
        kind = getattr(torch.nn, "Dropout%dd" % dims)
        x = context.to_device(context.rand(200, 100, *[3] * dims, low=0.5)).requires_grad_()
        y = kind(0.3)(x)
        whole = (y != 0).flatten(2)
        context.exact("%dd: all or nothing" % dims, whole.all(2), whole.any(2))
        kept = whole.any(2)
        context.near("%dd: survivors are x / (1 - p)" % dims, y[kept], (x / r)[kept])
        (gradient,) = torch.autograd.grad(y.sum(), x)
        context.near("%dd: gradient is the mask / (1 - p)" % dims, gradient.flatten(2), whole.double() / r)
        mask = kept.double()
        context.sigmas("%dd: share of survivors" % dims, mask.mean(), r, math.sqrt(r * (1 - r) / n))
        error = math.sqrt((r**2 - r**4 + 2 * (r**3 - r**4)) / n)
        context.sigmas("%dd: images are independent" % dims, (mask[1:] * mask[:-1]).mean(), r**2, error)
        context.sigmas("%dd: channels are independent" % dims, (mask[:, 1:] * mask[:, :-1]).mean(), r**2, error)
        context.exact("%dd: eval" % dims, kind(0.3).eval()(x), x)
        context.exact("%dd: p=0" % dims, kind(0.0)(x), x)
        context.exact("%dd: p=1" % dims, kind(1.0)(x), 0 * x)


@check("dropout.alpha", family=FAMILY, suite="quick")
def alpha(context: CheckContext, torch: Any) -> None:
    """AlphaDropout and FeatureAlphaDropout preserve mean 0 and variance 1 and set dropped elements to one value."""
    # Constants of SELU (Klambauer et al. 2017): dropped elements become -scale alpha, before an affine map.
    saturated, p = -1.0507009873554805 * 1.6732632423543772, 0.2
    x = context.to_device(context.randn(N))
    x = (x - x.mean()) / x.std(unbiased=False)
    # No survivor may look like a dropped element. Zeroing the one or two that would does not affect the moments.
    x = torch.where((x - saturated).abs() < 1e-4, 0 * x, x).requires_grad_()
    a = 1 / math.sqrt((1 - p) * (1 + p * saturated**2))
    b = -a * p * saturated
    for name in ("AlphaDropout", "FeatureAlphaDropout"):
        y = getattr(torch.nn, name)(p)(x.reshape(-1, 100, 1, 1)).flatten()
        dropped = (y - (a * saturated + b)).abs() < 1e-5
        context.near(name + ": survivors are a x + b", y[~dropped], (a * x + b)[~dropped])
        context.sigmas(name + ": share of dropped elements", dropped.double().mean(), p, math.sqrt(p * (1 - p) / N))
        # The data has mean 0 and variance 1 exactly: the only noise is that of the mask.
        context.sigmas(name + ": mean", y.double().mean(), 0.0, a * math.sqrt(p * (1 - p) * (1 + saturated**2) / N))
        context.measure(
            name + ": variance", (y.double().var() - 1).abs(), Tolerance(0.02, "30 seeds stay below 0.0051")
        )
        (gradient,) = torch.autograd.grad(y.sum(), x)
        context.near(name + ": gradient of survivors is a", gradient, a * (~dropped).double())
        context.exact(name + ": eval", getattr(torch.nn, name)(p).eval()(x), x)
        context.exact(name + ": p=0", getattr(torch.nn, name)(0.0)(x), x)
    maps = torch.nn.FeatureAlphaDropout(p)(x.reshape(40, 100, 5, 5))
    dropped = ((maps - (a * saturated + b)).abs() < 1e-5).flatten(2)
    context.exact("FeatureAlphaDropout: all or nothing", dropped.all(2), dropped.any(2))
