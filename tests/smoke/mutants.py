"""Mutants: torch, its friends and the bundle's own models, each wrong in one term, and the check that must notice.

Which check has to catch which mutant was written down before it was run. A mutant edits the source of a function
(``edit``: one text that occurs once) or stands before a compiled one (``instead``).
"""

from __future__ import annotations

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
    """One wrong term. ``of`` is ``torch``, ``friends`` or ``models``; ``caught_by`` the id of a check."""

    name: str
    of: str
    caught_by: str
    change: str
    apply: Callable[[], None]


MUTANTS: list[Mutant] = []


def mutant(of: str, caught_by: str, change: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Declare a mutant; the function makes it."""

    def declare(apply: Callable[[], None]) -> Callable[[], None]:
        MUTANTS.append(Mutant(apply.__name__, of, caught_by, change, apply))
        return apply

    return declare


def edit(owner: Any, name: str, old: str, new: str) -> None:
    """Replace one text in the source of a function or method that is looked up in ``owner`` when it is called."""
    function = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times in {name}"
    module = importlib.import_module(function.__module__)
    space = dict(vars(module))
    exec("from __future__ import annotations\n" + source.replace(old, new), space)
    setattr(owner, name, space[name])


def instead(owner: Any, name: str, wrong: Callable[..., Any]) -> None:
    """Put a function before another: ``wrong`` gets the original first."""
    original = getattr(owner, name)
    setattr(owner, name, lambda *args, **kwargs: wrong(original, *args, **kwargs))


def _bundle(name: str) -> Any:
    return importlib.import_module("envtool_smoke." + name)


# -- losses -----------------------------------------------------------------------------------------------------------
@mutant("torch", "loss.cross_entropy", "label_smoothing is ignored")
def cross_entropy_smoothing() -> None:
    instead(F, "cross_entropy", lambda f, *a, **k: f(*a, **{**k, "label_smoothing": 0.0}))


@mutant("torch", "loss.cross_entropy", "ignored targets count")
def cross_entropy_ignore() -> None:
    instead(F, "cross_entropy", lambda f, *a, **k: f(*a, **{**k, "ignore_index": -100}))


@mutant("torch", "loss.cross_entropy", "a weighted mean is divided by the number of items")
def cross_entropy_weighted_mean() -> None:
    def wrong(f: Any, x: Any, y: Any, **k: Any) -> Any:
        if k.get("weight") is None or k.get("reduction") != "mean":
            return f(x, y, **k)
        return f(x, y, **{**k, "reduction": "sum"}) / len(x)

    instead(F, "cross_entropy", wrong)


@mutant("torch", "loss.nll", "class weights are ignored")
def nll_weight() -> None:
    def wrong(f: Any, x: Any, y: Any, **k: Any) -> Any:
        return f(x, y, **{**k, "weight": None})

    instead(F, "nll_loss", wrong)


@mutant("torch", "loss.binary_cross_entropy", "pos_weight is ignored")
def bce_pos_weight() -> None:
    instead(F, "binary_cross_entropy_with_logits", lambda f, x, y, w=None, **k: f(x, y, w, **{**k, "pos_weight": None}))


@mutant("torch", "loss.binary_cross_entropy", "log is clamped at -50 instead of -100")
def bce_clamp() -> None:
    instead(F, "binary_cross_entropy", lambda f, *a, **k: f(*a, **k).clamp(max=50))


@mutant("torch", "loss.regression", "mean squared error is halved")
def mse_half() -> None:
    instead(F, "mse_loss", lambda f, *a, **k: 0.5 * f(*a, **k))


@mutant("torch", "loss.regression", "SmoothL1's beta is always 1")
def smooth_l1_beta() -> None:
    instead(F, "smooth_l1_loss", lambda f, x, y, **k: f(x, y, **{**k, "beta": 1.0}))


@mutant("torch", "loss.regression", "Huber's linear part lacks its factor delta")
def huber_delta() -> None:
    def wrong(f: Any, x: Any, y: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
        far = (x - y).abs()
        loss = torch.where(far < delta, 0.5 * far**2, far - 0.5 * delta)
        return {"mean": loss.mean, "sum": loss.sum, "none": lambda: loss}[reduction]()

    instead(F, "huber_loss", wrong)


@mutant("torch", "loss.likelihood", "batchmean divides by the number of elements")
def kl_batchmean() -> None:
    def wrong(f: Any, x: Any, y: Any, **k: Any) -> Any:
        return f(
            x, y, **{**k, "reduction": "mean" if k.get("reduction") == "batchmean" else k.get("reduction", "mean")}
        )

    instead(F, "kl_div", wrong)


@mutant("torch", "loss.likelihood", "the Stirling term is missing")
def poisson_full() -> None:
    instead(F, "poisson_nll_loss", lambda f, x, y, **k: f(x, y, **{**k, "full": False}))


@mutant("torch", "loss.likelihood", "log variance is not halved")
def gaussian_half() -> None:
    edit(F, "gaussian_nll_loss", "0.5 * (torch.log(var) + (input - target) ** 2 / var)",
         "torch.log(var) + 0.5 * (input - target) ** 2 / var")  # fmt: skip


@mutant("torch", "loss.triplet", "swap is ignored")
def triplet_swap() -> None:
    instead(F, "triplet_margin_loss", lambda f, *a, **k: f(*a, **{**k, "swap": False}))


@mutant("torch", "loss.margin", "ranking has its sign turned")
def ranking_sign() -> None:
    instead(F, "margin_ranking_loss", lambda f, a, b, y, **k: f(a, b, -y, **k))


@mutant("torch", "loss.margin", "the cosine's margin is ignored")
def cosine_margin() -> None:
    instead(F, "cosine_embedding_loss", lambda f, a, b, y, **k: f(a, b, y, **{**k, "margin": 0.0}))


@mutant("torch", "loss.ctc", "the blank is always class 0")
def ctc_blank() -> None:
    instead(F, "ctc_loss", lambda f, logp, y, n, m, blank=0, *a, **k: f(logp, y, n, m, 0, *a, **k))


@mutant("torch", "loss.adaptive_softmax", "all tails share the first one's cluster")
def adaptive_cluster() -> None:
    kind = nn.AdaptiveLogSoftmaxWithLoss
    original = kind.forward
    source = textwrap.dedent(inspect.getsource(original))
    old = "cluster_index = self.shortlist_size + i - 1"
    assert source.count(old) == 1
    space = dict(vars(importlib.import_module(original.__module__)))
    exec(source.replace(old, "cluster_index = self.shortlist_size"), space)
    kind.forward = space["forward"]


# -- optimizers -------------------------------------------------------------------------------------------------------
def _optimizer(module: str, function: str, old: str, new: str) -> None:
    edit(importlib.import_module("torch.optim." + module), function, old, new)


@mutant("torch", "optimizer.adam", "the first moment is not corrected for its start at 0")
def adam_first_moment() -> None:
    _optimizer("adam", "_single_tensor_adam", "value=-step_size)", "value=-lr)")


@mutant("torch", "optimizer.adam", "the second moment is not corrected for its start at 0")
def adam_second_moment() -> None:
    _optimizer(
        "adam", "_single_tensor_adam", "bias_correction2_sqrt = bias_correction2**0.5", "bias_correction2_sqrt = 1.0"
    )


@mutant("torch", "optimizer.adam", "AMSGrad forgets its maximum")
def adam_amsgrad() -> None:
    _optimizer("adam", "_single_tensor_adam", "torch.maximum(max_exp_avg_sqs[i], exp_avg_sq, out=max_exp_avg_sqs[i])",
               "max_exp_avg_sqs[i].copy_(exp_avg_sq)")  # fmt: skip


@mutant("torch", "optimizer.adam", "AdamW's decay does not take the learning rate")
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


@mutant("torch", "optimizer.adaptive", "Adagrad's decay is a step ahead")
def adagrad_decay() -> None:
    _optimizer("adagrad", "_single_tensor_adagrad", "(step - 1)", "step")


@mutant("torch", "optimizer.adaptive", "Adadelta averages squared gradients where it should average moves")
def adadelta_moves() -> None:
    _optimizer(
        "adadelta",
        "_single_tensor_adadelta",
        "addcmul_(delta, delta, value=1 - rho)",
        "addcmul_(grad, grad, value=1 - rho)",
    )


@mutant("torch", "optimizer.adaptive", "Rprop does not forget a gradient that changed sign")
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


@mutant("torch", "optimizer.adaptive", "ASGD's weights do not decay")
def asgd_decay() -> None:
    _optimizer("asgd", "_single_tensor_asgd", "param.mul_(1 - lambd * eta_value)", "param.mul_(1)")


@mutant("torch", "optimizer.adaptive", "Adamax's norm does not decay")
def adamax_norm() -> None:
    _optimizer(
        "adamax", "_single_tensor_adamax", "                exp_inf.mul_(beta2),\n", "                exp_inf,\n"
    )


@mutant("torch", "optimizer.sparse_adam", "SparseAdam lacks the second correction")
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

    torch.optim.LBFGS.__init__ = wrong  # type: ignore[method-assign]


# -- pooling ----------------------------------------------------------------------------------------------------------
@mutant("torch", "pool.max", "padding is 0 instead of minus infinity")
def max_pool_padding() -> None:
    def wrong(f: Any, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, **k: Any) -> Any:
        p = padding if isinstance(padding, tuple) else (padding, padding)
        values, where = f(x, kernel, stride, padding, dilation, **k)
        return (values.clamp(min=0) if max(p) else values), where

    instead(F, "max_pool2d_with_indices", wrong)
    instead(
        F,
        "max_pool2d",
        lambda f, *a, return_indices=False, **k: F.max_pool2d_with_indices(*a, **k) if return_indices else f(*a, **k),
    )


@mutant("torch", "pool.max", "ceil_mode is ignored")
def max_pool_ceil() -> None:
    instead(F, "max_pool1d", lambda f, *a, **k: f(*a, **{**k, "ceil_mode": False}))


@mutant("torch", "pool.max", "dilation is ignored")
def max_pool_dilation() -> None:
    instead(F, "max_pool3d", lambda f, x, kernel, stride, padding, dilation, **k: f(x, kernel, stride, padding, 1, **k))


@mutant("torch", "pool.max", "the default stride is 1")
def max_pool_stride() -> None:
    def wrong(f: Any, x: Any, kernel: Any, stride: Any, *a: Any, **k: Any) -> Any:
        return f(x, kernel, 1 if stride in (None, kernel) else stride, *a, **k)

    instead(F, "max_pool2d", wrong)


@mutant("torch", "pool.max", "indices are off by one")
def max_pool_indices() -> None:
    def wrong(f: Any, *a: Any, **k: Any) -> Any:
        found = f(*a, **k)
        return (found[0], found[1] + 1) if k.get("return_indices") else found

    instead(F, "max_pool2d", wrong)


@mutant("torch", "pool.average", "padding always counts")
def average_pool_counted() -> None:
    instead(F, "avg_pool2d", lambda f, x, k, s, p, ceil, counted, override: f(x, k, s, p, ceil, True, override))


@mutant("torch", "pool.average", "divisor_override is ignored")
def average_pool_divisor() -> None:
    instead(F, "avg_pool3d", lambda f, x, k, s, p, ceil, counted, override: f(x, k, s, p, ceil, counted))


@mutant("torch", "pool.average", "the divisor is one too large")
def average_pool_off_by_one() -> None:
    instead(F, "avg_pool1d", lambda f, x, k, *a: f(x, k, *a) * (k[0] / (k[0] + 1)))


@mutant("torch", "pool.lp", "the p-th root is not taken")
def lp_pool_root() -> None:
    edit(F, "lp_pool2d", ".mul(kw * kh).pow(1.0 / norm_type)", ".mul(kw * kh)")


@mutant("torch", "pool.lp", "the mean is not turned into a sum")
def lp_pool_sum() -> None:
    edit(F, "lp_pool2d", ".mul(kw * kh)", "")


@mutant("torch", "pool.fractional", "the given random samples are ignored")
def fractional_samples() -> None:
    instead(F, "fractional_max_pool2d", lambda f, *a, **k: f(*a, **{**k, "_random_samples": None}))


@mutant("torch", "pool.fractional", "output_ratio rounds up")
def fractional_ratio() -> None:
    def wrong(f: Any, x: Any, kernel: Any, size: Any, ratio: Any, indices: Any, **k: Any) -> Any:
        if ratio is not None:
            r = ratio if isinstance(ratio, tuple) else (ratio, ratio)
            size = [math.ceil(s * q) for s, q in zip(x.shape[2:], r, strict=True)]
        return f(x, kernel, size, None, indices, **k)

    instead(F, "fractional_max_pool2d", wrong)


@mutant("torch", "pool.adaptive", "windows end where the next begins")
def adaptive_windows() -> None:
    def wrong(f: Any, x: Any, size: Any) -> Any:
        n, m = x.shape[-1], size if isinstance(size, int) else size[0]
        edges = [i * n // m for i in range(m + 1)]
        return torch.stack([x[..., a:b].mean(-1) for a, b in itertools.pairwise(edges)], -1)

    instead(F, "adaptive_avg_pool1d", wrong)


@mutant("torch", "unpool.max", "values land one place too far")
def unpool_place() -> None:
    instead(F, "max_unpool2d", lambda f, x, i, *a: f(x, (i + 1) % (4 * i[0, 0].numel()), *a))


@mutant("torch", "unpool.max", "output_size is ignored")
def unpool_output_size() -> None:
    instead(F, "max_unpool1d", lambda f, x, i, k, s, p, size=None: f(x, i.clamp(max=2 * x.shape[-1] - 1), k, s, p))


@mutant("torch", "unpool.convolution", "a transposed convolution does not flip its kernel")
def transposed_flip() -> None:
    instead(F, "conv_transpose2d", lambda f, x, w, *a, **k: f(x, w.flip(2, 3), *a, **k))


# -- normalization ----------------------------------------------------------------------------------------------------
def _batch_norm(change: Callable[..., Any]) -> None:
    instead(F, "batch_norm", change)


@mutant("torch", "norm.batch_statistics", "the running variance is the biased one")
def batch_norm_biased() -> None:
    def wrong(f: Any, x: Any, mean: Any, var: Any, w: Any, b: Any, training: bool, momentum: float, eps: float) -> Any:
        before = None if var is None else var.clone()
        y = f(x, mean, var, w, b, training, momentum, eps)
        if training and var is not None:
            n = x.numel() / x.shape[1]
            var.copy_(before * (1 - momentum) + (var - before * (1 - momentum)) * (n - 1) / n)
        return y

    _batch_norm(wrong)


@mutant("torch", "norm.batch_statistics", "momentum weighs the old instead of the new")
def batch_norm_momentum() -> None:
    _batch_norm(lambda f, x, m, v, w, b, t, momentum, eps: f(x, m, v, w, b, t, 1 - momentum, eps))


@mutant("torch", "norm.batch_statistics", "eval normalizes with the batch")
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


@mutant("torch", "norm.batch", "eps is a tenth of what was asked for")
def batch_norm_eps() -> None:
    _batch_norm(lambda f, x, m, v, w, b, t, momentum, eps: f(x, m, v, w, b, t, momentum, eps / 10))


@mutant("torch", "norm.batch_absorbs_bias", "the mean is not quite taken away")
def batch_norm_mean() -> None:
    def wrong(f: Any, x: Any, *a: Any) -> Any:
        return f(x, *a) + 1e-3 * x.mean((0, 2, 3), keepdim=True)

    _batch_norm(wrong)


@mutant("torch", "norm.group", "eps is ignored")
def group_norm_eps() -> None:
    instead(F, "group_norm", lambda f, x, g, w, b, eps: f(x, g, w, b, 0.0))


@mutant("torch", "norm.group", "there is always one group")
def group_norm_groups() -> None:
    instead(F, "group_norm", lambda f, x, g, w, b, eps: f(x, 1, w, b, eps))


@mutant("torch", "norm.instance", "the statistics are those of the whole batch")
def instance_norm_batch() -> None:
    instead(
        F,
        "instance_norm",
        lambda f, x, m, v, w, b, use, momentum, eps: F.batch_norm(x, m, v, w, b, True, momentum, eps),
    )


@mutant("torch", "norm.instance", "momentum is always 0.1")
def instance_norm_momentum() -> None:
    instead(F, "instance_norm", lambda f, x, m, v, w, b, use, momentum, eps: f(x, m, v, w, b, use, 0.1, eps))


@mutant("torch", "norm.layer", "the variance is the unbiased one")
def layer_norm_unbiased() -> None:
    def wrong(f: Any, x: Any, shape: Any, w: Any, b: Any, eps: float) -> Any:
        n = math.prod(shape)
        y = f(x, shape, None, None, eps) * math.sqrt((n - 1) / n)
        return y if w is None else y * w + b

    instead(F, "layer_norm", wrong)


@mutant("torch", "norm.layer", "only the last dimension is normalized")
def layer_norm_shape() -> None:
    def wrong(f: Any, x: Any, shape: Any, w: Any, b: Any, eps: float) -> Any:
        y = f(x, shape[-1:], None, None, eps)
        return y if w is None else y * w + b

    instead(F, "layer_norm", wrong)


@mutant("torch", "norm.rms", "eps stands outside the root")
def rms_norm_eps() -> None:
    instead(F, "rms_norm", lambda f, x, shape, w, eps: x / ((x * x).mean(-1, keepdim=True).sqrt() + eps) * w)


@mutant("torch", "norm.local_response", "alpha is not divided by the number of neighbours")
def local_response_alpha() -> None:
    instead(F, "local_response_norm", lambda f, x, size, alpha, beta, k: f(x, size, alpha * size, beta, k))


# -- dropout ----------------------------------------------------------------------------------------------------------
@mutant("torch", "dropout.element", "survivors are not scaled")
def dropout_scale() -> None:
    instead(F, "dropout", lambda f, x, p, training, inplace: f(x, p, training, inplace) * (1 - p))


@mutant("torch", "dropout.element", "eval drops, too")
def dropout_eval() -> None:
    instead(F, "dropout", lambda f, x, p, training, inplace: f(x, p, True, inplace))


@mutant("torch", "dropout.element", "p is the share that stays")
def dropout_share() -> None:
    instead(
        F,
        "dropout",
        lambda f, x, p, training, inplace: (
            f(x, 1 - p if 0 < p < 1 else p, training, inplace) * ((p / (1 - p)) if 0 < p < 1 and training else 1)
        ),
    )


@mutant("torch", "dropout.element", "the gradient passes where nothing passed")
def dropout_gradient() -> None:
    def wrong(f: Any, x: Any, p: float, training: bool, inplace: bool) -> Any:
        y = f(x, p, training, inplace)
        return x / (1 - p) + (y - x / (1 - p)).detach() if p < 1 else y

    instead(F, "dropout", wrong)


@mutant("torch", "dropout.element", "one percent too many are dropped")
def dropout_percent() -> None:
    def wrong(f: Any, x: Any, p: float, training: bool, inplace: bool) -> Any:
        more = min(1.0, p + 0.01) if training and 0 < p < 1 else p
        return f(x, more, training, inplace) * ((1 - more) / (1 - p) if more != p else 1)

    instead(F, "dropout", wrong)


@mutant("torch", "dropout.channel", "elements are dropped instead of channels")
def dropout_channels() -> None:
    instead(F, "dropout2d", lambda f, x, p, training, inplace: F.dropout(x, p, training, inplace))


@mutant("torch", "dropout.alpha", "the dropped become 0")
def dropout_alpha() -> None:
    instead(F, "alpha_dropout", lambda f, x, p, training, *a: F.dropout(x, p, training))


@mutant("torch", "dropout.seed", "the mask is always the same")
def dropout_seed() -> None:
    def wrong(f: Any, x: Any, *a: Any) -> Any:
        torch.manual_seed(0)
        return f(x, *a)

    instead(F, "dropout", wrong)


# -- arithmetic -------------------------------------------------------------------------------------------------------
def _rounded(x: Any, bits: int) -> Any:
    """Return float32 numbers with ``bits`` bits of mantissa, as tensor cores see them."""
    drop = 23 - bits
    whole = x.contiguous().view(torch.int32)
    return ((whole + (1 << (drop - 1))) & ~((1 << drop) - 1)).view(torch.float32)


def _in_products(change: Callable[[Any], Any]) -> None:
    def wrong(f: Any, a: Any, b: Any) -> Any:
        return f(change(a), change(b)) if a.dtype == torch.float32 else f(a, b)

    instead(torch.Tensor, "__matmul__", wrong)


@mutant("torch", "probe.gemm", "TF32 leaks into float32 products")
def tf32_products() -> None:
    _in_products(lambda x: _rounded(x, 10))


@mutant("torch", "probe.gemm", "bfloat16 leaks into float32 products")
def bf16_products() -> None:
    _in_products(lambda x: _rounded(x, 7))


@mutant("torch", "probe.solver", "a factorization is computed in float32")
def cholesky_float32() -> None:
    instead(torch.linalg, "cholesky", lambda f, a: f(a.float()).double())


@mutant("torch", "probe.convolution", "TF32 leaks into float32 convolutions")
def tf32_convolutions() -> None:
    instead(
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

    torch.autocast.__init__ = wrong  # type: ignore[method-assign]


@mutant("torch", "layer.convolution", "dilation is ignored")
def convolution_dilation() -> None:
    def wrong(
        f: Any, x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        if isinstance(dilation, int):
            return f(x, w, b, stride, padding, dilation, groups)
        shrunk = tuple(p - (d - 1) for p, d in zip(padding, dilation, strict=True))
        return f(x, w, b, stride, shrunk, 1, groups)

    instead(F, "conv2d", wrong)


@mutant("torch", "layer.attention", "scores are not divided by the root of the width")
def attention_scale() -> None:
    instead(
        F, "scaled_dot_product_attention", lambda f, q, k, v, *a, **kw: f(q * math.sqrt(q.shape[-1]), k, v, *a, **kw)
    )


@mutant("torch", "layer.activation", "GELU is its approximation")
def gelu_tanh() -> None:
    instead(F, "gelu", lambda f, x, **k: f(x, approximate="tanh"))


@mutant("torch", "probe.solver", "a solution is refined in float32")
def solver_float32() -> None:
    instead(torch.linalg, "solve", lambda f, a, b: f(a.float(), b.float()).double())


@mutant("torch", "probe.fft", "the inverse transform is not divided by n")
def fft_scale() -> None:
    instead(torch.fft, "ifft", lambda f, x: f(x) * x.shape[-1])


# -- friends ----------------------------------------------------------------------------------------------------------
@mutant("friends", "numpy.arithmetic", "the transform is scaled by 1 / n")
def numpy_fft() -> None:
    numpy = importlib.import_module("numpy")
    instead(numpy.fft, "fft", lambda f, x: f(x) / len(x))


@mutant("friends", "numpy.torch", "float16 arrives as float32")
def numpy_dtype() -> None:
    instead(torch, "from_numpy", lambda f, x: f(x.astype("float32")) if x.dtype == "float16" else f(x))


@mutant("friends", "pandas.frames", "means count missing values as 0")
def pandas_mean() -> None:
    groupby = importlib.import_module("pandas.core.groupby.generic").SeriesGroupBy
    instead(groupby, "mean", lambda f, self, *a, **k: f(self.obj.fillna(0).groupby(self._grouper), *a, **k))


@mutant("friends", "pandas.frames", "an inner join is an outer one")
def pandas_join() -> None:
    frame = importlib.import_module("pandas").DataFrame
    instead(frame, "merge", lambda f, self, other, **k: f(self, other, **{**k, "how": "outer"}))


@mutant("friends", "opencv.filters", "filter2D flips its kernel")
def opencv_flip() -> None:
    cv2 = importlib.import_module("cv2")
    instead(cv2, "filter2D", lambda f, x, depth, kernel, **k: f(x, depth, kernel[::-1, ::-1].copy(), **k))


@mutant("friends", "opencv.geometry", "resize aligns corners")
def opencv_resize() -> None:
    cv2, numpy = importlib.import_module("cv2"), importlib.import_module("numpy")

    def wrong(f: Any, x: Any, size: Any, **k: Any) -> Any:
        rows, columns = (numpy.linspace(0, n - 1, m) for n, m in zip(x.shape, size[::-1], strict=True))
        grid = numpy.meshgrid(columns.astype("float32"), rows.astype("float32"))
        return cv2.remap(x, *grid, cv2.INTER_LINEAR)

    instead(cv2, "resize", wrong)


@mutant("friends", "matplotlib.picture", "nothing is drawn")
def matplotlib_blank() -> None:
    instead(importlib.import_module("matplotlib.axes").Axes, "draw", lambda f, *a, **k: None)


@mutant("friends", "matplotlib.image", "a colour map is turned round")
def matplotlib_colours() -> None:
    instead(
        importlib.import_module("matplotlib.colors").Colormap,
        "__call__",
        lambda f, self, x, *a, **k: f(self, 1 - x, *a, **k),
    )


# -- the bundle's own models ------------------------------------------------------------------------------------------
def _model(name: str, old: str, new: str) -> None:
    edit(_bundle("models"), name, old, new)


def _method(kind: str, name: str, old: str, new: str) -> None:
    edit(getattr(_bundle("models"), kind), name, old, new)


@mutant("models", "vae.kl", "the KL's log variance has its sign turned")
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


@mutant("models", "vae.reparametrization", "no gradient reaches the variance")
def reparametrized_detached() -> None:
    _model("reparametrized", "(0.5 * log_variance).exp()", "(0.5 * log_variance).exp().detach()")


@mutant("models", "vae.reparametrization", "codes are the means")
def reparametrized_mean() -> None:
    _model("reparametrized", " * noise", " * 0 * noise")


@mutant("models", "vae.reparametrization", "noise is one-sided")
def reparametrized_one_sided() -> None:
    _model("reparametrized", "* noise", "* noise.abs()")


@mutant("models", "vae.ppca", "the ELBO lacks its KL")
def elbo_without_kl() -> None:
    _method("VariationalAutoencoder", "elbo", " - gaussian_kl(mean, log_variance)", "")


@mutant("models", "vae.ppca", "the KL weighs twice")
def elbo_beta() -> None:
    _method("VariationalAutoencoder", "elbo", "- gaussian_kl", "- 2 * gaussian_kl")


@mutant("models", "vae.ppca", "codes are not sampled in training")
def elbo_not_sampled() -> None:
    _method("VariationalAutoencoder", "elbo", "torch.randn_like(mean)", "torch.zeros_like(mean)")


@mutant("models", "vae.ppca", "the encoder is cut off")
def elbo_detached_encoder() -> None:
    _method("VariationalAutoencoder", "elbo", "self.decoder(codes)", "self.decoder(codes.detach())")


@mutant("models", "vae.images", "the encoder gets no gradient at all")
def posterior_detached() -> None:
    _method("VariationalAutoencoder", "posterior", "self.encoder(x).chunk", "self.encoder(x).detach().chunk")


@mutant("models", "vae.images", "pixels are averaged, so that the KL outweighs them")
def likelihood_mean() -> None:
    _model("bernoulli_log_likelihood", ".sum(1)", ".mean(1)")


@mutant("models", "vae.prior", "the prior is three times as wide")
def prior_wide() -> None:
    _method("VariationalAutoencoder", "sample", "self.decoder(torch.randn(", "self.decoder(3 * torch.randn(")


@mutant("models", "vae.images", "the prior is one point")
def prior_point() -> None:
    _method("VariationalAutoencoder", "sample", "self.decoder(torch.randn(", "self.decoder(0 * torch.randn(")


@mutant("models", "autoencoder.pca", "absolute errors instead of squares")
def reconstruction_absolute() -> None:
    _model("reconstruction_error", "((model(x) - x) ** 2)", "(model(x) - x).abs()")


@mutant("models", "autoencoder.pca", "the target is 0")
def reconstruction_target() -> None:
    _model("reconstruction_error", "- x)", "- 0 * x)")


@mutant("models", "autoencoder.convolution", "the encoder is cut off from the decoder")
def autoencoder_detached() -> None:
    _method(
        "ConvolutionalAutoencoder", "forward", "self.decoder(self.encoder(x))", "self.decoder(self.encoder(x).detach())"
    )


@mutant("models", "autoencoder.convolution", "the code is one number")
def autoencoder_code() -> None:
    _method("ConvolutionalAutoencoder", "forward", "self.encoder(x)", "self.encoder(x) * torch.tensor([1.0, 0.0])")


@mutant("models", "gan.steps", "real and fake are swapped")
def discriminator_swapped() -> None:
    _model("discriminator_loss", "softplus(-discriminator(real)).mean() + softplus(discriminator(fake))",
           "softplus(discriminator(real)).mean() + softplus(-discriminator(fake))")  # fmt: skip


@mutant("models", "gan.steps", "the discriminator never sees fakes")
def discriminator_real_only() -> None:
    _model("discriminator_loss", " + softplus(discriminator(fake)).mean()", "")


@mutant("models", "gan.optimal_discriminator", "a hinge instead of the logarithm")
def discriminator_hinge() -> None:
    _model("discriminator_loss", "softplus = nn.functional.softplus", "softplus = lambda z: nn.functional.relu(1 + z)")


@mutant("models", "gan.optimal_discriminator", "fakes weigh twice")
def discriminator_weight() -> None:
    _model("discriminator_loss", "+ softplus(", "+ 2 * softplus(")


@mutant("models", "gan.steps", "the generator's loss saturates")
def generator_saturates() -> None:
    _model(
        "generator_loss",
        "nn.functional.softplus(-discriminator(fake)).mean()",
        "-nn.functional.softplus(discriminator(fake)).mean()",
    )


@mutant("models", "gan.gradients", "the generator is frozen")
def generator_frozen() -> None:
    _model("generator_step", "    optimizer.step()\n", "")


@mutant("models", "gan.gradients", "fakes are cut off from the generator")
def generator_detached() -> None:
    _model("generator_step", "generator(noise))", "generator(noise).detach().requires_grad_())")


@mutant("models", "gan.gradients", "the discriminator's step reaches into the generator")
def discriminator_not_detached() -> None:
    _model("discriminator_step", ".detach())", ")")


@mutant("models", "gan.gradients", "the discriminator's step goes uphill")
def discriminator_uphill() -> None:
    _model("discriminator_step", "loss.backward()", "(-loss).backward()")


@mutant("models", "gan.steps", "the discriminator's gradients pile up")
def discriminator_piles() -> None:
    _model("discriminator_step", "    optimizer.zero_grad()\n", "")


@mutant("models", "gan.steps", "the generator's gradients pile up")
def generator_piles() -> None:
    _model("generator_step", "    optimizer.zero_grad()\n", "")


@mutant("models", "gan.steps", "losses are summed instead of averaged")
def generator_sum() -> None:
    _model("generator_loss", ".mean()", ".sum()")
