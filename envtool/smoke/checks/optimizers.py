"""Optimizers: their steps in every implementation against the formulas of their papers, and their convergence."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any, Dict, Tuple

from .. import reference_optimizers
from ..facts import torch_version
from ..registry import Skip, check
from ..tolerances import EXACT, F32, F64, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "optimizers"
Options = Dict[str, Any]
STEPS = 8
FLOAT32_SCALARS = Tolerance(1e-6, "torch computes step-dependent factors in float32")
OLD_FOREACH = Tolerance(1e-8, "the foreach implementation of torch 1.13 computes the decayed rate in float32")
CAPTURABLE = Tolerance(1e-5, "capturable implementations count steps in float32: 1 - .999^t has 5 digits left")
SOLVED = Tolerance(1e-5, "30 seeds reach 4e-7 of the initial value or less")
SLOWER = Tolerance(1e-2, "its steps are relative to the parameters, so the last ones are small: 30 seeds reach 5e-4")


def _run(context: CheckContext, torch: Any, make: Any, start: Any, gradients: Any, dtype: Any) -> Any:
    """Run a torch optimizer on given gradients and return the parameters after each step."""
    p = torch.nn.Parameter(context.to_device(start, dtype=dtype))
    optimizer = make([p])
    path = []
    for g in gradients:
        p.grad = context.to_device(g, dtype=dtype)
        optimizer.step()
        path.append(p.detach().clone())
    return torch.stack(path)


DECOUPLED = {"AdamW": 1e-2, "Adafactor": 0.0, "Muon": 0.1}  # optimizers with decoupled weight decay, and its default


def _rule_options(name: str, options: Any) -> Any:
    """Return torch's options under their names in ``reference_optimizers``."""
    own = {key: value for key, value in options.items() if key != "decoupled_weight_decay"}
    if name in DECOUPLED or "decoupled_weight_decay" in options:
        own["decay"] = own.pop("weight_decay", DECOUPLED.get(name))
    return own


def _compare_with_rule(
    context: CheckContext,
    torch: Any,
    name: str,
    rule: Any,
    options: Any,
    tolerance64: Any = None,
    shape: tuple[int, ...] = (4, 3),
) -> None:
    """Compare every implementation of a torch optimizer with its rule, step by step, in float32 and float64."""
    kind = getattr(torch.optim, name, None)
    if kind is None:
        raise Skip("torch %s has no %s" % (torch.__version__, name))
    if not set(options) <= set(inspect.signature(kind.__init__).parameters):
        return  # an old torch without one of the options
    start, gradients = context.randn(*shape), [context.randn(*shape) for _ in range(STEPS)]
    want = torch.stack(reference_optimizers.trace(rule, start, gradients, **_rule_options(name, options)))
    for variant in ({}, {"foreach": True}, {"foreach": False}, {"fused": True}, {"capturable": True}):
        variant64 = CAPTURABLE if "capturable" in variant else tolerance64 or F64
        for dtype, tolerance in ((torch.float32, F32), (torch.float64, variant64)):
            try:
                got = _run(context, torch, lambda p, v=variant: kind(p, **options, **v), start, gradients, dtype)
            except (TypeError, RuntimeError, ValueError, AssertionError) as error:
                if not variant:
                    raise
                # Not implemented in this torch or on this device.
                context.fact("%s %s" % (name, variant), "not available: %s" % str(error).split("\n")[0][:80])
                continue
            non_default = {key: value for key, value in options.items() if value}
            context.near("%s %s %s %s" % (name, non_default, variant or "", str(dtype)[6:]), got, want, tolerance)


@check("optimizer.sgd", family=FAMILY, suite="quick")
def sgd(context: CheckContext, torch: Any) -> None:
    """SGD with every option matches its rule, step by step, and the closed form (1 - lr a)^k x_0 on a parabola."""
    for options in (
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05},
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05},
        {"lr": 0.1, "weight_decay": 0.05, "maximize": True},
    ):
        _compare_with_rule(context, torch, "SGD", reference_optimizers.sgd, options)
    a, lr, x0 = 0.7, 0.3, context.randn(5)
    x = torch.nn.Parameter(context.to_device(x0, dtype=torch.float64))
    optimizer = torch.optim.SGD([x], lr=lr)
    for _ in range(20):
        optimizer.zero_grad()
        (0.5 * a * x * x).sum().backward()
        optimizer.step()
    context.near("20 steps on a parabola", x, (1 - lr * a) ** 20 * x0, Tolerance(1e-12, "closed form, float64"))


