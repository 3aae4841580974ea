"""Mutants: one wrong term each, in torch, in other libraries or in the bundle's models, and the check that catches it.

The check for each mutant was named before the mutant was run. A mutant edits the source of a Python function (``edit``)
or wraps a function, such as a compiled one (``wrap``).
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Mutant:
    """One wrong term. ``of`` is ``torch``, ``libraries`` or ``models``; ``caught_by`` is the id of a check."""

    name: str
    of: str
    caught_by: str
    change: str
    apply: Callable[[], None]


MUTANTS: list[Mutant] = []


def mutant(of: str, caught_by: str, change: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Return a decorator that declares a mutant. The decorated function applies it."""

    def declare(apply: Callable[[], None]) -> Callable[[], None]:
        MUTANTS.append(Mutant(apply.__name__, of, caught_by, change, apply))
        return apply

    return declare


def edit(owner: Any, name: str, old: str, new: str) -> None:
    """Replace a text that occurs once in the source of a function that callers look up in ``owner``."""
    function = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times in {name}"
    module = importlib.import_module(function.__module__)
    namespace = dict(vars(module))
    exec("from __future__ import annotations\n" + source.replace(old, new), namespace)
    setattr(owner, name, namespace[name])


def wrap(owner: Any, name: str, wrong: Callable[..., Any]) -> None:
    """Wrap a function: ``wrong`` is called with the original as its first argument."""
    original = getattr(owner, name)
    setattr(owner, name, lambda *args, **kwargs: wrong(original, *args, **kwargs))


def override_options(function: str, when: Callable[[Any], Any] = lambda options: True, **values: Any) -> None:
    """Override options of a function in ``torch.nn.functional`` whenever ``when`` is true of them."""
    wrap(F, function, lambda f, *a, **k: f(*a, **({**k, **values} if when(k) else k)))


class _ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, factor: float) -> Any:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, output_gradient: Any) -> Any:
        return ctx.factor * output_gradient, None


def scale_gradient(owner: Any, name: str, argument: int, factor: float = 0.5) -> None:
    """Scale the gradient of a function with respect to one argument, without changing its value."""

    def wrong(f: Any, *a: Any, **k: Any) -> Any:
        return f(*a[:argument], _ScaleGradient.apply(a[argument], factor), *a[argument + 1 :], **k)

    wrap(owner, name, wrong)


def _bundle(name: str) -> Any:
    return importlib.import_module("envtool_smoke." + name)


# -- losses -----------------------------------------------------------------------------------------------------------
@mutant("torch", "loss.cross_entropy", "label_smoothing is ignored")
def cross_entropy_smoothing() -> None:
    wrap(F, "cross_entropy", lambda f, *a, **k: f(*a, **{**k, "label_smoothing": 0.0}))


@mutant("torch", "loss.cross_entropy", "ignored targets are not ignored")
def cross_entropy_ignore() -> None:
    wrap(F, "cross_entropy", lambda f, *a, **k: f(*a, **{**k, "ignore_index": -100}))


@mutant("torch", "loss.cross_entropy", "a weighted mean is divided by the number of items")
def cross_entropy_weighted_mean() -> None:
    def wrong(f: Any, x: Any, y: Any, **k: Any) -> Any:
        if k.get("weight") is None or k.get("reduction") != "mean":
            return f(x, y, **k)
        return f(x, y, **{**k, "reduction": "sum"}) / len(x)

    wrap(F, "cross_entropy", wrong)


@mutant("torch", "loss.nll", "class weights are ignored")
def nll_weight() -> None:
    def wrong(f: Any, x: Any, y: Any, **k: Any) -> Any:
        return f(x, y, **{**k, "weight": None})

    wrap(F, "nll_loss", wrong)


@mutant("torch", "loss.binary_cross_entropy", "pos_weight is ignored")
def bce_pos_weight() -> None:
    wrap(F, "binary_cross_entropy_with_logits", lambda f, x, y, w=None, **k: f(x, y, w, **{**k, "pos_weight": None}))


@mutant("torch", "loss.binary_cross_entropy", "log is clamped at -50 instead of -100")
def bce_clamp() -> None:
    wrap(F, "binary_cross_entropy", lambda f, *a, **k: f(*a, **k).clamp(max=50))


@mutant("torch", "loss.regression", "mean squared error is halved")
def mse_half() -> None:
    wrap(F, "mse_loss", lambda f, *a, **k: 0.5 * f(*a, **k))


@mutant("torch", "loss.regression", "SmoothL1's beta is always 1")
def smooth_l1_beta() -> None:
    wrap(F, "smooth_l1_loss", lambda f, x, y, **k: f(x, y, **{**k, "beta": 1.0}))


