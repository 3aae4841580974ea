"""The dropout family: who survives, by how much it grows, and whether the gradient takes the same way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "dropout"
N = 100_000


@check("dropout.element", family=FAMILY, suite="quick")
def element(lab: Lab, torch: Any) -> None:
    """Dropout: survivors are x / (1 - p), their share is 1 - p, the gradient has the same mask; eval, p = 0, p = 1."""
    x = lab.here(lab.rand(N, low=0.5, high=1.5)).requires_grad_()
    for p in (0.1, 0.5, 0.9):
        y = torch.nn.Dropout(p)(x)
        alive = y != 0
        lab.near("p=%g: survivors are x / (1 - p)" % p, y[alive], (x / (1 - p))[alive])
        lab.sigmas("p=%g: share of survivors" % p, alive.double().mean(), 1 - p, math.sqrt(p * (1 - p) / N))
        ones = torch.nn.Dropout(p)(torch.ones_like(x))
        lab.sigmas("p=%g: mean is kept" % p, ones.double().mean(), 1.0, math.sqrt(p / (1 - p) / N))
        (gradient,) = torch.autograd.grad(y.sum(), x)
        lab.near("p=%g: gradient is the mask / (1 - p)" % p, gradient, alive.double() / (1 - p))
    mask = (torch.nn.Dropout(0.5)(x) != 0).double().cpu()
    neighbours = (mask[1:] * mask[:-1]).mean()
    lab.sigmas("neighbours are independent", neighbours, 0.25, math.sqrt(5 / 16 / N))
    often = torch.stack([torch.nn.Dropout(0.5)(torch.ones(1003, device=lab.device)) for _ in range(64)]) != 0
    lab.holds("no place is always kept or always dropped", bool((often.any(0) & ~often.all(0)).all()))
    lab.exact("eval is the identity", torch.nn.Dropout(0.5).eval()(x), x)
    lab.exact("p=0 is the identity", torch.nn.Dropout(0.0)(x), x)
    lab.exact("p=1 leaves nothing", torch.nn.Dropout(1.0)(x), torch.zeros(N))
    lab.raises("p=1.5", lambda: torch.nn.Dropout(1.5), ValueError)
    own = lab.here(lab.rand(64, low=0.5))
    kept = torch.nn.Dropout(0.5, inplace=True)(own)
    lab.holds("inplace writes into its input", kept.data_ptr() == own.data_ptr() and bool((own == 0).any()))


@check("dropout.seed", family=FAMILY, suite="quick")
def seed(lab: Lab, torch: Any) -> None:
    """The same seed gives the same mask, another one another."""
    x = torch.ones(1000, device=lab.device)

    def draw(number: int) -> Any:
        torch.manual_seed(number)
        return torch.nn.Dropout(0.5)(x)

    lab.exact("same seed", draw(1), draw(1))
    lab.holds("another seed", not torch.equal(draw(1), draw(2)))
    torch.manual_seed(1)
    lab.holds("two draws", not torch.equal(torch.nn.Dropout(0.5)(x), torch.nn.Dropout(0.5)(x)))


@check("dropout.channel", family=FAMILY, suite="quick")
def channel(lab: Lab, torch: Any) -> None:
    """Dropout1d/2d/3d drop whole channels, each with probability p, whatever happens to its neighbours."""
    n, r = 20_000, 0.7
    for dims in (1, 2, 3):
        kind = getattr(torch.nn, "Dropout%dd" % dims)
        x = lab.here(lab.rand(200, 100, *[3] * dims, low=0.5)).requires_grad_()
        y = kind(0.3)(x)
        whole = (y != 0).flatten(2)
        lab.exact("%dd: all or nothing" % dims, whole.all(2), whole.any(2))
        alive = whole.any(2)
        lab.near("%dd: survivors are x / (1 - p)" % dims, y[alive], (x / r)[alive])
        (gradient,) = torch.autograd.grad(y.sum(), x)
        lab.near("%dd: gradient is the mask / (1 - p)" % dims, gradient.flatten(2), whole.double() / r)
        mask = alive.double()
        lab.sigmas("%dd: share" % dims, mask.mean(), r, math.sqrt(r * (1 - r) / n))
        error = math.sqrt((r**2 - r**4 + 2 * (r**3 - r**4)) / n)
        lab.sigmas("%dd: images are independent" % dims, (mask[1:] * mask[:-1]).mean(), r**2, error)
        lab.sigmas("%dd: channels are independent" % dims, (mask[:, 1:] * mask[:, :-1]).mean(), r**2, error)
        lab.exact("%dd: eval" % dims, kind(0.3).eval()(x), x)
        lab.exact("%dd: p=0" % dims, kind(0.0)(x), x)
        lab.exact("%dd: p=1" % dims, kind(1.0)(x), 0 * x)


@check("dropout.alpha", family=FAMILY, suite="quick")
def alpha(lab: Lab, torch: Any) -> None:
    """AlphaDropout and FeatureAlphaDropout keep mean 0 and variance 1, and set the dropped ones to one value."""
    # The constants of SELU, Klambauer et al. 2017: the dropped value is -scale alpha, then an affine map.
    saturated, p = -1.0507009873554805 * 1.6732632423543772, 0.2
    x = lab.here(lab.randn(N))
    x = (x - x.mean()) / x.std(unbiased=False)
    # No survivor is to look like one that was dropped; the one or two that would do not move the moments.
    x = torch.where((x - saturated).abs() < 1e-4, 0 * x, x).requires_grad_()
    a = 1 / math.sqrt((1 - p) * (1 + p * saturated**2))
    b = -a * p * saturated
    for name in ("AlphaDropout", "FeatureAlphaDropout"):
        y = getattr(torch.nn, name)(p)(x.reshape(-1, 100, 1, 1)).flatten()
        dropped = (y - (a * saturated + b)).abs() < 1e-5
        lab.near(name + ": survivors are a x + b", y[~dropped], (a * x + b)[~dropped])
        lab.sigmas(name + ": share", dropped.double().mean(), p, math.sqrt(p * (1 - p) / N))
        # The data has mean 0 and variance 1 exactly, so what is left is the noise of the mask.
        lab.sigmas(name + ": mean", y.double().mean(), 0.0, a * math.sqrt(p * (1 - p) * (1 + saturated**2) / N))
        lab.measure(name + ": variance", (y.double().var() - 1).abs(), Gate(0.02, "30 seeds stay below 0.0051"))
        (gradient,) = torch.autograd.grad(y.sum(), x)
        lab.near(name + ": gradient is a for survivors", gradient, a * (~dropped).double())
        lab.exact(name + ": eval", getattr(torch.nn, name)(p).eval()(x), x)
        lab.exact(name + ": p=0", getattr(torch.nn, name)(0.0)(x), x)
    maps = torch.nn.FeatureAlphaDropout(p)(x.reshape(40, 100, 5, 5))
    dropped = ((maps - (a * saturated + b)).abs() < 1e-5).flatten(2)
    lab.exact("FeatureAlphaDropout: all or nothing", dropped.all(2), dropped.any(2))
