"""Reference optimizers for ``checks/optimizers.py``: the formulas of their papers, in float64.

Every rule takes the initial parameters and the gradients of consecutive steps, and yields the parameters after each
step. Nothing from ``torch.optim`` is used. Steps t count from 1.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Iterable, Iterator, List, Sequence, Tuple

Rule = Callable[..., Iterator[Any]]


def trace(
    rule: Rule, start: Any, gradients: Sequence[Any], weight_decay: float = 0.0, maximize: bool = False, **options: Any
) -> List[Any]:
    """Return the parameters after each step of a rule.

    ``maximize`` and coupled ``weight_decay`` change the gradients in the same way for all rules: they are applied here.
    """
    path = [start.clone()]
    # A generator: a rule takes its next gradient only after the parameters it yielded were appended to the path.
    decayed = ((-g if maximize else g) + weight_decay * path[-1] for g in gradients)
    for p in rule(path[0], decayed, **options):
        path.append(p)  # noqa: PERF402 - the next gradient reads path[-1]
    return path[1:]


def sgd(
    p: Any,
    gs: Iterable[Any],
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
) -> Iterator[Any]:
    """SGD with momentum (Polyak 1964) or Nesterov momentum (Sutskever et al. 2013, in the form torch documents)."""
    buffer = None
    for g in gs:
        buffer = g if buffer is None else momentum * buffer + (1 - dampening) * g
        p = p - lr * (g + momentum * buffer if nesterov else buffer)
        yield p


def adam(
    p: Any,
    gs: Iterable[Any],
    lr: float = 1e-3,
    betas: Tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    decay: float = 0.0,
    amsgrad: bool = False,
    eps_before_correction: bool = False,
) -> Iterator[Any]:
    """Adam (Kingma & Ba 2015), AdamW (``decay``, Loshchilov & Hutter 2019) and AMSGrad (Reddi et al. 2018).

    ``eps_before_correction``: eps is added before the bias correction of the second moment, as in SparseAdam.
    """
    m = v = top = p * 0
    for t, g in enumerate(gs, start=1):
        p = p * (1 - lr * decay)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        top = top.maximum(v) if amsgrad else v
        root = (1 - betas[1] ** t) ** 0.5
        p = p - lr * (m / (1 - betas[0] ** t)) / (top**0.5 / root + (eps / root if eps_before_correction else eps))
        yield p


def adamax(
    p: Any, gs: Iterable[Any], lr: float, betas: Tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
) -> Iterator[Any]:
    """Adamax (Kingma & Ba 2015, section 7.1)."""
    m = u = p * 0
    for t, g in enumerate(gs, start=1):
        m = betas[0] * m + (1 - betas[0]) * g
        u = (betas[1] * u).maximum(g.abs() + eps)
        p = p - lr / (1 - betas[0] ** t) * m / u
        yield p


def nadam(
    p: Any,
    gs: Iterable[Any],
    lr: float,
    betas: Tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    momentum_decay: float = 4e-3,
    decay: float = 0.0,
) -> Iterator[Any]:
    """NAdam (Dozat 2016) with its warm-up schedule of the momentum."""
    m = v = p * 0
    product = 1.0
    for t, g in enumerate(gs, start=1):
        mu, following = (betas[0] * (1 - 0.5 * 0.96 ** (s * momentum_decay)) for s in (t, t + 1))
        product *= mu
        p = p * (1 - lr * decay)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        ahead = following * m / (1 - product * following) + (1 - mu) * g / (1 - product)
        p = p - lr * ahead / ((v / (1 - betas[1] ** t)) ** 0.5 + eps)
        yield p


def radam(
    p: Any,
    gs: Iterable[Any],
    lr: float,
    betas: Tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    decay: float = 0.0,
) -> Iterator[Any]:
    """RAdam (Liu et al. 2020): rectified as soon as the variance can be estimated."""
    m = v = p * 0
    longest = 2 / (1 - betas[1]) - 1
    for t, g in enumerate(gs, start=1):
        p = p * (1 - lr * decay)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        length = longest - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
        step = m / (1 - betas[0] ** t)
        if length > 5:
            top, bottom = (length - 4) * (length - 2) * longest, (longest - 4) * (longest - 2) * length
            step = step * math.sqrt(top / bottom) * math.sqrt(1 - betas[1] ** t) / (v**0.5 + eps)
        p = p - lr * step
        yield p


def adagrad(
    p: Any,
    gs: Iterable[Any],
    lr: float,
    lr_decay: float = 0.0,
    eps: float = 1e-10,
    initial_accumulator_value: float = 0.0,
) -> Iterator[Any]:
    """Adagrad (Duchi et al. 2011)."""
    total = p * 0 + initial_accumulator_value
    for t, g in enumerate(gs, start=1):
        total = total + g * g
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (total**0.5 + eps)
        yield p


def adadelta(p: Any, gs: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6) -> Iterator[Any]:
    """Adadelta (Zeiler 2012)."""
    squares = updates = p * 0
    for g in gs:
        squares = rho * squares + (1 - rho) * g * g
        update = (updates + eps) ** 0.5 / (squares + eps) ** 0.5 * g
        updates = rho * updates + (1 - rho) * update * update
        p = p - lr * update
        yield p


def rmsprop(
    p: Any,
    gs: Iterable[Any],
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    centered: bool = False,
) -> Iterator[Any]:
    """RMSprop (Hinton 2012, lecture 6), ``centered`` as in Graves 2013."""
    v = mean = buffer = p * 0
    for g in gs:
        v = alpha * v + (1 - alpha) * g * g
        mean = alpha * mean + (1 - alpha) * g
        scaled = g / ((v - mean * mean if centered else v) ** 0.5 + eps)
        buffer = momentum * buffer + scaled
        p = p - lr * buffer
        yield p


def rprop(
    p: Any,
    gs: Iterable[Any],
    lr: float,
    etas: Tuple[float, float] = (0.5, 1.2),
    step_sizes: Tuple[float, float] = (1e-6, 50),
) -> Iterator[Any]:
    """Rprop (Riedmiller & Braun 1993) in the variant iRprop-: a gradient that changed sign is zeroed for one step."""
    previous, size = p * 0, p * 0 + lr
    for g in gs:
        sign_product = (g * previous).sign()
        factor = etas[1] ** sign_product.clamp(min=0) * etas[0] ** (-sign_product).clamp(min=0)
        size = (size * factor).clamp(*step_sizes)
        previous = g * (sign_product >= 0)
        p = p - previous.sign() * size
        yield p


def asgd(p: Any, gs: Iterable[Any], lr: float, lambd: float = 1e-4, alpha: float = 0.75) -> Iterator[Any]:
    """ASGD (Polyak & Juditsky 1992) with Bottou's decaying rate; the average is not computed."""
    for t, g in enumerate(gs):
        eta = lr / (1 + lambd * lr * t) ** alpha
        p = p * (1 - lambd * eta) - eta * g
        yield p


