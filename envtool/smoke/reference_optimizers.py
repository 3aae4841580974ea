"""Optimizers from their papers, in float64 and a few lines each: the references of ``checks/optimizers.py``.

Every rule takes the start and the gradients of consecutive steps and yields the parameters after each step.
Numbers are numpy-like tensors; nothing of ``torch.optim`` is used. t counts from 1.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Iterable, Iterator, List, Sequence, Tuple

Rule = Callable[..., Iterator[Any]]


def trace(
    rule: Rule, start: Any, gradients: Sequence[Any], weight_decay: float = 0.0, maximize: bool = False, **options: Any
) -> List[Any]:
    """Return the parameters after each step.

    ``maximize`` turns the gradients, ``weight_decay`` adds its part to them: to every rule both are the same.
    """
    path = [start.clone()]
    # A rule asks for its next gradient after it has yielded, so that the last parameters are those it starts from.
    pulls = ((-g if maximize else g) + weight_decay * path[-1] for g in gradients)
    for p in rule(path[0], pulls, **options):
        path.append(p)  # noqa: PERF402 - one by one: the next gradient looks at it
    return path[1:]


def sgd(
    p: Any,
    gs: Iterable[Any],
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
) -> Iterator[Any]:
    """Polyak 1964; Nesterov as in Sutskever et al. 2013, in the form torch documents."""
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
    late: bool = False,
) -> Iterator[Any]:
    """Kingma & Ba 2015; ``decay`` as in AdamW, Loshchilov & Hutter 2019; ``amsgrad`` Reddi et al. 2018.

    ``late`` corrects the second moment after eps was added, not before: SparseAdam does.
    """
    m = v = top = p * 0
    for t, g in enumerate(gs, start=1):
        p = p * (1 - lr * decay)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        top = top.maximum(v) if amsgrad else v
        root = (1 - betas[1] ** t) ** 0.5
        p = p - lr * (m / (1 - betas[0] ** t)) / (top**0.5 / root + (eps / root if late else eps))
        yield p


def adamax(
    p: Any, gs: Iterable[Any], lr: float, betas: Tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
) -> Iterator[Any]:
    """Kingma & Ba 2015, section 7.1."""
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
    """Dozat 2016, with the warming schedule of the momentum."""
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
    """Liu et al. 2020: rectified only once the variance can be estimated."""
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
    """Duchi et al. 2011."""
    total = p * 0 + initial_accumulator_value
    for t, g in enumerate(gs, start=1):
        total = total + g * g
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (total**0.5 + eps)
        yield p


def adadelta(p: Any, gs: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6) -> Iterator[Any]:
    """Zeiler 2012."""
    squares = moves = p * 0
    for g in gs:
        squares = rho * squares + (1 - rho) * g * g
        move = (moves + eps) ** 0.5 / (squares + eps) ** 0.5 * g
        moves = rho * moves + (1 - rho) * move * move
        p = p - lr * move
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
    """Hinton 2012, lecture 6; ``centered`` Graves 2013."""
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
    """Riedmiller & Braun 1993, iRprop-: a gradient that changed sign is forgotten for one step."""
    before, size = p * 0, p * 0 + lr
    for g in gs:
        turn = (g * before).sign()
        factor = etas[1] ** turn.clamp(min=0) * etas[0] ** (-turn).clamp(min=0)
        size = (size * factor).clamp(*step_sizes)
        before = g * (turn >= 0)
        p = p - before.sign() * size
        yield p


def asgd(p: Any, gs: Iterable[Any], lr: float, lambd: float = 1e-4, alpha: float = 0.75) -> Iterator[Any]:
    """Polyak & Juditsky 1992 with Bottou's decaying rate; the average is kept apart."""
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
    """Shazeer & Stern 2018: of matrices, second moments are kept as a row times a column."""
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
    """Jordan et al. 2024; ``match_rms_adamw`` scales as Liu et al. 2025."""
    high, wide = p.shape
    scale = max(1.0, high / wide) ** 0.5 if adjust_lr_fn == "original" else 0.2 * max(high, wide) ** 0.5
    buffer = p * 0
    for g in gs:
        buffer = momentum * buffer + (1 - momentum) * g
        ahead = (1 - momentum) * g + momentum * buffer if nesterov else buffer
        p = p * (1 - lr * decay) - lr * scale * newton_schulz(ahead)
        yield p


def newton_schulz(g: Any, coefficients: Tuple[float, float, float] = (3.4445, -4.775, 2.0315), steps: int = 5) -> Any:
    """Return the nearly orthogonal matrix that Muon moves along (Jordan et al. 2024)."""
    a, b, c = coefficients
    x = g / (g * g).sum() ** 0.5
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x