@check("optimizer.adam", family=FAMILY, suite="quick")
def adam(context: CheckContext, torch: Any) -> None:
    """Adam, AMSGrad and AdamW match their rules, the first step -lr g / (|g| + eps), and decoupled decay."""
    for options in (
        {"lr": 0.05},
        {"lr": 0.05, "weight_decay": 0.1, "betas": (0.8, 0.95)},
        {"lr": 0.05, "amsgrad": True, "eps": 1e-2},
        {"lr": 0.05, "weight_decay": 0.1, "maximize": True},
    ):
        for name in ("Adam", "AdamW"):
            _compare_with_rule(context, torch, name, reference_optimizers.adam, options)
    start, g = context.randn(6), context.randn(6)
    first = _run(context, torch, lambda p: torch.optim.Adam(p, lr=0.1), start, [g], torch.float64)
    context.near("first step", first[0], start - 0.1 * g / (g.abs() + 1e-8), Tolerance(1e-12, "closed form, float64"))
    decayed = _run(
        context, torch, lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.5), start, [g * 0], torch.float64
    )
    context.near("weight decay alone", decayed[0], start * 0.95, Tolerance(1e-12, "closed form, float64"))


MAXIMIZE: Options = {"weight_decay": 0.1, "maximize": True}
DECOUPLED_DECAY: Options = {"weight_decay": 0.1, "decoupled_weight_decay": True}


@check("optimizer.adaptive", family=FAMILY)
def adaptive(context: CheckContext, torch: Any) -> None:
    """Adagrad, Adadelta, RMSprop, Rprop, Adamax, NAdam, RAdam and ASGD match their rules, step by step."""
    centered = Tolerance(1e-9, "the step divides by a difference of squares")
    rectified = (
        0.1 if torch_version(torch) >= (2, 0) else 1e-8
    )  # the foreach implementation of torch 1.13 adds eps elsewhere
    schedule = {"lr": 0.1, "lambd": 0.05, "alpha": 0.6}
    table: Tuple[Tuple[Any, ...], ...] = (
        ("Adagrad", OLD_FOREACH, {"lr_decay": 0.2}, {"eps": 0.1, "initial_accumulator_value": 0.3}, MAXIMIZE),
        ("Adadelta", F64, {"lr": 0.8, "rho": 0.7, "eps": 1e-4}, {**MAXIMIZE, "eps": 1e-4}),
        ("RMSprop", F64, {"eps": 1e-3}, {"momentum": 0.6, "alpha": 0.9, "eps": 1e-3}, {**MAXIMIZE, "eps": 1e-3}),
        ("RMSprop", centered, {"centered": True, "eps": 1e-3}, {"centered": True, "eps": 1e-2, "momentum": 0.6}),
        ("Rprop", F64, {"lr": 0.05}, {"etas": (0.4, 1.5), "step_sizes": (0.01, 0.06)}, {"maximize": True}),
        ("Adamax", F64, {"lr": 0.05}, {"betas": (0.8, 0.7), "eps": 0.1}, MAXIMIZE),
        ("NAdam", FLOAT32_SCALARS, {"lr": 0.05}, {"momentum_decay": 0.3}, MAXIMIZE, DECOUPLED_DECAY),
        (
            "RAdam",
            FLOAT32_SCALARS,
            {"betas": (0.9, 0.9), "eps": rectified},
            {**MAXIMIZE, "betas": (0.9, 0.9)},
            DECOUPLED_DECAY,
        ),
        ("ASGD", FLOAT32_SCALARS, schedule, {**schedule, **MAXIMIZE}),
    )
    for name, tolerance, *cases in table:
        if name == "NAdam" and torch_version(torch) < (2, 0):
            continue  # its single-tensor implementation applied the momentum schedule twice
        for options in cases:
            _compare_with_rule(
                context, torch, name, getattr(reference_optimizers, name.lower()), {"lr": 0.04, **options}, tolerance
            )
    _check_average(context, torch)


def _check_average(context: CheckContext, torch: Any) -> None:
    """Compare ASGD's average with the mean of the parameters after step t0."""
    p = torch.nn.Parameter(context.to_device(context.randn(4), dtype=torch.float64))
    optimizer, path = torch.optim.ASGD([p], lr=0.1, t0=2), []
    for _ in range(STEPS):
        p.grad = context.to_device(context.randn(4), dtype=torch.float64)
        optimizer.step()
        path.append(p.detach().clone())
    context.near("average of ASGD, t0 = 2", optimizer.state[p]["ax"], torch.stack(path[3:]).mean(0), FLOAT32_SCALARS)


