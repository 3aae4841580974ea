"""Optimizers: their steps against the papers' formulas, their implementations against each other, and convergence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import stepping
from ..facts import release
from ..gates import EXACT, F32, F64, Gate
from ..registry import Skip, check

if TYPE_CHECKING:
    from ..lab import Lab

FAMILY = "optimizers"
STEPS = 8
SCALARS = Gate(1e-6, "torch keeps its step-dependent factors in float32")
OLD_FOREACH = Gate(1e-8, "torch 1.13's foreach implementation keeps the decayed rate in float32")
SOLVED = Gate(1e-5, "30 seeds reach 4e-7 of the start or less")
SLOWER = Gate(1e-2, "its steps are relative to the parameters, so the last ones are small; 30 seeds reach 5e-4")


def _walk(lab: Lab, torch: Any, make: Any, start: Any, gradients: Any, dtype: Any) -> Any:
    """Run a torch optimizer over given gradients and return the parameters after each step."""
    p = torch.nn.Parameter(lab.here(start, dtype=dtype))
    optimizer = make([p])
    path = []
    for g in gradients:
        p.grad = lab.here(g, dtype=dtype)
        optimizer.step()
        path.append(p.detach().clone())
    return torch.stack(path)


def _follows(lab: Lab, torch: Any, name: str, rule: Any, options: Any, own: Any = None, gate64: Any = None) -> None:
    """Compare a torch optimizer with its rule, step by step, in float32 and float64 and every implementation."""
    kind = getattr(torch.optim, name, None)
    if kind is None:
        raise Skip("torch %s has no %s" % (torch.__version__, name))
    start, gradients = lab.randn(4, 3), [lab.randn(4, 3) for _ in range(STEPS)]
    want = torch.stack(stepping.trace(rule, start, gradients, **(options if own is None else own)))
    for variant in ({}, {"foreach": True}, {"foreach": False}, {"fused": True}, {"capturable": True}):
        for dtype, gate in ((torch.float32, F32), (torch.float64, gate64 or F64)):
            try:
                got = _walk(lab, torch, lambda p, v=variant: kind(p, **options, **v), start, gradients, dtype)
            except (TypeError, RuntimeError, ValueError, AssertionError):
                if not variant:
                    raise
                continue  # this implementation does not exist here: old torch, or a device that has none
            kept = {key: value for key, value in options.items() if value}
            lab.near("%s %s %s %s" % (name, kept, variant or "", str(dtype)[6:]), got, want, gate)


@check("optimizer.sgd", family=FAMILY, suite="quick")
def sgd(lab: Lab, torch: Any) -> None:
    """SGD, momentum, dampening, Nesterov, weight decay, maximize; and x_k = (1 - lr a)^k x_0 on a parabola."""
    for options in (
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05},
        {"lr": 0.1, "momentum": 0.8, "nesterov": True},
        {"lr": 0.1, "maximize": True},
    ):
        _follows(lab, torch, "SGD", stepping.sgd, options)
    a, lr, x0 = 0.7, 0.3, lab.randn(5)
    x = torch.nn.Parameter(lab.here(x0, dtype=torch.float64))
    optimizer = torch.optim.SGD([x], lr=lr)
    for _ in range(20):
        optimizer.zero_grad()
        (0.5 * a * x * x).sum().backward()
        optimizer.step()
    lab.near("20 steps on a parabola", x, (1 - lr * a) ** 20 * x0, Gate(1e-12, "closed form, float64"))


@check("optimizer.adam", family=FAMILY, suite="quick")
def adam(lab: Lab, torch: Any) -> None:
    """Adam, AMSGrad and AdamW; the first step is -lr g / (|g| + eps), decay in AdamW multiplies."""
    for options in (
        {"lr": 0.05},
        {"lr": 0.05, "weight_decay": 0.1, "betas": (0.8, 0.95)},
        {"lr": 0.05, "amsgrad": True},
    ):
        _follows(lab, torch, "Adam", stepping.adam, options)
        own = {"weight_decay": 1e-2, **options, "decoupled": True}
        _follows(lab, torch, "AdamW", stepping.adam, options, own)
    start, g = lab.randn(6), lab.randn(6)
    first = _walk(lab, torch, lambda p: torch.optim.Adam(p, lr=0.1), start, [g], torch.float64)
    lab.near("first step", first[0], start - 0.1 * g / (g.abs() + 1e-8), Gate(1e-12, "closed form, float64"))
    still = _walk(lab, torch, lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.5), start, [g * 0], torch.float64)
    lab.near("decay alone", still[0], start * 0.95, Gate(1e-12, "closed form, float64"))


@check("optimizer.adaptive", family=FAMILY)
def adaptive(lab: Lab, torch: Any) -> None:
    """Adagrad, Adadelta, RMSprop (momentum, centered), Rprop, Adamax, NAdam, RAdam and ASGD, step by step."""
    _follows(lab, torch, "Adagrad", stepping.adagrad, {"lr": 0.1, "lr_decay": 0.2}, gate64=OLD_FOREACH)
    _follows(lab, torch, "Adadelta", stepping.adadelta, {"lr": 0.8, "rho": 0.7, "eps": 1e-4})
    for options in ({"lr": 0.02}, {"lr": 0.02, "momentum": 0.6, "alpha": 0.9}, {"lr": 0.02, "centered": True}):
        centered = (
            Gate(1e-9, "a difference of squares, and a step that divides by it") if "centered" in options else None
        )
        _follows(lab, torch, "RMSprop", stepping.rmsprop, {**options, "eps": 1e-3}, gate64=centered)
    _follows(lab, torch, "Rprop", stepping.rprop, {"lr": 0.05})
    _follows(lab, torch, "Adamax", stepping.adamax, {"lr": 0.05})
    if release(torch) >= (2, 0):  # before, its loop over single tensors applied the momentum's schedule twice
        _follows(lab, torch, "NAdam", stepping.nadam, {"lr": 0.05}, gate64=SCALARS)
    _follows(lab, torch, "RAdam", stepping.radam, {"lr": 0.05, "betas": (0.9, 0.9)}, gate64=SCALARS)
    _follows(lab, torch, "ASGD", stepping.asgd, {"lr": 0.1, "lambd": 0.05, "alpha": 0.75}, gate64=SCALARS)


@check("optimizer.sparse_adam", family=FAMILY)
def sparse_adam(lab: Lab, torch: Any) -> None:
    """SparseAdam on an embedding: touched rows move as in Adam, the others stay where they are."""
    start = lab.randn(5, 3)
    embedding = torch.nn.Embedding(5, 3, sparse=True, device=lab.device, dtype=torch.float64)
    with torch.no_grad():
        embedding.weight.copy_(start)
    optimizer = torch.optim.SparseAdam(list(embedding.parameters()), lr=0.1)
    rows, pulls = torch.tensor([1, 3]), [lab.randn(2, 3) for _ in range(4)]
    for pull in pulls:
        optimizer.zero_grad()
        (embedding(rows.to(lab.device)) * lab.here(pull, dtype=torch.float64)).sum().backward()
        optimizer.step()
    moved = stepping.trace(stepping.adam, start[rows], pulls, lr=0.1, late=True)[-1]
    lab.near("touched rows", embedding.weight[rows.to(lab.device)], moved, F64)
    others = torch.tensor([0, 2, 4])
    lab.exact("other rows", embedding.weight[others.to(lab.device)], start[others])


@check("optimizer.adafactor", family=FAMILY)
def adafactor(lab: Lab, torch: Any) -> None:
    """Adafactor (torch 2.5 and newer) on a matrix: factored second moments, clipped and relative steps."""
    options = {"lr": 0.05, "weight_decay": 0.1}
    _follows(lab, torch, "Adafactor", stepping.adafactor, options, gate64=SCALARS)


@check("optimizer.muon", family=FAMILY)
def muon(lab: Lab, torch: Any) -> None:
    """Muon (torch 2.9 and newer): its step against Newton-Schulz in float64; the step is nearly orthogonal."""
    kind = getattr(torch.optim, "Muon", None)
    if kind is None:
        raise Skip("torch %s has no Muon" % torch.__version__)
    start, g = lab.randn(6, 8), lab.randn(6, 8)
    moved = _walk(lab, torch, lambda p: kind(p, lr=0.1, weight_decay=0.2, momentum=0.9), start, [g], torch.float32)[0]
    step = (start * (1 - 0.1 * 0.2) - moved.cpu().double()) / 0.1
    bf16 = Gate(0.08, "torch runs it in bfloat16: at most 0.033 in 30 seeds")
    lab.near("step", step, stepping.newton_schulz(g), bf16)  # the scale of g does not matter
    stretch = torch.linalg.svdvals(step)
    lab.measure("largest stretch", stretch.max(), Gate(1.5, "Jordan et al. 2024: singular values end in 0.5 .. 1.5"))
    lab.measure("smallest stretch", stretch.min(), Gate(0.3, "Jordan et al. 2024; 30 seeds reach 0.68", floor=True))


@check("optimizer.lbfgs", family=FAMILY, suite="quick")
def lbfgs(lab: Lab, torch: Any) -> None:
    """LBFGS with a strong Wolfe search solves a linear system: the answer is that of elimination."""
    m = lab.randn(6, 6)
    a, b = m @ m.T + torch.eye(6, dtype=torch.float64), lab.randn(6)
    x = torch.nn.Parameter(torch.zeros(6, dtype=torch.float64, device=lab.device))
    here, right = lab.here(a, b, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(
        [x], max_iter=100, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def energy() -> Any:
        optimizer.zero_grad()
        value = 0.5 * x @ here @ x - right @ x
        value.backward()
        return value

    optimizer.step(energy)
    lab.near("A x = b", a @ x.detach().cpu(), b, Gate(1e-6, "at most 3e-8 in 30 seeds"))


# Learning rates under which each solves the parabola below in 300 steps. RAdam is unstable in a curved valley and Muon
# moves matrices, so that the parabola is over a matrix for all.
RATES = {
    "SGD": {"lr": 0.15},
    "Adam": {"lr": 0.1},
    "AdamW": {"lr": 0.1, "weight_decay": 0.0},
    "Adamax": {"lr": 0.1},
    "NAdam": {"lr": 0.1},
    "RAdam": {"lr": 0.1},
    "Adagrad": {"lr": 1.0},
    "Adadelta": {"lr": 1.0, "eps": 1e-3},
    "RMSprop": {"lr": 0.03},
    "Rprop": {"lr": 0.05},
    "ASGD": {"lr": 0.15, "lambd": 0.0},
    "Adafactor": {"lr": 1.0},
    "Muon": {"lr": 0.2, "weight_decay": 0.0},
}


@check("optimizer.convergence", family=FAMILY)
def convergence(lab: Lab, torch: Any) -> None:
    """Every optimizer brings a parabola of condition 10 from its start to next to nothing, with a cosine schedule."""
    scale = torch.logspace(0, 1, 10, dtype=torch.float64).reshape(2, 5)
    start, curves = lab.randn(2, 5), {}
    for name, options in RATES.items():
        kind = getattr(torch.optim, name, None)
        if kind is None:
            continue
        steps = 600 if name in ("Adadelta", "Adafactor", "Muon", "RAdam") else 300
        curves[name] = _descend(lab, torch, kind, options, scale, start, steps)
        lab.measure(name, curves[name][-1], SLOWER if name == "Adafactor" else SOLVED)
    lab.figure("curves", "A parabola of condition 10: f / f(start)", series=curves, log=True)


def _descend(lab: Lab, torch: Any, kind: Any, options: Any, scale: Any, start: Any, steps: int) -> Any:
    x, bowl = torch.nn.Parameter(lab.here(start)), lab.here(scale)
    optimizer = kind([x], **options)
    rate, first, curve = options["lr"], float((0.5 * scale * start**2).sum()), []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimizer.zero_grad()
        loss = (0.5 * bowl * x * x).sum()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            curve.append(float(loss.detach()) / first)
    return [*curve, float((0.5 * bowl * x * x).sum().detach()) / first]


@check("optimizer.valley", family=FAMILY)
def valley(lab: Lab, torch: Any) -> None:
    """LBFGS, SGD with momentum and Adam find the bottom of Rosenbrock's valley from (-1.2, 1)."""

    def rosenbrock(p: Any) -> Any:
        return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2

    for name, steps, options in (
        ("LBFGS", 20, {"max_iter": 10, "line_search_fn": "strong_wolfe"}),
        ("SGD", 2000, {"lr": 1e-3, "momentum": 0.9}),
        ("Adam", 1500, {"lr": 0.3}),
    ):
        p = torch.nn.Parameter(torch.tensor([-1.2, 1.0], device=lab.device))
        optimizer = getattr(torch.optim, name)([p], **options)

        def closure() -> Any:
            optimizer.zero_grad()
            value = rosenbrock(p)
            value.backward()
            return value

        for step in range(steps):
            if name == "Adam":
                optimizer.param_groups[0]["lr"] = 0.3 * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimizer.step(closure)
        lab.measure(name, rosenbrock(p), Gate(1e-4, "deterministic; 1e-8 or less on CPUs"))
    lab.measure("f(1, 1)", rosenbrock(torch.ones(2)), EXACT)