@mutant("torch", "loss.regression", "Huber's linear part lacks its factor delta")
def huber_delta() -> None:
    def wrong(f: Any, x: Any, y: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
        far = (x - y).abs()
        loss = torch.where(far < delta, 0.5 * far**2, far - 0.5 * delta)
        return {"mean": loss.mean, "sum": loss.sum, "none": lambda: loss}[reduction]()

    wrap(F, "huber_loss", wrong)


@mutant("torch", "loss.likelihood", "batchmean divides by the number of elements")
def kl_batchmean() -> None:
    def wrong(f: Any, x: Any, y: Any, **k: Any) -> Any:
        return f(
            x, y, **{**k, "reduction": "mean" if k.get("reduction") == "batchmean" else k.get("reduction", "mean")}
        )

    wrap(F, "kl_div", wrong)


@mutant("torch", "loss.likelihood", "the Stirling term is missing")
def poisson_full() -> None:
    wrap(F, "poisson_nll_loss", lambda f, x, y, **k: f(x, y, **{**k, "full": False}))


@mutant("torch", "loss.likelihood", "log variance is not halved")
def gaussian_half() -> None:
    edit(F, "gaussian_nll_loss", "0.5 * (torch.log(var) + (input - target) ** 2 / var)",
         "torch.log(var) + 0.5 * (input - target) ** 2 / var")  # fmt: skip


@mutant("torch", "loss.triplet", "swap is ignored")
def triplet_swap() -> None:
    wrap(F, "triplet_margin_loss", lambda f, *a, **k: f(*a, **{**k, "swap": False}))


@mutant("torch", "loss.margin", "the sign of the ranking is reversed")
def ranking_sign() -> None:
    wrap(F, "margin_ranking_loss", lambda f, a, b, y, **k: f(a, b, -y, **k))


@mutant("torch", "loss.margin", "the margin of the cosine loss is ignored")
def cosine_margin() -> None:
    wrap(F, "cosine_embedding_loss", lambda f, a, b, y, **k: f(a, b, y, **{**k, "margin": 0.0}))


@mutant("torch", "loss.ctc", "the blank is always class 0")
def ctc_blank() -> None:
    wrap(F, "ctc_loss", lambda f, logp, y, n, m, blank=0, *a, **k: f(logp, y, n, m, 0, *a, **k))


@mutant("torch", "loss.adaptive_softmax", "all tails use the cluster of the first")
def adaptive_cluster() -> None:
    kind = nn.AdaptiveLogSoftmaxWithLoss
    original = kind.forward
    source = textwrap.dedent(inspect.getsource(original))
    old = "cluster_index = self.shortlist_size + i - 1"
    assert source.count(old) == 1
    namespace = dict(vars(importlib.import_module(original.__module__)))
    exec(source.replace(old, "cluster_index = self.shortlist_size"), namespace)
    kind.forward = namespace["forward"]


@mutant("torch", "loss.cross_entropy", "weights are ignored if targets are smoothed")
def cross_entropy_smoothed_weight() -> None:
    override_options("cross_entropy", lambda k: k["label_smoothing"], weight=None)


@mutant("torch", "loss.cross_entropy", "ignored targets are not ignored in a sum")
def cross_entropy_ignore_sum() -> None:
    override_options("cross_entropy", lambda k: k["reduction"] == "sum", ignore_index=-100)


@mutant("torch", "loss.cross_entropy", "soft targets are not smoothed")
def cross_entropy_soft_smoothing() -> None:
    def wrong(f: Any, x: Any, y: Any, **k: Any) -> Any:
        return f(x, y, **({**k, "label_smoothing": 0.0} if y.is_floating_point() else k))

    wrap(F, "cross_entropy", wrong)


@mutant("torch", "loss.cross_entropy", "the gradient is halved")
def cross_entropy_gradient() -> None:
    scale_gradient(F, "cross_entropy", 0)


@mutant("torch", "loss.cross_entropy", "the largest logit is not subtracted first")
def log_softmax_overflow() -> None:
    def wrong(f: Any, x: Any, y: Any, **k: Any) -> Any:
        return f(x + 0 * x.exp(), y, **k)  # inf * 0

    wrap(F, "cross_entropy", wrong)


@mutant("torch", "loss.nll", "ignored targets are not ignored if there are weights")
def nll_ignore_weighted() -> None:
    override_options("nll_loss", lambda k: k["weight"] is not None, ignore_index=-100)


@mutant("torch", "loss.binary_cross_entropy", "BCELoss ignores its weights")
def bce_weight() -> None:
    override_options("binary_cross_entropy", weight=None)


@mutant("torch", "loss.regression", "the target of MSE gets no gradient")
def mse_target_gradient() -> None:
    scale_gradient(F, "mse_loss", 1, 0.0)


@mutant("torch", "loss.likelihood", "an elementwise KL is summed")
def kl_elementwise() -> None:
    override_options("kl_div", lambda k: k["reduction"] == "none", reduction="sum")


@mutant("torch", "loss.likelihood", "eps is always 1e-8")
def poisson_eps() -> None:
    override_options("poisson_nll_loss", eps=1e-8)


@mutant("torch", "loss.likelihood", "small variances are not clamped to eps")
def gaussian_floor() -> None:
    override_options("gaussian_nll_loss", eps=1e-30)


@mutant("torch", "loss.likelihood", "the constant is missing in sums")
def gaussian_full_sum() -> None:
    override_options("gaussian_nll_loss", lambda k: k["reduction"] == "sum", full=False)


@mutant("torch", "loss.margin", "p is always 2")
def multi_margin_power() -> None:
    override_options("multi_margin_loss", p=2)


@mutant("torch", "loss.margin", "soft multi-label weights are ignored")
def multi_label_weight() -> None:
    override_options("multilabel_soft_margin_loss", weight=None)


@mutant("torch", "loss.margin", "the sum of soft margins is replaced by the mean")
def soft_margin_sum() -> None:
    override_options("soft_margin_loss", lambda k: k["reduction"] == "sum", reduction="mean")


@mutant("torch", "loss.triplet", "swap is ignored for a custom distance")
def triplet_own_swap() -> None:
    override_options("triplet_margin_with_distance_loss", swap=False)


@mutant("torch", "loss.triplet", "the negative example gets no gradient")
def triplet_negative_gradient() -> None:
    scale_gradient(F, "triplet_margin_loss", 2, 0.0)


@mutant("torch", "loss.ctc", "a repeated label needs no blank in between")
def ctc_repeats() -> None:
    def wrong(f: Any, logp: Any, y: Any, n: Any, m: Any, *a: Any) -> Any:
        if y.dim() == 2:
            return f(logp, y, n, m, *a)
        merged = [part.unique_consecutive() for part in y.split(m.tolist())]
        return f(logp, torch.cat(merged), n, torch.tensor([len(part) for part in merged]), *a)

    wrap(F, "ctc_loss", wrong)


@mutant("torch", "loss.ctc", "an impossible target always has zero loss")
def ctc_zero_infinity() -> None:
    wrap(F, "ctc_loss", lambda f, logp, y, n, m, blank, how, zero: f(logp, y, n, m, blank, how, True))


@mutant("torch", "loss.ctc", "a sum is divided by the lengths")
def ctc_sum() -> None:
    def wrong(f: Any, logp: Any, y: Any, n: Any, m: Any, blank: Any, how: str, zero: Any) -> Any:
        return f(logp, y, n, m, blank, "mean" if how == "sum" else how, zero)

    wrap(F, "ctc_loss", wrong)


@mutant("torch", "loss.adaptive_softmax", "predict is off by one")
def adaptive_predict() -> None:
    wrap(nn.AdaptiveLogSoftmaxWithLoss, "predict", lambda f, self, x: (f(self, x) + 1) % 10)


# -- optimizers -------------------------------------------------------------------------------------------------------
def _optimizer(module: str, function: str, old: str, new: str) -> None:
    edit(importlib.import_module("torch.optim." + module), function, old, new)


@mutant("torch", "optimizer.adam", "the first moment lacks its bias correction")
def adam_first_moment() -> None:
    _optimizer("adam", "_single_tensor_adam", "value=-step_size)", "value=-lr)")


@mutant("torch", "optimizer.adam", "the second moment lacks its bias correction")
def adam_second_moment() -> None:
    _optimizer(
        "adam", "_single_tensor_adam", "bias_correction2_sqrt = bias_correction2**0.5", "bias_correction2_sqrt = 1.0"
    )


@mutant("torch", "optimizer.adam", "AMSGrad does not keep its maximum")
def adam_amsgrad() -> None:
    _optimizer("adam", "_single_tensor_adam", "torch.maximum(max_exp_avg_sqs[i], exp_avg_sq, out=max_exp_avg_sqs[i])",
               "max_exp_avg_sqs[i].copy_(exp_avg_sq)")  # fmt: skip


@mutant("torch", "optimizer.adam", "AdamW's decay is not multiplied by the learning rate")
def adamw_decay() -> None:
    _optimizer("adam", "_single_tensor_adam", "param.mul_(1 - lr * weight_decay)", "param.mul_(1 - weight_decay)")


@mutant("torch", "optimizer.adam", "eps is ten times as large")
def adam_eps() -> None:
    _optimizer("adam", "_single_tensor_adam", "denom = (exp_avg_sq.sqrt() / bias_correction2_sqrt).add_(eps)",
               "denom = (exp_avg_sq.sqrt() / bias_correction2_sqrt).add_(10 * eps)")  # fmt: skip


@mutant("torch", "optimizer.sgd", "dampening is ignored")
def sgd_dampening() -> None:
    _optimizer("sgd", "_single_tensor_sgd", "alpha=1 - dampening", "alpha=1")


@mutant("torch", "optimizer.sgd", "Nesterov looks ahead by the whole buffer")
def sgd_nesterov() -> None:
    _optimizer("sgd", "_single_tensor_sgd", "grad = grad.add(buf, alpha=momentum)", "grad = grad.add(buf)")


@mutant("torch", "optimizer.sgd", "the foreach implementation minimizes where it should maximize")
def sgd_maximize() -> None:
    _optimizer("sgd", "_multi_tensor_sgd", "torch._foreach_neg(device_grads)", "device_grads")


@mutant("torch", "optimizer.adaptive", "centered RMSprop is not centered")
def rmsprop_centered() -> None:
    _optimizer(
        "rmsprop",
        "_single_tensor_rmsprop",
        "square_avg.addcmul(grad_avg, grad_avg, value=-1).sqrt_()",
        "square_avg.sqrt()",
    )


@mutant("torch", "optimizer.adaptive", "Adagrad's learning rate decay is one step ahead")
def adagrad_decay() -> None:
    _optimizer("adagrad", "_single_tensor_adagrad", "(step - 1)", "step")


@mutant("torch", "optimizer.adaptive", "Adadelta averages squared gradients instead of squared updates")
def adadelta_moves() -> None:
    _optimizer(
        "adadelta",
        "_single_tensor_adadelta",
        "addcmul_(delta, delta, value=1 - rho)",
        "addcmul_(grad, grad, value=1 - rho)",
    )


@mutant("torch", "optimizer.adaptive", "Rprop does not zero a gradient that changed sign")
def rprop_forget() -> None:
    _optimizer("rprop", "_single_tensor_rprop", "            grad[sign.eq(etaminus)] = 0\n", "            pass\n")


@mutant("torch", "optimizer.adaptive", "RAdam is not rectified")
def radam_rectified() -> None:
    _optimizer("radam", "_single_tensor_radam", "* _compute_rect(),", ",")


@mutant("torch", "optimizer.adaptive", "NAdam's momentum does not warm up")
def nadam_momentum() -> None:
    _optimizer(
        "nadam", "_single_tensor_nadam", "mu = beta1 * (1.0 - 0.5 * (0.96 ** (step * momentum_decay)))", "mu = beta1"
    )


@mutant("torch", "optimizer.adaptive", "ASGD has no weight decay")
def asgd_decay() -> None:
    _optimizer("asgd", "_single_tensor_asgd", "param.mul_(1 - lambd * eta_value)", "param.mul_(1)")


@mutant("torch", "optimizer.adaptive", "Adamax's norm does not decay")
def adamax_norm() -> None:
    _optimizer(
        "adamax", "_single_tensor_adamax", "                exp_inf.mul_(beta2),\n", "                exp_inf,\n"
    )


@mutant("torch", "optimizer.sparse_adam", "SparseAdam lacks the second bias correction")
def sparse_adam_correction() -> None:
    _optimizer(
        "_functional", "sparse_adam", "lr * math.sqrt(bias_correction2) / bias_correction1", "lr / bias_correction1"
    )


@mutant("torch", "optimizer.adafactor", "Adafactor does not clip its step")
def adafactor_clip() -> None:
    _optimizer("_adafactor", "_single_tensor_adafactor", "alpha=-alpha / denom", "alpha=-alpha")


@mutant("torch", "optimizer.muon", "Muon takes four Newton-Schulz steps instead of five")
def muon_steps() -> None:
    _optimizer("_muon", "_zeropower_via_newtonschulz", "for _ in range(ns_steps):", "for _ in range(ns_steps - 1):")


@mutant("torch", "optimizer.lbfgs", "LBFGS drops its line search")
def lbfgs_search() -> None:
    original = torch.optim.LBFGS.__init__

    def wrong(self: Any, *a: Any, **k: Any) -> None:
        original(self, *a, **{**k, "line_search_fn": None, "lr": 1.9})

    torch.optim.LBFGS.__init__ = wrong


def _override_init(kind: str, **values: Any) -> None:
    owner = getattr(torch.optim, kind)
    original = owner.__init__

    @functools.wraps(original)
    def wrong(self: Any, *a: Any, **k: Any) -> None:
        original(self, *a, **{**k, **{name: value for name, value in values.items() if name in k}})

    owner.__init__ = wrong


@mutant("torch", "optimizer.adam", "Adam minimizes where it should maximize")
def adam_maximize() -> None:
    _override_init("Adam", maximize=False)


@mutant("torch", "optimizer.adam", "eps is always 1e-8")
def adam_eps_ignored() -> None:
    _override_init("Adam", eps=1e-8)


@mutant("torch", "optimizer.adaptive", "RMSprop has no weight decay")
def rmsprop_weight_decay() -> None:
    _override_init("RMSprop", weight_decay=0)


@mutant("torch", "optimizer.adaptive", "centered RMSprop with momentum is not centered")
def rmsprop_centered_momentum() -> None:
    _optimizer(
        "rmsprop", "_single_tensor_rmsprop", "addcdiv_(grad, avg)", "addcdiv_(grad, square_avg.sqrt().add_(eps))"
    )


@mutant("torch", "optimizer.adaptive", "initial_accumulator_value is ignored")
def adagrad_initial() -> None:
    _override_init("Adagrad", initial_accumulator_value=0)


@mutant("torch", "optimizer.adaptive", "eps is always 1e-10")
def adagrad_eps() -> None:
    _override_init("Adagrad", eps=1e-10)


@mutant("torch", "optimizer.adaptive", "Adadelta minimizes where it should maximize")
def adadelta_maximize() -> None:
    _override_init("Adadelta", maximize=False)


@mutant("torch", "optimizer.adaptive", "betas are always .9 and .999")
def adamax_betas() -> None:
    _override_init("Adamax", betas=(0.9, 0.999))


@mutant("torch", "optimizer.adaptive", "NAdam's weight decay is not decoupled")
def nadam_decoupled() -> None:
    _override_init("NAdam", decoupled_weight_decay=False)


@mutant("torch", "optimizer.adaptive", "momentum_decay is always .004")
def nadam_momentum_decay() -> None:
    _override_init("NAdam", momentum_decay=4e-3)


@mutant("torch", "optimizer.adaptive", "RAdam lacks its eps")
def radam_eps() -> None:
    _optimizer("radam", "_single_tensor_radam", "exp_avg_sq_sqrt = exp_avg_sq_sqrt.add_(eps)", "pass")


@mutant("torch", "optimizer.adaptive", "step_sizes are always 1e-6 and 50")
def rprop_sizes() -> None:
    _override_init("Rprop", step_sizes=(1e-6, 50))


@mutant("torch", "optimizer.adaptive", "etas are always .5 and 1.2")
def rprop_etas() -> None:
    _override_init("Rprop", etas=(0.5, 1.2))


@mutant("torch", "optimizer.adaptive", "ASGD's average is the last iterate")
def asgd_average() -> None:
    _optimizer("asgd", "_single_tensor_asgd", "ax.add_(param.sub(ax).mul_(mu))", "ax.copy_(param)")


@mutant("torch", "optimizer.groups", "all groups use the learning rate of the first")
def groups_rate() -> None:
    def wrong(f: Any, self: Any, *a: Any) -> Any:
        for group in self.param_groups:
            group["lr"] = self.param_groups[0]["lr"]
        return f(self, *a)

    wrap(torch.optim.SGD, "step", wrong)


@mutant("torch", "optimizer.groups", "a loaded state starts at step 0")
def state_step() -> None:
    def wrong(f: Any, self: Any, saved: Any) -> None:
        f(self, saved)
        for state in self.state.values():
            state.get("step", torch.zeros(())).zero_()

    wrap(torch.optim.Adam, "load_state_dict", wrong)


@mutant("torch", "optimizer.sparse_adam", "a row that occurs twice gets only one of its gradients")
def sparse_duplicates() -> None:
    def wrong(f: Any, self: Any) -> Any:
        rows: list[int] = self._indices()[0].tolist()
        first: dict[int, int] = {}
        for place, row in enumerate(rows):
            first.setdefault(row, place)
        keep = torch.tensor([first[row] for row in sorted(first)])
        return torch.sparse_coo_tensor(self._indices()[:, keep], self._values()[keep], self.shape, is_coalesced=True)

    wrap(torch.Tensor, "coalesce", wrong)


@mutant("torch", "optimizer.adafactor", "a vector's second moment is not averaged")
def adafactor_vector() -> None:
    _optimizer(
        "_adafactor",
        "_single_tensor_adafactor",
        "variance.lerp_(grad_squared, one_minus_beta2_t)",
        "variance.copy_(grad_squared)",
    )


@mutant("torch", "optimizer.adafactor", "beta2_decay is always -.8")
def adafactor_beta2() -> None:
    _override_init("Adafactor", beta2_decay=-0.8)


@mutant("torch", "optimizer.muon", "Muon has no momentum")
def muon_momentum() -> None:
    _optimizer("_muon", "_single_tensor_muon", "buf.lerp_(grad, 1 - momentum)", "buf.copy_(grad)")


@mutant("torch", "optimizer.muon", "the steps of a tall matrix are not scaled")
def muon_tall() -> None:
    _optimizer("_muon", "_adjust_lr", "math.sqrt(max(1, A / B))", "1.0")


@mutant("torch", "optimizer.lbfgs", "LBFGS has a history of one step")
def lbfgs_history() -> None:
    _override_init("LBFGS", history_size=1)


# -- pooling ----------------------------------------------------------------------------------------------------------
@mutant("torch", "pool.max", "padding is 0 instead of minus infinity")
def max_pool_padding() -> None:
    def wrong(f: Any, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, **k: Any) -> Any:
        p = padding if isinstance(padding, tuple) else (padding, padding)
        values, where = f(x, kernel, stride, padding, dilation, **k)
        return (values.clamp(min=0) if max(p) else values), where

    wrap(F, "max_pool2d_with_indices", wrong)
    wrap(
        F,
        "max_pool2d",
        lambda f, *a, return_indices=False, **k: F.max_pool2d_with_indices(*a, **k) if return_indices else f(*a, **k),
    )


@mutant("torch", "pool.max", "ceil_mode is ignored")
def max_pool_ceil() -> None:
    wrap(F, "max_pool1d", lambda f, *a, **k: f(*a, **{**k, "ceil_mode": False}))


@mutant("torch", "pool.max", "dilation is ignored")
def max_pool_dilation() -> None:
    wrap(F, "max_pool3d", lambda f, x, kernel, stride, padding, dilation, **k: f(x, kernel, stride, padding, 1, **k))


@mutant("torch", "pool.max", "the default stride is 1")
def max_pool_stride() -> None:
    def wrong(f: Any, x: Any, kernel: Any, stride: Any, *a: Any, **k: Any) -> Any:
        return f(x, kernel, 1 if stride in (None, kernel) else stride, *a, **k)

    wrap(F, "max_pool2d", wrong)


@mutant("torch", "pool.max", "indices are off by one")
def max_pool_indices() -> None:
    def wrong(f: Any, *a: Any, **k: Any) -> Any:
        found = f(*a, **k)
        return (found[0], found[1] + 1) if k.get("return_indices") else found

    wrap(F, "max_pool2d", wrong)


@mutant("torch", "pool.average", "padding always counts")
def average_pool_counted() -> None:
    wrap(F, "avg_pool2d", lambda f, x, k, s, p, ceil, counted, override: f(x, k, s, p, ceil, True, override))


@mutant("torch", "pool.average", "divisor_override is ignored")
def average_pool_divisor() -> None:
    wrap(F, "avg_pool3d", lambda f, x, k, s, p, ceil, counted, override: f(x, k, s, p, ceil, counted))


@mutant("torch", "pool.average", "the divisor is one too large")
def average_pool_off_by_one() -> None:
    wrap(F, "avg_pool1d", lambda f, x, k, *a: f(x, k, *a) * (k[0] / (k[0] + 1)))


@mutant("torch", "pool.lp", "the p-th root is not taken")
def lp_pool_root() -> None:
    edit(F, "lp_pool2d", ".mul(kw * kh).pow(1.0 / norm_type)", ".mul(kw * kh)")


@mutant("torch", "pool.lp", "the mean is not turned into a sum")
def lp_pool_sum() -> None:
    edit(F, "lp_pool2d", ".mul(kw * kh)", "")


@mutant("torch", "pool.fractional", "the given random samples are ignored")
def fractional_samples() -> None:
    wrap(F, "fractional_max_pool2d", lambda f, *a, **k: f(*a, **{**k, "_random_samples": None}))


@mutant("torch", "pool.fractional", "output_ratio rounds up")
def fractional_ratio() -> None:
    def wrong(f: Any, x: Any, kernel: Any, size: Any, ratio: Any, indices: Any, **k: Any) -> Any:
        if ratio is not None:
            r = ratio if isinstance(ratio, tuple) else (ratio, ratio)
            size = [math.ceil(s * q) for s, q in zip(x.shape[2:], r, strict=True)]
        return f(x, kernel, size, None, indices, **k)

    wrap(F, "fractional_max_pool2d", wrong)


@mutant("torch", "pool.adaptive", "windows end where the next begins")
def adaptive_windows() -> None:
    def wrong(f: Any, x: Any, size: Any) -> Any:
        n, m = x.shape[-1], size if isinstance(size, int) else size[0]
        edges = [i * n // m for i in range(m + 1)]
        return torch.stack([x[..., a:b].mean(-1) for a, b in itertools.pairwise(edges)], -1)

    wrap(F, "adaptive_avg_pool1d", wrong)


@mutant("torch", "unpool.max", "values are written one position too early")
def unpool_place() -> None:
    wrap(F, "max_unpool2d", lambda f, x, i, *a: f(x, (i - 1).clamp(min=0), *a))


@mutant("torch", "unpool.max", "output_size is ignored")
def unpool_output_size() -> None:
    wrap(F, "max_unpool1d", lambda f, x, i, k, s, p, size=None: f(x, i.clamp(max=2 * x.shape[-1] - 1), k, s, p))


@mutant("torch", "unpool.convolution", "a transposed convolution does not flip its kernel")
def transposed_flip() -> None:
    wrap(F, "conv_transpose2d", lambda f, x, w, *a, **k: f(x, w.flip(2, 3), *a, **k))


@mutant("torch", "pool.max", "all dimensions use the padding of the first")
def max_pool_padding_tuple() -> None:
    wrap(F, "max_pool2d", lambda f, x, k, s, p, *a, **o: f(x, k, s, p if isinstance(p, int) else p[0], *a, **o))


@mutant("torch", "pool.max", "with dilation, values without indices are one too large")
def max_pool_values() -> None:
    def wrong(f: Any, x: Any, k: Any, s: Any, p: Any, dilation: Any, **o: Any) -> Any:
        found = f(x, k, s, p, dilation, **o)
        return found + 1 if dilation == 2 and not o["return_indices"] else found

    wrap(F, "max_pool2d", wrong)


@mutant("torch", "pool.max", "the gradient is halved")
def max_pool_gradient() -> None:
    scale_gradient(F, "max_pool3d", 0)


@mutant("torch", "pool.average", "ceil_mode is ignored in 1d")
def average_pool_ceil() -> None:
    wrap(F, "avg_pool1d", lambda f, x, k, s, p, ceil, *a: f(x, k, s, p, False, *a))


@mutant("torch", "pool.average", "a window beyond the padding is divided by its full size")
def average_pool_last() -> None:
    def wrong(f: Any, x: Any, k: Any, s: Any, p: Any, ceil: bool, counted: bool, override: Any) -> Any:
        return f(x, k, s, p, ceil, counted, override or (k * k if ceil else None))

    wrap(F, "avg_pool2d", wrong)


@mutant("torch", "pool.lp", "powers are taken of absolute values")
def lp_pool_absolute() -> None:
    wrap(F, "lp_pool2d", lambda f, x, *a: f(x.abs(), *a))


@mutant("torch", "pool.lp", "the power is rounded to an integer")
def lp_pool_power() -> None:
    wrap(F, "lp_pool1d", lambda f, x, p, *a: f(x, float(round(p)), *a))


@mutant("torch", "pool.fractional", "height and width of the kernel are swapped")
def fractional_kernel() -> None:
    wrap(F, "fractional_max_pool2d", lambda f, x, k, *a, **o: f(x, k[::-1] if isinstance(k, tuple) else k, *a, **o))


@mutant("torch", "pool.adaptive", "None means 1 in 3d")
def adaptive_none() -> None:
    wrap(F, "adaptive_avg_pool3d", lambda f, x, size: f(x, [n or 1 for n in size] if isinstance(size, tuple) else size))


@mutant("torch", "unpool.max", "the stride is the kernel size")
def unpool_stride() -> None:
    wrap(F, "max_unpool2d", lambda f, x, i, k, s, p, size=None: f(x, i, k, k, p, size))


# -- normalization ----------------------------------------------------------------------------------------------------
def _batch_norm(change: Callable[..., Any]) -> None:
    wrap(F, "batch_norm", change)


@mutant("torch", "norm.batch_statistics", "the running variance is the biased one")
def batch_norm_biased() -> None:
    def wrong(f: Any, x: Any, mean: Any, var: Any, w: Any, b: Any, training: bool, momentum: float, eps: float) -> Any:
        before = None if var is None else var.clone()
        y = f(x, mean, var, w, b, training, momentum, eps)
        if training and before is not None:
            n = x.numel() / x.shape[1]
            var.copy_(before * (1 - momentum) + (var - before * (1 - momentum)) * (n - 1) / n)
        return y

    _batch_norm(wrong)


@mutant("torch", "norm.batch_statistics", "momentum weights the old statistics instead of the new")
def batch_norm_momentum() -> None:
    _batch_norm(lambda f, x, m, v, w, b, t, momentum, eps: f(x, m, v, w, b, t, 1 - momentum, eps))


@mutant("torch", "norm.batch_statistics", "eval uses the statistics of the batch")
def batch_norm_eval() -> None:
    _batch_norm(
        lambda f, x, m, v, w, b, t, momentum, eps: (
            f(x, None, None, w, b, True, momentum, eps) if not t else f(x, m, v, w, b, t, momentum, eps)
        )
    )


@mutant("torch", "norm.batch", "the batch's variance is the unbiased one")
def batch_norm_unbiased() -> None:
    def wrong(f: Any, x: Any, m: Any, v: Any, w: Any, b: Any, t: Any, momentum: Any, eps: Any) -> Any:
        n = x.numel() / x.shape[1]
        plain = f(x, m, v, None, None, t, momentum, eps) * math.sqrt((n - 1) / n)
        shape = [1, -1, *[1] * (x.dim() - 2)]
        return plain if w is None else plain * w.reshape(shape) + b.reshape(shape)

    _batch_norm(wrong)


@mutant("torch", "norm.batch", "eps is a tenth of the given value")
def batch_norm_eps() -> None:
    _batch_norm(lambda f, x, m, v, w, b, t, momentum, eps: f(x, m, v, w, b, t, momentum, eps / 10))


@mutant("torch", "norm.batch_absorbs_bias", "the mean is not subtracted completely")
def batch_norm_mean() -> None:
    def wrong(f: Any, x: Any, *a: Any) -> Any:
        return f(x, *a) + 1e-3 * x.mean((0, 2, 3), keepdim=True)

    _batch_norm(wrong)


@mutant("torch", "norm.group", "eps is ignored")
def group_norm_eps() -> None:
    wrap(F, "group_norm", lambda f, x, g, w, b, eps: f(x, g, w, b, 0.0))


@mutant("torch", "norm.group", "there is always one group")
def group_norm_groups() -> None:
    wrap(F, "group_norm", lambda f, x, g, w, b, eps: f(x, 1, w, b, eps))


@mutant("torch", "norm.instance", "the statistics are those of the whole batch")
def instance_norm_batch() -> None:
    wrap(
        F,
        "instance_norm",
        lambda f, x, m, v, w, b, use, momentum, eps: F.batch_norm(x, m, v, w, b, True, momentum, eps),
    )


@mutant("torch", "norm.instance", "momentum is always 0.1")
def instance_norm_momentum() -> None:
    wrap(F, "instance_norm", lambda f, x, m, v, w, b, use, momentum, eps: f(x, m, v, w, b, use, 0.1, eps))


@mutant("torch", "norm.layer", "the variance is the unbiased one")
def layer_norm_unbiased() -> None:
    def wrong(f: Any, x: Any, shape: Any, w: Any, b: Any, eps: float) -> Any:
        n = math.prod(shape)
        y = f(x, shape, None, None, eps) * math.sqrt((n - 1) / n)
        return y if w is None else y * w + (0 if b is None else b)

    wrap(F, "layer_norm", wrong)


@mutant("torch", "norm.layer", "only the last dimension is normalized")
def layer_norm_shape() -> None:
    def wrong(f: Any, x: Any, shape: Any, w: Any, b: Any, eps: float) -> Any:
        y = f(x, shape[-1:], None, None, eps)
        return y if w is None else y * w + (0 if b is None else b)

    wrap(F, "layer_norm", wrong)


@mutant("torch", "norm.rms", "eps is added outside the root")
def rms_norm_eps() -> None:
    def wrong(f: Any, x: Any, shape: Any, w: Any, eps: Any) -> Any:
        return x / ((x * x).mean(-1, keepdim=True).sqrt() + (eps or 0)) * (1 if w is None else w)

    wrap(F, "rms_norm", wrong)


@mutant("torch", "norm.local_response", "alpha is not divided by the number of neighbours")
def local_response_alpha() -> None:
    wrap(F, "local_response_norm", lambda f, x, size, alpha, beta, k: f(x, size, alpha * size, beta, k))


# -- dropout ----------------------------------------------------------------------------------------------------------
@mutant("torch", "dropout.element", "survivors are not scaled")
def dropout_scale() -> None:
    wrap(F, "dropout", lambda f, x, p, training, inplace: f(x, p, training, inplace) * (1 - p))


@mutant("torch", "dropout.element", "eval also drops")
def dropout_eval() -> None:
    wrap(F, "dropout", lambda f, x, p, training, inplace: f(x, p, True, inplace))


@mutant("torch", "dropout.element", "p is the share that stays")
def dropout_share() -> None:
    wrap(
        F,
        "dropout",
        lambda f, x, p, training, inplace: (
            f(x, 1 - p if 0 < p < 1 else p, training, inplace) * ((p / (1 - p)) if 0 < p < 1 and training else 1)
        ),
    )


@mutant("torch", "dropout.element", "the gradient passes through dropped elements")
def dropout_gradient() -> None:
    def wrong(f: Any, x: Any, p: float, training: bool, inplace: bool) -> Any:
        y = f(x, p, training, inplace)
        return x / (1 - p) + (y - x / (1 - p)).detach() if p < 1 else y

    wrap(F, "dropout", wrong)


@mutant("torch", "dropout.element", "one percent too many are dropped")
def dropout_percent() -> None:
    def wrong(f: Any, x: Any, p: float, training: bool, inplace: bool) -> Any:
        more = min(1.0, p + 0.01) if training and 0 < p < 1 else p
        return f(x, more, training, inplace) * ((1 - more) / (1 - p) if more != p else 1)

    wrap(F, "dropout", wrong)


@mutant("torch", "dropout.channel", "elements are dropped instead of channels")
def dropout_channels() -> None:
    wrap(F, "dropout2d", lambda f, x, p, training, inplace: F.dropout(x, p, training, inplace))


@mutant("torch", "dropout.alpha", "dropped elements become 0")
def dropout_alpha() -> None:
    wrap(F, "alpha_dropout", lambda f, x, p, training, *a: F.dropout(x, p, training))


@mutant("torch", "dropout.seed", "the mask is always the same")
def dropout_seed() -> None:
    def wrong(f: Any, x: Any, *a: Any) -> Any:
        torch.manual_seed(0)
        return f(x, *a)

    wrap(F, "dropout", wrong)


@mutant("torch", "norm.batch_statistics", "eval changes the running variance")
def batch_norm_eval_moves() -> None:
    def wrong(f: Any, x: Any, m: Any, v: Any, w: Any, b: Any, training: bool, *a: Any) -> Any:
        found = f(x, m, v, w, b, training, *a)
        if not training:
            v.data = 1.5 * v
        return found

    _batch_norm(wrong)


@mutant("torch", "norm.batch_statistics", "the gradient of eval is halved")
def batch_norm_eval_gradient() -> None:
    def wrong(f: Any, x: Any, m: Any, v: Any, w: Any, b: Any, training: bool, *a: Any) -> Any:
        return f(x if training else _ScaleGradient.apply(x, 0.5), m, v, w, b, training, *a)

    _batch_norm(wrong)


@mutant("torch", "norm.batch_statistics", "3d uses half the momentum")
def batch_norm_3d_momentum() -> None:
    _batch_norm(lambda f, x, m, v, w, b, t, momentum, eps: f(x, m, v, w, b, t, momentum / (1 + (x.dim() == 5)), eps))


@mutant("torch", "norm.batch", "the gradient treats mean and variance as constants")
def batch_norm_constants() -> None:
    def wrong(f: Any, x: Any, m: Any, v: Any, w: Any, b: Any, training: bool, momentum: Any, eps: float) -> Any:
        if not training:
            return f(x, m, v, w, b, training, momentum, eps)
        mean, var = (
            t.detach() for t in (x.transpose(0, 1).flatten(1).mean(1), x.transpose(0, 1).flatten(1).var(1, False))
        )
        return f(x, mean, var, w, b, False, momentum, eps)

    _batch_norm(wrong)


@mutant("torch", "norm.instance", "eval uses the image's own statistics")
def instance_norm_eval() -> None:
    def wrong(f: Any, x: Any, m: Any, v: Any, w: Any, b: Any, own: bool, *a: Any) -> Any:
        return f(x, m, v, w, b, own, *a) if own else f(x, None, None, w, b, True, *a)

    wrap(F, "instance_norm", wrong)


@mutant("torch", "norm.layer", "the variance is a difference of squares")
def layer_norm_cancels() -> None:
    def wrong(f: Any, x: Any, shape: Any, w: Any, b: Any, eps: float) -> Any:
        over = list(range(-len(shape), 0))
        mean = x.mean(over, keepdim=True)
        y = (x - mean) / ((x * x).mean(over, keepdim=True) - mean**2 + eps).sqrt()
        return (y if w is None else y * w) + (0 if b is None else b)

    wrap(F, "layer_norm", wrong)


@mutant("torch", "norm.rms", "only the last dimension is used")
def rms_norm_shape() -> None:
    wrap(F, "rms_norm", lambda f, x, shape, w, eps: f(x, shape[-1:], None, eps) * (1 if w is None else w))


@mutant("torch", "norm.group", "groups are every g-th channel")
def group_norm_interleaved() -> None:
    def wrong(f: Any, x: Any, g: int, *a: Any) -> Any:
        return f(x.unflatten(1, (g, -1)).transpose(1, 2).flatten(1, 2), g, *a)

    wrap(F, "group_norm", wrong)


@mutant("torch", "norm.local_response", "an even size is one too large")
def local_response_even() -> None:
    wrap(F, "local_response_norm", lambda f, x, size, *a: f(x, size + 1 - size % 2, *a))


@mutant("torch", "dropout.element", "the last elements are never dropped")
def dropout_last() -> None:
    def wrong(f: Any, x: Any, p: float, training: bool, inplace: bool) -> Any:
        y = f(x, p, training, inplace)
        return torch.cat([y[:-3], x[-3:] / (1 - p)]) if training and p < 1 and len(x) > 1000 else y

    wrap(F, "dropout", wrong)


@mutant("torch", "dropout.channel", "all images share one mask")
def dropout_shared() -> None:
    wrap(F, "dropout1d", lambda f, x, p, training, *a: x * f(torch.ones_like(x[:1]), p, training))


@mutant("torch", "dropout.channel", "the gradient is halved")
def dropout_channel_gradient() -> None:
    scale_gradient(F, "dropout2d", 0)


@mutant("torch", "dropout.alpha", "elements are dropped instead of features")
def feature_alpha_elements() -> None:
    wrap(F, "feature_alpha_dropout", lambda f, x, p, training: F.alpha_dropout(x, p, training))


# -- arithmetic -------------------------------------------------------------------------------------------------------
def _rounded(x: Any, bits: int) -> Any:
    """Return float32 numbers rounded to ``bits`` bits of mantissa, as tensor cores do."""
    drop = 23 - bits
    whole = x.contiguous().view(torch.int32)
    return ((whole + (1 << (drop - 1))) & ~((1 << drop) - 1)).view(torch.float32)


def _in_products(change: Callable[[Any], Any]) -> None:
    def wrong(f: Any, a: Any, b: Any) -> Any:
        return f(change(a), change(b)) if a.dtype == torch.float32 else f(a, b)

    wrap(torch.Tensor, "__matmul__", wrong)


@mutant("torch", "probe.gemm", "TF32 leaks into float32 products")
def tf32_products() -> None:
    _in_products(lambda x: _rounded(x, 10))


@mutant("torch", "probe.gemm", "bfloat16 leaks into float32 products")
def bf16_products() -> None:
    _in_products(lambda x: _rounded(x, 7))


@mutant("torch", "probe.solver", "a factorization is computed in float32")
def cholesky_float32() -> None:
    wrap(torch.linalg, "cholesky", lambda f, a: f(a.float()).double())


@mutant("torch", "probe.convolution", "TF32 leaks into float32 convolutions")
def tf32_convolutions() -> None:
    wrap(
        F,
        "conv2d",
        lambda f, x, w, *a, **k: f(
            x + (_rounded(x.detach(), 10) - x.detach()) if x.dtype == torch.float32 else x, w, *a, **k
        ),
    )


@mutant("torch", "probe.autocast", "autocast does nothing")
def autocast_off() -> None:
    original = torch.autocast.__init__

    def wrong(self: Any, *a: Any, **k: Any) -> None:
        original(self, *a, **{**k, "enabled": False})

    torch.autocast.__init__ = wrong


@mutant("torch", "layer.convolution", "dilation is ignored")
def convolution_dilation() -> None:
    def wrong(
        f: Any, x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        if isinstance(dilation, int) or padding == "same":
            return f(x, w, b, stride, padding, 1, groups)
        shrunk = tuple(p - (d - 1) for p, d in zip(padding, dilation, strict=True))
        return f(x, w, b, stride, shrunk, 1, groups)

    wrap(F, "conv2d", wrong)


@mutant("torch", "layer.attention", "scores are not divided by the root of the width")
def attention_scale() -> None:
    wrap(F, "scaled_dot_product_attention", lambda f, q, k, v, *a, **kw: f(q * math.sqrt(q.shape[-1]), k, v, *a, **kw))


@mutant("torch", "layer.activation", "GELU uses its tanh approximation")
def gelu_tanh() -> None:
    wrap(F, "gelu", lambda f, x, **k: f(x, approximate="tanh"))


@mutant("torch", "probe.solver", "a solution is refined in float32")
def solver_float32() -> None:
    wrap(torch.linalg, "solve", lambda f, a, b: f(a.float(), b.float()).double())


@mutant("torch", "probe.fft", "the inverse transform is not divided by n")
def fft_scale() -> None:
    wrap(torch.fft, "ifft", lambda f, x: f(x) * x.shape[-1])


@mutant("torch", "probe.gemm", "the last row of a large product is zero")
def gemm_rows() -> None:
    def wrong(f: Any, a: Any, b: Any) -> Any:
        y = f(a, b)
        return torch.cat([y[:-1], 0 * y[-1:]]) if y.dim() == 2 and len(y) == 257 else y

    wrap(torch.Tensor, "__matmul__", wrong)


@mutant("torch", "probe.gemm", "float64 is multiplied in float32")
def gemm_float32() -> None:
    wrap(
        torch.Tensor,
        "__matmul__",
        lambda f, a, b: f(a.float(), b.float()).double() if a.dtype == torch.float64 else f(a, b),
    )


@mutant("torch", "probe.gemm", "the last matrix of a batch is doubled")
def bmm_last() -> None:
    wrap(torch, "bmm", lambda f, a, b: f(a, torch.cat([b[:-1], 2 * b[-1:]])))


@mutant("torch", "probe.solver", "the transposed system is solved")
def solver_transposed() -> None:
    wrap(torch.linalg, "solve", lambda f, a, b: f(a.mT, b))


@mutant("torch", "probe.solver", "singular values are in ascending order")
def svd_order() -> None:
    wrap(torch.linalg, "svd", lambda f, a: [part.flip(d) for part, d in zip(f(a), (1, 0, 0), strict=True)])


@mutant("torch", "probe.fft", "transforms of odd length are doubled")
def fft_odd() -> None:
    wrap(torch.fft, "fft", lambda f, x, *a, **k: f(x, *a, **k) * (1 + x.shape[-1] % 2))


@mutant("torch", "probe.fft", "the orthonormal scale is ignored")
def fft_ortho() -> None:
    wrap(torch.fft, "fft", lambda f, x, norm=None, **k: f(x, **k))


@mutant("torch", "probe.sparse", "the gradient of the dense factor is halved")
def sparse_gradient() -> None:
    scale_gradient(torch.sparse, "mm", 1)


@mutant("torch", "probe.native", "a sum omits the remainder of blocks of 32")
def sum_tail() -> None:
    def wrong(f: Any, x: Any, *a: Any, **k: Any) -> Any:
        return f(x[: len(x) // 32 * 32]) if x.dim() == 1 and len(x) > 1000 and not a and not k else f(x, *a, **k)

    wrap(torch.Tensor, "sum", wrong)


@mutant("torch", "probe.native", "indices wrap at 2^16")
def gather_wraps() -> None:
    wrap(torch.Tensor, "gather", lambda f, x, d, i: f(x, d, i % 2**16))


@mutant("torch", "probe.native", "elements past the last full vector are not added")
def add_tail() -> None:
    def wrong(f: Any, a: Any, b: Any) -> Any:
        y = f(a, b)
        if torch.is_tensor(b) and y.dim() == 1 and len(y) > 1000:
            y[len(y) // 4 * 4 :] = 0
        return y

    wrap(torch.Tensor, "__add__", wrong)


@mutant("torch", "probe.copies", "one number in a million is changed")
def copy_corrupts() -> None:
    def wrong(f: Any, x: Any) -> Any:
        y = f(x)
        if y.is_floating_point() and y.numel() > 2**20:
            y.view(-1)[777_777] += 1
        return y

    wrap(torch.Tensor, "clone", wrong)


@mutant("torch", "probe.random", "randn is uniform with variance 1")
def randn_uniform() -> None:
    wrap(torch, "randn", lambda f, *a, **k: (torch.rand(*a, **k) - 0.5) * math.sqrt(12))


@mutant("torch", "probe.random", "rand has 8 bits")
def rand_coarse() -> None:
    wrap(torch, "rand", lambda f, *a, **k: (256 * f(*a, **k)).floor() / 256)


@mutant("torch", "probe.autocast", "convolutions stay float32")
def autocast_convolution() -> None:
    def wrong(f: Any, *a: Any, **k: Any) -> Any:
        with torch.autocast("cpu", enabled=False):
            return f(*a, **k)

    wrap(F, "conv2d", wrong)


@mutant("torch", "probe.gradcheck", "second-order gradients are halved")
def double_backward() -> None:
    def wrong(f: Any, *a: Any, **k: Any) -> Any:
        found = f(*a, **k)
        return tuple(_ScaleGradient.apply(g, 0.5) for g in found) if k.get("create_graph") else found

    wrap(torch.autograd, "grad", wrong)


@mutant("torch", "layer.convolution", "the weight's gradient is halved")
def convolution_weight_gradient() -> None:
    scale_gradient(F, "conv1d", 1)


@mutant("torch", "layer.convolution", "reflected padding repeats the edge")
def padding_reflect() -> None:
    wrap(
        F,
        "pad",
        lambda f, x, p, mode="constant", value=None: f(x, p, "replicate" if mode == "reflect" else mode, value),
    )


@mutant("torch", "layer.convolution", "a strided tensor is read as contiguous")
def convolution_strided() -> None:
    wrap(F, "conv2d", lambda f, x, *a: f(x if x.is_contiguous() else x.contiguous().flip(-1), *a))


@mutant("torch", "layer.transposed", "the bias is omitted in 3d")
def transposed_bias() -> None:
    wrap(F, "conv_transpose3d", lambda f, x, w, b=None, *a, **k: f(x, w, None, *a, **k))


@mutant("torch", "layer.transposed", "the input's gradient is halved")
def transposed_gradient() -> None:
    scale_gradient(F, "conv_transpose1d", 0)


@mutant("torch", "layer.large", "nothing is written past 2^16")
def large_relu() -> None:
    def wrong(f: Any, x: Any, inplace: bool = False) -> Any:
        y = f(x, inplace=inplace)
        return torch.cat([y.flatten()[: 2**16], 0 * y.flatten()[2**16 :]]).view_as(y)

    wrap(F, "relu", wrong)


@mutant("torch", "layer.bfloat16", "the gradient is halved in bfloat16")
def bfloat16_gradient() -> None:
    wrap(F, "linear", lambda f, x, *a: f(_ScaleGradient.apply(x, 0.5) if x.dtype == torch.bfloat16 else x, *a))


@mutant("torch", "layer.float16", "float16 results are a tenth too large")
def float16_scale() -> None:
    wrap(F, "layer_norm", lambda f, x, *a: f(x, *a) * (1.1 if x.dtype == torch.float16 else 1))


@mutant("torch", "layer.activation", "softmax overflows")
def softmax_overflow() -> None:
    wrap(F, "softmax", lambda f, x, d, **k: x.exp() / x.exp().sum(d, keepdim=True))


# -- other libraries --------------------------------------------------------------------------------------------------
@mutant("libraries", "numpy.arithmetic", "the transform is scaled by 1 / n")
def numpy_fft() -> None:
    numpy = importlib.import_module("numpy")
    wrap(numpy.fft, "fft", lambda f, x: f(x) / len(x))


@mutant("libraries", "numpy.torch", "float16 is converted to float32")
def numpy_dtype() -> None:
    wrap(torch, "from_numpy", lambda f, x: f(x.astype("float32")) if x.dtype == "float16" else f(x))


@mutant("libraries", "pandas.frames", "means treat missing values as 0")
def pandas_mean() -> None:
    groupby = importlib.import_module("pandas.core.groupby.generic").SeriesGroupBy
    wrap(groupby, "mean", lambda f, self, *a, **k: f(self.obj.fillna(0).groupby(self._grouper), *a, **k))


@mutant("libraries", "pandas.frames", "an inner join becomes an outer join")
def pandas_join() -> None:
    frame = importlib.import_module("pandas").DataFrame
    wrap(frame, "merge", lambda f, self, other, **k: f(self, other, **{**k, "how": "outer"}))


@mutant("libraries", "opencv.filters", "filter2D flips its kernel")
def opencv_flip() -> None:
    cv2 = importlib.import_module("cv2")
    wrap(cv2, "filter2D", lambda f, x, depth, kernel, **k: f(x, depth, kernel[::-1, ::-1].copy(), **k))


@mutant("libraries", "opencv.geometry", "resize aligns corners")
def opencv_resize() -> None:
    cv2, numpy = importlib.import_module("cv2"), importlib.import_module("numpy")

    def wrong(f: Any, x: Any, size: Any, **k: Any) -> Any:
        rows, columns = (numpy.linspace(0, n - 1, m) for n, m in zip(x.shape, size[::-1], strict=True))
        grid = numpy.meshgrid(columns.astype("float32"), rows.astype("float32"))
        return cv2.remap(x, *grid, cv2.INTER_LINEAR)

    wrap(cv2, "resize", wrong)


@mutant("libraries", "matplotlib.picture", "nothing is drawn")
def matplotlib_blank() -> None:
    wrap(importlib.import_module("matplotlib.axes").Axes, "draw", lambda f, *a, **k: None)


@mutant("libraries", "matplotlib.image", "a colour map is reversed")
def matplotlib_colours() -> None:
    wrap(
        importlib.import_module("matplotlib.colors").Colormap,
        "__call__",
        lambda f, self, x, *a, **k: f(self, 1 - x, *a, **k),
    )


# -- the bundle's own models ------------------------------------------------------------------------------------------
def _model(name: str, old: str, new: str) -> None:
    edit(_bundle("models"), name, old, new)


def _method(kind: str, name: str, old: str, new: str) -> None:
    edit(getattr(_bundle("models"), kind), name, old, new)


@mutant("models", "vae.kl", "the sign of the KL's log variance is reversed")
def kl_sign() -> None:
    _model("gaussian_kl", "- 1 - log_variance", "- 1 + log_variance")


@mutant("models", "vae.kl", "the KL is not halved")
def kl_half() -> None:
    _model("gaussian_kl", "0.5 * ", "")


@mutant("models", "vae.kl", "the KL is averaged over codes")
def kl_mean() -> None:
    _model("gaussian_kl", ".sum(-1)", ".mean(-1)")


@mutant("models", "vae.kl", "the KL lacks its - 1")
def kl_minus_one() -> None:
    _model("gaussian_kl", " - 1 - ", " - ")


@mutant("models", "vae.reparametrization", "noise is scaled by the variance")
def reparametrized_variance() -> None:
    _model("reparametrized", "(0.5 * log_variance)", "(log_variance)")


@mutant("models", "vae.reparametrization", "the variance gets no gradient")
def reparametrized_detached() -> None:
    _model("reparametrized", "(0.5 * log_variance).exp()", "(0.5 * log_variance).exp().detach()")


@mutant("models", "vae.reparametrization", "codes are not sampled")
def reparametrized_mean() -> None:
    _model("reparametrized", " * noise", " * 0 * noise")


@mutant("models", "vae.reparametrization", "noise is one-sided")
def reparametrized_one_sided() -> None:
    _model("reparametrized", "* noise", "* noise.abs()")


@mutant("models", "vae.ppca", "the ELBO lacks its KL")
def elbo_without_kl() -> None:
    _method("VariationalAutoencoder", "elbo", " - gaussian_kl(mean, log_variance)", "")


@mutant("models", "vae.ppca", "the KL has twice its weight")
def elbo_beta() -> None:
    _method("VariationalAutoencoder", "elbo", "- gaussian_kl", "- 2 * gaussian_kl")


@mutant("models", "vae.ppca", "codes are not sampled in training")
def elbo_not_sampled() -> None:
    _method("VariationalAutoencoder", "elbo", "torch.randn_like(mean)", "torch.zeros_like(mean)")


@mutant("models", "vae.ppca", "the encoder gets no gradient from the decoder")
def elbo_detached_encoder() -> None:
    _method("VariationalAutoencoder", "elbo", "self.decoder(codes)", "self.decoder(codes.detach())")


@mutant("models", "vae.images", "the encoder gets no gradient")
def posterior_detached() -> None:
    _method("VariationalAutoencoder", "posterior", "self.encoder(x).chunk", "self.encoder(x).detach().chunk")


@mutant("models", "vae.images", "pixels are averaged, so that the KL outweighs them")
def likelihood_mean() -> None:
    _model("bernoulli_log_likelihood", ".sum(1)", ".mean(1)")


@mutant("models", "vae.prior", "the prior is three times as wide")
def prior_wide() -> None:
    _method("VariationalAutoencoder", "sample", "self.decoder(torch.randn(", "self.decoder(3 * torch.randn(")


@mutant("models", "vae.images", "the prior is a single point")
def prior_point() -> None:
    _method("VariationalAutoencoder", "sample", "self.decoder(torch.randn(", "self.decoder(0 * torch.randn(")


@mutant("models", "autoencoder.pca", "absolute errors instead of squares")
def reconstruction_absolute() -> None:
    _model("reconstruction_error", "((model(x) - x) ** 2)", "(model(x) - x).abs()")


@mutant("models", "autoencoder.pca", "the target is 0")
def reconstruction_target() -> None:
    _model("reconstruction_error", "- x)", "- 0 * x)")


@mutant("models", "autoencoder.convolution", "the encoder gets no gradient from the decoder")
def autoencoder_detached() -> None:
    _method(
        "ConvolutionalAutoencoder", "forward", "self.decoder(self.encoder(x))", "self.decoder(self.encoder(x).detach())"
    )


@mutant("models", "autoencoder.convolution", "the code has one dimension")
def autoencoder_code() -> None:
    _method("ConvolutionalAutoencoder", "forward", "self.encoder(x)", "self.encoder(x) * torch.tensor([1.0, 0.0])")


@mutant("models", "gan.steps", "real and fake are swapped")
def discriminator_swapped() -> None:
    _model("discriminator_loss", "softplus(-discriminator(real)).mean() + softplus(discriminator(fake))",
           "softplus(discriminator(real)).mean() + softplus(-discriminator(fake))")  # fmt: skip


@mutant("models", "gan.steps", "the discriminator gets no fake samples")
def discriminator_real_only() -> None:
    _model("discriminator_loss", " + softplus(discriminator(fake)).mean()", "")


@mutant("models", "gan.optimal_discriminator", "a hinge instead of the logarithm")
def discriminator_hinge() -> None:
    _model("discriminator_loss", "softplus = nn.functional.softplus", "softplus = lambda z: nn.functional.relu(1 + z)")


@mutant("models", "gan.optimal_discriminator", "fake samples have twice their weight")
def discriminator_weight() -> None:
    _model("discriminator_loss", "+ softplus(", "+ 2 * softplus(")


@mutant("models", "gan.steps", "the generator's loss saturates")
def generator_saturates() -> None:
    _model(
        "generator_loss",
        "nn.functional.softplus(-discriminator(fake)).mean()",
        "-nn.functional.softplus(discriminator(fake)).mean()",
    )


@mutant("models", "gan.gradients", "the generator takes no steps")
def generator_frozen() -> None:
    _model("generator_step", "    optimizer.step()\n", "")


@mutant("models", "gan.gradients", "the generator gets no gradient from its samples")
def generator_detached() -> None:
    _model("generator_step", "generator(noise))", "generator(noise).detach().requires_grad_())")


@mutant("models", "gan.gradients", "the discriminator's step gives the generator a gradient")
def discriminator_not_detached() -> None:
    _model("discriminator_step", ".detach())", ")")


@mutant("models", "gan.gradients", "the discriminator's step increases its loss")
def discriminator_uphill() -> None:
    _model("discriminator_step", "loss.backward()", "(-loss).backward()")


@mutant("models", "gan.steps", "the discriminator's gradients accumulate")
def discriminator_piles() -> None:
    _model("discriminator_step", "    optimizer.zero_grad()\n", "")


@mutant("models", "gan.steps", "the generator's gradients accumulate")
def generator_piles() -> None:
    _model("generator_step", "    optimizer.zero_grad()\n", "")


@mutant("models", "gan.steps", "losses are summed instead of averaged")
def generator_sum() -> None:
    _model("generator_loss", ".mean()", ".sum()")


@mutant("models", "vae.prior", "the noise in training is uniform")
def elbo_uniform() -> None:
    _method("VariationalAutoencoder", "elbo", "torch.randn_like(mean)", "(12**0.5) * (torch.rand_like(mean) - 0.5)")


@mutant("models", "vae.prior", "the noise in training is a tenth too small")
def elbo_narrow() -> None:
    _method("VariationalAutoencoder", "elbo", "torch.randn_like(mean)", "0.9 * torch.randn_like(mean)")


@mutant("models", "vae.prior", "every sample occurs twice")
def prior_twice() -> None:
    _method(
        "VariationalAutoencoder",
        "sample",
        "torch.randn(count, self.codes, device=device)",
        "torch.randn(count // 2, self.codes, device=device).repeat(2, 1)",
    )


@mutant("models", "vae.prior", "all draws are the same")
def prior_same() -> None:
    _method("VariationalAutoencoder", "sample", "device=device)", "generator=torch.Generator().manual_seed(1))")


@mutant("models", "vae.likelihood", "a tenth of the likelihood is missing")
def likelihood_less() -> None:
    _model("bernoulli_log_likelihood", "return -nn", "return -0.9 * nn")


@mutant("models", "vae.likelihood", "two bars are the same")
def bars_same() -> None:
    _model("bars", "images[size + i, :, i]", "images[size + i, :, min(i, size - 2)]")


@mutant("models", "autoencoder.pca", "the error is halved")
def reconstruction_half() -> None:
    _model("reconstruction_error", ".mean()", ".mean() / 2")


@mutant("models", "autoencoder.pca", "the learning rate is constant")
def schedule_constant() -> None:
    _model("set_cosine_rate", "0.5 * (1 + math.cos(math.pi * step / steps))", "1.0")


@mutant("models", "autoencoder.convolution", "noise is added to the code")
def autoencoder_noise() -> None:
    _method("ConvolutionalAutoencoder", "forward", "self.encoder(x)", "self.encoder(x) + 0.01 * torch.randn(len(x), 2)")


@mutant("models", "gan.steps", "real data gives the discriminator no gradient")
def discriminator_real_detached() -> None:
    _model(
        "discriminator_loss", "softplus(-discriminator(real)).mean()", "softplus(-discriminator(real)).mean().detach()"
    )


@mutant("models", "gan.steps", "labels of real data are smoothed")
def discriminator_smoothed() -> None:
    _model("discriminator_loss", "softplus(-discriminator(real)).mean()", "softplus(-0.9 * discriminator(real)).mean()")
