"""Optimizers: their steps against the papers' formulas, their implementations against each other, and convergence."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any, Dict, Tuple

from .. import reference_optimizers
from ..facts import release
from ..registry import Skip, check
from ..tolerances import EXACT, F32, F64, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "optimizers"
Options = Dict[str, Any]
STEPS = 8
SCALARS = Gate(1e-6, "torch keeps its step-dependent factors in float32")
OLD_FOREACH = Gate(1e-8, "torch 1.13's foreach implementation keeps the decayed rate in float32")
CAPTURABLE = Gate(1e-5, "what can be captured in a graph counts its steps in float32: 1 - .999^t has 5 digits left")
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


DECOUPLED = {"AdamW": 1e-2, "Adafactor": 0.0, "Muon": 0.1}  # these multiply by their decay; how much, by default


def _rule_options(name: str, options: Any) -> Any:
    """Return options of torch under the names that they have in ``reference_optimizers``."""
    own = {key: value for key, value in options.items() if key != "decoupled_weight_decay"}
    if name in DECOUPLED or "decoupled_weight_decay" in options:
        own["decay"] = own.pop("weight_decay", DECOUPLED.get(name))
    return own


def _follows(
    lab: Lab, torch: Any, name: str, rule: Any, options: Any, gate64: Any = None, shape: tuple[int, ...] = (4, 3)
) -> None:
    """Compare a torch optimizer with its rule, step by step, in float32 and float64 and every implementation."""
    kind = getattr(torch.optim, name, None)
    if kind is None:
        raise Skip("torch %s has no %s" % (torch.__version__, name))
    if not set(options) <= set(inspect.signature(kind.__init__).parameters):
        return  # an old torch, without one of them
    start, gradients = lab.randn(*shape), [lab.randn(*shape) for _ in range(STEPS)]
    want = torch.stack(reference_optimizers.trace(rule, start, gradients, **_rule_options(name, options)))
    for variant in ({}, {"foreach": True}, {"foreach": False}, {"fused": True}, {"capturable": True}):
        fine = CAPTURABLE if "capturable" in variant else gate64 or F64
        for dtype, gate in ((torch.float32, F32), (torch.float64, fine)):
            try:
                got = _walk(lab, torch, lambda p, v=variant: kind(p, **options, **v), start, gradients, dtype)
            except (TypeError, RuntimeError, ValueError, AssertionError) as error:
                if not variant:
                    raise
                # This implementation does not exist here: old torch, or a device that has none.
                lab.note("%s %s" % (name, variant), "not here: %s" % str(error).split("\n")[0][:80])
                continue
            kept = {key: value for key, value in options.items() if value}
            lab.near("%s %s %s %s" % (name, kept, variant or "", str(dtype)[6:]), got, want, gate)


@check("optimizer.sgd", family=FAMILY, suite="quick")
def sgd(lab: Lab, torch: Any) -> None:
    """SGD, momentum, dampening, Nesterov, weight decay, maximize; and x_k = (1 - lr a)^k x_0 on a parabola."""
    for options in (
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05},
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05},
        {"lr": 0.1, "weight_decay": 0.05, "maximize": True},
    ):
        _follows(lab, torch, "SGD", reference_optimizers.sgd, options)
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
        {"lr": 0.05, "amsgrad": True, "eps": 1e-2},
        {"lr": 0.05, "weight_decay": 0.1, "maximize": True},
    ):
        for name in ("Adam", "AdamW"):
            _follows(lab, torch, name, reference_optimizers.adam, options)
    start, g = lab.randn(6), lab.randn(6)
    first = _walk(lab, torch, lambda p: torch.optim.Adam(p, lr=0.1), start, [g], torch.float64)
    lab.near("first step", first[0], start - 0.1 * g / (g.abs() + 1e-8), Gate(1e-12, "closed form, float64"))
    still = _walk(lab, torch, lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.5), start, [g * 0], torch.float64)
    lab.near("decay alone", still[0], start * 0.95, Gate(1e-12, "closed form, float64"))


UPHILL: Options = {"weight_decay": 0.1, "maximize": True}
APART: Options = {"weight_decay": 0.1, "decoupled_weight_decay": True}


@check("optimizer.adaptive", family=FAMILY)
def adaptive(lab: Lab, torch: Any) -> None:
    """Adagrad, Adadelta, RMSprop, Rprop, Adamax, NAdam, RAdam and ASGD with their options, step by step."""
    centered = Gate(1e-9, "a difference of squares, and a step that divides by it")
    rectified = 0.1 if release(torch) >= (2, 0) else 1e-8  # torch 1.13's foreach puts eps elsewhere
    schedule = {"lr": 0.1, "lambd": 0.05, "alpha": 0.6}
    table: Tuple[Tuple[Any, ...], ...] = (
        ("Adagrad", OLD_FOREACH, {"lr_decay": 0.2}, {"eps": 0.1, "initial_accumulator_value": 0.3}, UPHILL),
        ("Adadelta", F64, {"lr": 0.8, "rho": 0.7, "eps": 1e-4}, {**UPHILL, "eps": 1e-4}),
        ("RMSprop", F64, {"eps": 1e-3}, {"momentum": 0.6, "alpha": 0.9, "eps": 1e-3}, {**UPHILL, "eps": 1e-3}),
        ("RMSprop", centered, {"centered": True, "eps": 1e-3}, {"centered": True, "eps": 1e-2, "momentum": 0.6}),
        ("Rprop", F64, {"lr": 0.05}, {"etas": (0.4, 1.5), "step_sizes": (0.01, 0.06)}, {"maximize": True}),
        ("Adamax", F64, {"lr": 0.05}, {"betas": (0.8, 0.7), "eps": 0.1}, UPHILL),
        ("NAdam", SCALARS, {"lr": 0.05}, {"momentum_decay": 0.3}, UPHILL, APART),
        ("RAdam", SCALARS, {"betas": (0.9, 0.9), "eps": rectified}, {**UPHILL, "betas": (0.9, 0.9)}, APART),
        ("ASGD", SCALARS, schedule, {**schedule, **UPHILL}),
    )
    for name, gate, *cases in table:
        if name == "NAdam" and release(torch) < (2, 0):
            continue  # its loop over single tensors applied the momentum's schedule twice
        for options in cases:
            _follows(lab, torch, name, getattr(reference_optimizers, name.lower()), {"lr": 0.04, **options}, gate)
    _average(lab, torch)


def _average(lab: Lab, torch: Any) -> None:
    """ASGD's point: beside the parameters it keeps the mean of those after step t0."""
    p = torch.nn.Parameter(lab.here(lab.randn(4), dtype=torch.float64))
    optimizer, path = torch.optim.ASGD([p], lr=0.1, t0=2), []
    for _ in range(STEPS):
        p.grad = lab.here(lab.randn(4), dtype=torch.float64)
        optimizer.step()
        path.append(p.detach().clone())
    lab.near("ASGD's average, t0 = 2", optimizer.state[p]["ax"], torch.stack(path[3:]).mean(0), SCALARS)