@check("optimizer.groups", family=FAMILY, suite="quick")
def groups(context: CheckContext, torch: Any) -> None:
    """Parameter groups keep their rates, parameters without a gradient stay, and a saved state resumes exactly."""
    for name, options in RATES.items():
        kind = getattr(torch.optim, name, None)
        if kind is None:
            continue
        starts, gradients = [context.randn(3, 2) for _ in "ab"], [context.randn(2, 3, 2) for _ in range(4)]
        rates = (options["lr"], 0.3 * options["lr"])
        alone = [
            _run(
                context,
                torch,
                lambda p, r=rate: kind(p, **{**options, "lr": r}),
                start,
                [g[i] for g in gradients],
                torch.float64,
            )
            for i, (rate, start) in enumerate(zip(rates, starts))
        ]
        together = [torch.nn.Parameter(context.to_device(start, dtype=torch.float64)) for start in starts]
        still = torch.nn.Parameter(together[0].detach().clone())

        def make(together: Any = together, still: Any = still, kind: Any = kind, options: Any = options) -> Any:
            one, two = together
            return kind([{"params": [one, still]}, {"params": [two], "lr": 0.3 * options["lr"]}], **options)

        optimizer = make()
        for step, gradient in enumerate(gradients):
            if step == 2:
                saved, optimizer = optimizer.state_dict(), make()
                optimizer.load_state_dict(saved)
            for p, g in zip(together, gradient):
                p.grad = context.to_device(g, dtype=torch.float64)
            optimizer.step()
        for p, path in zip(together, alone):
            context.near(name + ": a group equals a separate optimizer", p, path[-1], FLOAT32_SCALARS)
        context.exact(name + ": parameter without a gradient", still, starts[0])


@check("optimizer.sparse_adam", family=FAMILY)
def sparse_adam(context: CheckContext, torch: Any) -> None:
    """SparseAdam on an embedding updates rows with a gradient as Adam does, and leaves other rows unchanged."""
    start = context.randn(5, 3)
    embedding = torch.nn.Embedding(5, 3, sparse=True, device=context.device, dtype=torch.float64)
    with torch.no_grad():
        embedding.weight.copy_(start)
    options: Options = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}
    optimizer = torch.optim.SparseAdam(list(embedding.parameters()), **options)
    rows, gradients = torch.tensor([1, 3, 1]), [context.randn(3, 3) for _ in range(4)]
    for gradient in gradients:
        optimizer.zero_grad()
        (embedding(rows.to(context.device)) * context.to_device(gradient, dtype=torch.float64)).sum().backward()
        optimizer.step()
    touched, sums = (
        rows[:2],
        [torch.stack([gradient[0] + gradient[2], gradient[1]]) for gradient in gradients],
    )  # row 1 occurs twice
    moved = reference_optimizers.trace(
        reference_optimizers.adam, start[touched], sums, eps_before_correction=True, **options
    )[-1]
    context.near("rows with a gradient", embedding.weight[touched.to(context.device)], moved, F64)
    others = torch.tensor([0, 2, 4])
    context.exact("other rows", embedding.weight[others.to(context.device)], start[others])


@check("optimizer.adafactor", family=FAMILY)
def adafactor(context: CheckContext, torch: Any) -> None:
    """Adafactor (torch 2.5 and newer) matches its rule, step by step, for a matrix and a vector."""
    for shape in ((4, 3), (7,)):
        for options in (
            {"lr": 0.05, "weight_decay": 0.1},
            {"lr": 0.05, "d": 2.0, "beta2_decay": -0.5, "maximize": True},
        ):
            _compare_with_rule(
                context, torch, "Adafactor", reference_optimizers.adafactor, options, FLOAT32_SCALARS, shape
            )