def adafactor(
    p: Any,
    gs: Iterable[Any],
    lr: float,
    beta2_decay: float = -0.8,
    eps: Tuple[float, float] = (1e-15, 1e-3),
    d: float = 1.0,
    decay: float = 0.0,
) -> Iterator[Any]:
    """Adafactor (Shazeer & Stern 2018): second moments of a matrix are factored into row and column means."""
    v = rows = columns = p * 0
    for t, g in enumerate(gs, start=1):
        new = float(t) ** beta2_decay
        step = max(eps[1], float((p * p).mean() ** 0.5)) * min(lr, t**-0.5)
        p = p * (1 - lr * decay)
        if p.dim() < 2:
            v = (1 - new) * v + new * g * g
        else:
            rows = (1 - new) * rows.mean(1, keepdim=True) + new * (g * g).mean(1, keepdim=True)
            columns = (1 - new) * columns.mean(0, keepdim=True) + new * (g * g).mean(0, keepdim=True)
            v = rows * columns / rows.mean()
        update = g / v.clamp(min=eps[0] ** 2) ** 0.5
        p = p - step * update / max(1.0, float((update * update).mean() ** 0.5) / d)
        yield p


def muon(
    p: Any,
    gs: Iterable[Any],
    lr: float,
    momentum: float = 0.95,
    nesterov: bool = True,
    decay: float = 0.0,
    adjust_lr_fn: str = "original",
) -> Iterator[Any]:
    """Muon (Jordan et al. 2024); ``match_rms_adamw`` scales as in Liu et al. 2025."""
    rows, columns = p.shape
    scale = max(1.0, rows / columns) ** 0.5 if adjust_lr_fn == "original" else 0.2 * max(rows, columns) ** 0.5
    buffer = p * 0
    for g in gs:
        buffer = momentum * buffer + (1 - momentum) * g
        ahead = (1 - momentum) * g + momentum * buffer if nesterov else buffer
        p = p * (1 - lr * decay) - lr * scale * newton_schulz(ahead)
        yield p


def newton_schulz(g: Any, coefficients: Tuple[float, float, float] = (3.4445, -4.775, 2.0315), steps: int = 5) -> Any:
    """Return the approximately orthogonalized gradient along which Muon steps (Jordan et al. 2024)."""
    a, b, c = coefficients
    x = g / (g * g).sum() ** 0.5
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x