@check("optimizer.groups", family=FAMILY, suite="quick")
def groups(lab: Lab, torch: Any) -> None:
    """Each group keeps its own rate, what has no gradient stays, and a saved state goes on where it stopped."""
    for name, options in RATES.items():
        kind = getattr(torch.optim, name, None)
        if kind is None:
            continue
        starts, pulls = [lab.randn(3, 2) for _ in "ab"], [lab.randn(2, 3, 2) for _ in range(4)]
        rates = (options["lr"], 0.3 * options["lr"])
        alone = [
            _walk(
                lab,
                torch,
                lambda p, r=rate: kind(p, **{**options, "lr": r}),
                start,
                [g[i] for g in pulls],
                torch.float64,
            )
            for i, (rate, start) in enumerate(zip(rates, starts))
        ]
        together = [torch.nn.Parameter(lab.here(start, dtype=torch.float64)) for start in starts]
        still = torch.nn.Parameter(together[0].detach().clone())

        def make(together: Any = together, still: Any = still, kind: Any = kind, options: Any = options) -> Any:
            one, two = together
            return kind([{"params": [one, still]}, {"params": [two], "lr": 0.3 * options["lr"]}], **options)

        optimizer = make()
        for step, pull in enumerate(pulls):
            if step == 2:
                saved, optimizer = optimizer.state_dict(), make()
                optimizer.load_state_dict(saved)
            for p, g in zip(together, pull):
                p.grad = lab.here(g, dtype=torch.float64)
            optimizer.step()
        for p, path in zip(together, alone):
            lab.near(name + ": a group as if it were alone", p, path[-1], SCALARS)
        lab.exact(name + ": without a gradient", still, starts[0])