@check("optimizer.muon", family=FAMILY)
def muon(context: CheckContext, torch: Any) -> None:
    """Muon (torch 2.9 and newer) matches Newton-Schulz in float64; its steps are nearly orthogonal."""
    kind = getattr(torch.optim, "Muon", None)
    if kind is None:
        raise Skip("torch %s has no Muon" % torch.__version__)
    bf16 = Tolerance(0.08, "torch runs it in bfloat16: at most 0.033 in 30 seeds")
    cases: Tuple[Tuple[Any, Options], ...] = (
        ((6, 8), {}),
        ((9, 4), {"nesterov": False}),
        ((4, 9), {"adjust_lr_fn": "match_rms_adamw"}),
    )
    start: Any = None  # those of the last case are used again below
    gradients: Any = None
    for shape, own in cases:
        start, gradients = context.randn(*shape), [context.randn(*shape) for _ in range(3)]
        options = {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.7, **own}
        path = _run(context, torch, lambda p, o=options: kind(p, **o), start, gradients, torch.float32).cpu().double()
        want = reference_optimizers.trace(reference_optimizers.muon, start, gradients, **_rule_options("Muon", options))
        for t, (before, right, after, wanted) in enumerate(zip([start, *path], [start, *want], path, want), start=1):
            # Compare steps and not positions, so that rounding does not accumulate.
            context.near("%s, step %d" % (shape, t), (after - 0.98 * before) / 0.1, (wanted - 0.98 * right) / 0.1, bf16)
    step = _run(context, torch, lambda p: kind(p, lr=1.0, weight_decay=0.0), start * 0, gradients[:1], torch.float32)[0]
    singular_values = torch.linalg.svdvals(step.cpu().double())
    context.measure(
        "largest singular value of a step",
        singular_values.max(),
        Tolerance(1.5, "Jordan et al. 2024: singular values end in 0.5 .. 1.5"),
    )
    context.measure(
        "smallest singular value of a step",
        singular_values.min(),
        Tolerance(0.3, "Jordan et al. 2024; 30 seeds reach 0.68", floor=True),
    )


@check("optimizer.lbfgs", family=FAMILY, suite="quick")
def lbfgs(context: CheckContext, torch: Any) -> None:
    """LBFGS with a strong Wolfe line search solves a system of condition number 100 within 40 iterations."""
    rotation = torch.linalg.qr(context.randn(10, 10))[0]
    a, b = rotation * torch.logspace(0, 2, 10, dtype=torch.float64) @ rotation.T, context.randn(10)
    x = torch.nn.Parameter(torch.zeros(10, dtype=torch.float64, device=context.device))
    on_device, right = context.to_device(a, b, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(
        [x], max_iter=40, history_size=100, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def energy() -> Any:
        optimizer.zero_grad()
        value = 0.5 * x @ on_device @ x - right @ x
        value.backward()
        return value

    optimizer.step(energy)
    context.near(
        "A x = b", a @ x.detach().cpu(), b, Tolerance(1e-6, "at most 1e-7 in 30 seeds; 1e-3 with a history of one")
    )


# Learning rates with which each optimizer minimizes the quadratic function below in 300 or 600 steps. Its argument is a
# matrix, as Muon requires, and its condition number is low, because RAdam is unstable in a curved valley.
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
def convergence(context: CheckContext, torch: Any) -> None:
    """Every optimizer minimizes a quadratic function of condition number 10 with a cosine schedule."""
    scale = torch.logspace(0, 1, 10, dtype=torch.float64).reshape(2, 5)
    start, curves = context.randn(2, 5), {}
    for name, options in RATES.items():
        kind = getattr(torch.optim, name, None)
        if kind is None:
            continue
        steps = 600 if name in ("Adadelta", "Adafactor", "Muon", "RAdam") else 300
        curves[name] = _minimize(context, torch, kind, options, scale, start, steps)
        context.measure(name, curves[name][-1], SLOWER if name == "Adafactor" else SOLVED)
    context.figure("curves", "Quadratic function of condition number 10: f / f(start)", series=curves, log=True)


def _minimize(context: CheckContext, torch: Any, kind: Any, options: Any, scale: Any, start: Any, steps: int) -> Any:
    x, bowl = torch.nn.Parameter(context.to_device(start)), context.to_device(scale)
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
def valley(context: CheckContext, torch: Any) -> None:
    """LBFGS, SGD with momentum and Adam minimize Rosenbrock's function from (-1.2, 1)."""

    def rosenbrock(p: Any) -> Any:
        return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2

    for name, steps, options in (
        ("LBFGS", 20, {"max_iter": 10, "line_search_fn": "strong_wolfe"}),
        ("SGD", 2000, {"lr": 1e-3, "momentum": 0.9}),
        ("Adam", 1500, {"lr": 0.3}),
    ):
        p = torch.nn.Parameter(torch.tensor([-1.2, 1.0], device=context.device))
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
        context.measure(name, rosenbrock(p), Tolerance(1e-4, "deterministic; 1e-8 or less on CPUs"))
    context.measure("f(1, 1)", rosenbrock(torch.ones(2)), EXACT)