@check("optimizer.sparse_adam", family=FAMILY)
def sparse_adam(lab: Lab, torch: Any) -> None:
    """SparseAdam on an embedding: touched rows move as in Adam, the others stay where they are."""
    start = lab.randn(5, 3)
    embedding = torch.nn.Embedding(5, 3, sparse=True, device=lab.device, dtype=torch.float64)
    with torch.no_grad():
        embedding.weight.copy_(start)
    options: Options = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}
    optimizer = torch.optim.SparseAdam(list(embedding.parameters()), **options)
    rows, pulls = torch.tensor([1, 3, 1]), [lab.randn(3, 3) for _ in range(4)]
    for pull in pulls:
        optimizer.zero_grad()
        (embedding(rows.to(lab.device)) * lab.here(pull, dtype=torch.float64)).sum().backward()
        optimizer.step()
    touched, sums = rows[:2], [torch.stack([pull[0] + pull[2], pull[1]]) for pull in pulls]  # row 1 occurs twice
    moved = reference_optimizers.trace(reference_optimizers.adam, start[touched], sums, late=True, **options)[-1]
    lab.near("touched rows", embedding.weight[touched.to(lab.device)], moved, F64)
    others = torch.tensor([0, 2, 4])
    lab.exact("other rows", embedding.weight[others.to(lab.device)], start[others])


@check("optimizer.adafactor", family=FAMILY)
def adafactor(lab: Lab, torch: Any) -> None:
    """Adafactor (torch 2.5 and newer) on a matrix and a vector: factored second moments, clipped relative steps."""
    for shape in ((4, 3), (7,)):
        for options in (
            {"lr": 0.05, "weight_decay": 0.1},
            {"lr": 0.05, "d": 2.0, "beta2_decay": -0.5, "maximize": True},
        ):
            _follows(lab, torch, "Adafactor", reference_optimizers.adafactor, options, SCALARS, shape)


@check("optimizer.muon", family=FAMILY)
def muon(lab: Lab, torch: Any) -> None:
    """Muon (torch 2.9 and newer): its steps against Newton-Schulz in float64; a step is nearly orthogonal."""
    kind = getattr(torch.optim, "Muon", None)
    if kind is None:
        raise Skip("torch %s has no Muon" % torch.__version__)
    bf16 = Gate(0.08, "torch runs it in bfloat16: at most 0.033 in 30 seeds")
    cases: Tuple[Tuple[Any, Options], ...] = (
        ((6, 8), {}),
        ((9, 4), {"nesterov": False}),
        ((4, 9), {"adjust_lr_fn": "match_rms_adamw"}),
    )
    start: Any = None  # the last case's serve once more below
    gradients: Any = None
    for shape, own in cases:
        start, gradients = lab.randn(*shape), [lab.randn(*shape) for _ in range(3)]
        options = {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.7, **own}
        path = _walk(lab, torch, lambda p, o=options: kind(p, **o), start, gradients, torch.float32).cpu().double()
        want = reference_optimizers.trace(reference_optimizers.muon, start, gradients, **_rule_options("Muon", options))
        for t, (before, right, after, wanted) in enumerate(zip([start, *path], [start, *want], path, want), start=1):
            # The moves, not the places: rounding of one step is not to be carried into the next.
            lab.near("%s, step %d" % (shape, t), (after - 0.98 * before) / 0.1, (wanted - 0.98 * right) / 0.1, bf16)
    step = _walk(lab, torch, lambda p: kind(p, lr=1.0, weight_decay=0.0), start * 0, gradients[:1], torch.float32)[0]
    stretch = torch.linalg.svdvals(step.cpu().double())
    lab.measure("largest stretch", stretch.max(), Gate(1.5, "Jordan et al. 2024: singular values end in 0.5 .. 1.5"))
    lab.measure("smallest stretch", stretch.min(), Gate(0.3, "Jordan et al. 2024; 30 seeds reach 0.68", floor=True))


@check("optimizer.lbfgs", family=FAMILY, suite="quick")
def lbfgs(lab: Lab, torch: Any) -> None:
    """LBFGS with a strong Wolfe search solves a system of condition 100, in fewer steps than without its history."""
    turn = torch.linalg.qr(lab.randn(10, 10))[0]
    a, b = turn * torch.logspace(0, 2, 10, dtype=torch.float64) @ turn.T, lab.randn(10)
    x = torch.nn.Parameter(torch.zeros(10, dtype=torch.float64, device=lab.device))
    here, right = lab.here(a, b, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(
        [x], max_iter=40, history_size=100, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def energy() -> Any:
        optimizer.zero_grad()
        value = 0.5 * x @ here @ x - right @ x
        value.backward()
        return value

    optimizer.step(energy)
    lab.near("A x = b", a @ x.detach().cpu(), b, Gate(1e-6, "at most 1e-7 in 30 seeds; 1e-3 with a history of one"))


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
