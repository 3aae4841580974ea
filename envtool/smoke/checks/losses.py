"""Losses: values and gradients against their formulas, for every reduction and parameter."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from ..registry import Skip, check
from ..tolerances import Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "losses"
REDUCTIONS = ("mean", "sum", "none")


def _reduce(losses: Any, how: str, weight: Any = None) -> Any:
    """Reduce per-item losses as torch does. The mean is a weighted mean if ``weight`` has the weights of the items."""
    if how == "none":
        return losses
    total = losses.sum()
    if how == "sum":
        return total
    return total / (losses.numel() if weight is None else weight.sum())


def _log_softmax(logits: Any) -> Any:
    """Return log(exp(z) / sum exp(z)) over dimension 1, in terms of exp and log only."""
    return logits - logits.exp().sum(1, keepdim=True).log()


@check("loss.cross_entropy", family=FAMILY, suite="quick")
def cross_entropy(context: CheckContext, torch: Any) -> None:
    """CrossEntropyLoss matches -log softmax: weights, ignore_index, smoothing, soft targets, images, large logits."""
    loss = torch.nn.CrossEntropyLoss
    z, y, w = context.randn(7, 5), context.integers(5, 7), context.rand(5, low=0.2, high=2.0)
    p = context.rand(7, 5, low=0.1)
    p = p / p.sum(1, keepdim=True)
    images, classes = context.randn(2, 5, 3, 4), context.integers(5, 2, 3, 4)
    for how, weighted, smooth in itertools.product(REDUCTIONS, (False, True), (0.0, 0.1)):
        weight = w if weighted else torch.ones(5).double()
        options = {"reduction": how, "label_smoothing": smooth, "weight": w.float() if weighted else None}
        what = "%s%s%s" % (how, ", weights" if weighted else "", ", label_smoothing" if smooth else "")

        def hard(z: Any, y: Any, ignored: int, how: str = how, w: Any = weight, e: float = smooth) -> Any:
            logp, w = _log_softmax(z), w.reshape(1, -1, *[1] * (z.dim() - 2)).expand_as(z)
            own = w.gather(1, y[:, None])[:, 0] * (y != ignored)
            uniform = -(w * logp).sum(1) / 5 * (y != ignored)
            return _reduce(e * uniform - (1 - e) * own * logp.gather(1, y[:, None])[:, 0], how, own)

        def soft(z: Any, p: Any, how: str = how, w: Any = weight, e: float = smooth) -> Any:
            total = -(w * ((1 - e) * p + e / 5) * _log_softmax(z)).sum(1)
            return _reduce(total, how)

        ignored = int(y[0])
        context.agree(what, loss(**options), lambda z, y, f=hard: f(z, y, -100), z, y)
        subject = loss(**options, ignore_index=ignored)
        context.agree(what + ", ignore_index", subject, lambda z, y, f=hard, i=ignored: f(z, y, i), z, y)
        context.agree(what + ", soft targets", loss(**options), soft, z, p)
        context.agree(what + ", per pixel", loss(**options), lambda z, y, f=hard: f(z, y, -100), images, classes)
    logits = context.to_device(z).requires_grad_()
    loss()(logits, context.to_device(y)).backward()
    onehot = torch.nn.functional.one_hot(y, 5).double()
    context.near("gradient is (softmax - onehot) / N", logits.grad, (_log_softmax(z).exp() - onehot) / 7)
    far = context.to_device(torch.tensor([[900.0, 0.0, -900.0]]).expand(3, 3))
    own = loss(reduction="none")(far, context.to_device(torch.arange(3)))
    context.near("logits of +-900", own, torch.tensor([0.0, 900.0, 1800.0]))


@check("loss.nll", family=FAMILY)
def nll(context: CheckContext, torch: Any) -> None:
    """NLLLoss matches indexing: weights, ignore_index, images (formerly NLLLoss2d), in every reduction."""
    x, y, w = context.randn(6, 4), context.integers(4, 6), context.rand(4, low=0.2, high=2.0)
    images, classes = context.randn(2, 4, 3, 3), context.integers(4, 2, 3, 3)

    def reference(x: Any, y: Any, how: str, weight: Any, ignored: int) -> Any:
        own = weight[y] * (y != ignored)
        return _reduce(-own * x.gather(1, y[:, None])[:, 0], how, own)

    for how, weighted, ignored in itertools.product(REDUCTIONS, (False, True), (-100, int(y[1]))):
        subject = torch.nn.NLLLoss(weight=w.float() if weighted else None, reduction=how, ignore_index=ignored)
        weight = w if weighted else torch.ones(4).double()
        formula = lambda x, y, h=how, w=weight, i=ignored: reference(x, y, h, w, i)  # noqa: E731
        what = "%s%s%s" % (how, ", weights" if weighted else "", ", ignore_index" if ignored >= 0 else "")
        context.agree(what, subject, formula, x, y)
        context.agree(what + ", per pixel", subject, formula, images, classes)


@check("loss.binary_cross_entropy", family=FAMILY, suite="quick")
def binary_cross_entropy(context: CheckContext, torch: Any) -> None:
    """BCELoss and BCEWithLogitsLoss match -y log p - (1 - y) log(1 - p): weights, pos_weight, logits of +-200."""
    nn = torch.nn
    z, y = context.randn(6, 3) * 2, context.rand(6, 3)
    w, positive = context.rand(6, 3, low=0.2, high=2.0), context.rand(3, low=0.5, high=3.0)

    def bce(p: Any, y: Any, a: Any = 1.0) -> Any:
        return -(a * y * p.log() + (1 - y) * (1 - p).log())

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + (-z).exp())

    p, plain = context.rand(6, 3, low=0.05, high=0.95), torch.ones(())
    for how, weighted in itertools.product(REDUCTIONS, (False, True)):
        weight, positives = (w, positive) if weighted else (plain, plain)
        named = {"reduction": how, "weight": w.float() if weighted else None}
        own = {**named, "pos_weight": positive.float() if weighted else None}
        what = "%s%s" % (how, ", weights" if weighted else "")

        def formula(p: Any, y: Any, how: str = how, w: Any = weight, a: Any = 1.0) -> Any:
            return _reduce(w * bce(p, y, a), how)

        context.agree("BCE, " + what, nn.BCELoss(**named), formula, p, y)
        context.agree(
            "logits, " + what,
            nn.BCEWithLogitsLoss(**own),
            lambda z, y, f=formula, a=positives: f(sigmoid(z), y, a=a),
            z,
            y,
        )
    far = torch.tensor([-200.0, 200.0, -200.0, 200.0], dtype=torch.float64)
    labels = torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    got = nn.BCEWithLogitsLoss(reduction="none")(*context.to_device(far, labels))
    context.near("logits of +-200", got, torch.tensor([0.0, 0.0, 200.0, 200.0]))
    ends = nn.BCELoss(reduction="none")(*context.to_device(labels, 1 - labels))
    context.near("log is clamped at -100", ends, torch.full((4,), 100.0))


@check("loss.regression", family=FAMILY, suite="quick")
def regression(context: CheckContext, torch: Any) -> None:
    """L1Loss, MSELoss, SmoothL1Loss and HuberLoss match their formulas, and Huber(d) = d SmoothL1(d)."""
    nn = torch.nn
    x, y = context.randn(5, 4) * 2, context.randn(5, 4) * 2

    def huber(x: Any, y: Any, d: float) -> Any:
        far = (x - y).abs()
        return torch.where(far < d, 0.5 * far * far, d * (far - 0.5 * d))

    for how in REDUCTIONS:
        cases = (
            ("L1", nn.L1Loss(reduction=how), lambda x, y: (x - y).abs()),
            ("MSE", nn.MSELoss(reduction=how), lambda x, y: (x - y) * (x - y)),
            ("SmoothL1, beta .7", nn.SmoothL1Loss(reduction=how, beta=0.7), lambda x, y: huber(x, y, 0.7) / 0.7),
            ("Huber, delta 1.3", nn.HuberLoss(reduction=how, delta=1.3), lambda x, y: huber(x, y, 1.3)),
        )
        for name, subject, formula in cases:
            context.agree("%s, %s" % (name, how), subject, lambda x, y, f=formula, h=how: _reduce(f(x, y), h), x, y)
    a, b = context.to_device(x, y)
    context.near("Huber(d) = d SmoothL1(d)", nn.HuberLoss(delta=0.4)(a, b), 0.4 * nn.SmoothL1Loss(beta=0.4)(a, b))
    context.near("SmoothL1(0) = L1", nn.SmoothL1Loss(beta=0.0)(a, b), nn.L1Loss()(a, b))


@check("loss.likelihood", family=FAMILY)
def likelihood(context: CheckContext, torch: Any) -> None:
    """KLDivLoss, PoissonNLLLoss and GaussianNLLLoss match the logarithms of their densities in every reduction."""
    nn = torch.nn
    logq, p = _log_softmax(context.randn(6, 5)).detach(), _log_softmax(context.randn(6, 5)).exp().detach()
    for how in (*REDUCTIONS, "batchmean"):
        kl, log_target = nn.KLDivLoss(reduction=how), nn.KLDivLoss(reduction=how, log_target=True)

        def divergence(q: Any, p: Any, how: str = how) -> Any:
            each = p * (p.log() - q)
            return each.sum() / len(q) if how == "batchmean" else _reduce(each, how)

        context.agree("KL, " + how, kl, divergence, logq, p)
        context.agree("KL, log_target, " + how, log_target, lambda q, p, f=divergence: f(q, p.exp()), logq, p.log())
    on_device = context.to_device(p)
    context.near("KL(p, p) = 0", nn.KLDivLoss(reduction="sum")(on_device.log(), on_device), torch.tensor(0.0))
    _poisson(context, torch)
    _gaussian(context, torch)


def _poisson(context: CheckContext, torch: Any) -> None:
    z, k, rate = context.randn(8), context.integers(6, 8).double(), context.rand(8, low=0.3, high=4.0)
    many = k.clamp(min=1)
    stirling = torch.where(k > 1, many * many.log() - many + 0.5 * (2 * math.pi * many).log(), 0 * k)
    for how, full in itertools.product(REDUCTIONS, (False, True)):
        rest = stirling if full else 0 * k
        of_log = torch.nn.PoissonNLLLoss(reduction=how, full=full)
        of_rate = torch.nn.PoissonNLLLoss(reduction=how, full=full, log_input=False, eps=0.1)
        what = "%s%s" % (how, ", full" if full else "")
        context.agree(
            "Poisson, " + what,
            lambda z, f=of_log: f(z, k.to(z)),
            lambda z, h=how, s=rest: _reduce(z.exp() - k * z + s, h),
            z,
        )
        context.agree(
            "Poisson of a rate, " + what,
            lambda r, f=of_rate: f(r, k.to(r)),
            lambda r, h=how, s=rest: _reduce(r - k * (r + 0.1).log() + s, h),
            rate,
        )


def _gaussian(context: CheckContext, torch: Any) -> None:
    mu, y = context.randn(6, 3), context.randn(6, 3)
    each, shared = context.rand(6, 3, low=0.2, high=2.0), context.rand(6, 1, low=0.2, high=2.0)
    for how, full, floor, var in itertools.product(REDUCTIONS, (False, True), (1e-6, 0.7), (each, shared)):
        subject = torch.nn.GaussianNLLLoss(reduction=how, full=full, eps=floor)

        def formula(m: Any, y: Any, v: Any, how: str = how, full: bool = full, floor: float = floor) -> Any:
            v = v + (v.clamp(min=floor) - v).detach()  # clamped to eps, with the gradient passed through
            return _reduce(0.5 * (v.log() + (m - y) ** 2 / v) + full * 0.5 * math.log(2 * math.pi), how)

        what = "%s%s, eps %g, %d variances" % (how, ", full" if full else "", floor, var.shape[1])
        context.agree("Gauss, " + what, subject, formula, mu, y, var)


@check("loss.margin", family=FAMILY)
def margin(context: CheckContext, torch: Any) -> None:
    """Margin losses match their sums: ranking, hinge embedding, cosine, soft margin, multi-class, multi-label."""
    nn = torch.nn
    a, b, sign = context.randn(6, 4), context.randn(6, 4), context.integers(2, 6).double() * 2 - 1

    def cosine(a: Any, b: Any) -> Any:
        return (a * b).sum(1) / ((a * a).sum(1).sqrt() * (b * b).sum(1).sqrt())

    def cosine_loss(a: Any, b: Any) -> Any:
        return torch.where(sign > 0, 1 - cosine(a, b), (cosine(a, b) - 0.2).clamp(min=0))

    def with_sign(module: Any) -> Any:
        return lambda a, b: module(a, b, sign.to(a))

    for how in REDUCTIONS:
        context.agree(
            "ranking, " + how,
            with_sign(nn.MarginRankingLoss(margin=0.3, reduction=how)),
            lambda a, b, how=how: _reduce((0.3 - sign * (a - b)).clamp(min=0), how),
            a[:, 0],
            b[:, 0],
        )
        context.agree(
            "cosine embedding, " + how,
            with_sign(nn.CosineEmbeddingLoss(margin=0.2, reduction=how)),
            lambda a, b, how=how: _reduce(cosine_loss(a, b), how),
            a,
            b,
            tolerance64=Tolerance(1e-10, "torch adds 1e-12 to each squared length"),
        )
    y, w = context.integers(4, 6), context.rand(4, low=0.2, high=2.0)
    many, labels = context.integers(2, 6, 4).double(), torch.tensor([[1, 3, -1, 0], [0, -1, 2, 2]])

    def multi_margin(x: Any, y: Any, power: int, weight: Any) -> Any:
        gap = (0.7 - x.gather(1, y[:, None]) + x).clamp(min=0) ** power
        others = torch.arange(4) != y[:, None]
        return weight[y] * (gap * others).sum(1) / 4

    def soft_labels(x: Any, weight: Any) -> Any:
        p = 1 / (1 + (-x).exp())
        return -(weight * (many * p.log() + (1 - many) * (1 - p).log())).mean(1)

    def multi_label(x: Any, y: Any) -> Any:
        rows = []
        for row, mine in zip(x, ([1, 3], [0])):
            rest = [j for j in range(4) if j not in mine]
            rows.append(sum((1 - (row[i] - row[j])).clamp(min=0) for i in mine for j in rest) / 4)
        return torch.stack(rows)

    one = torch.ones(4).double()
    for how in REDUCTIONS:
        hinge, soft = nn.HingeEmbeddingLoss(margin=0.8, reduction=how), nn.SoftMarginLoss(reduction=how)
        context.agree(
            "hinge embedding, " + how,
            lambda x, f=hinge: f(x, sign.to(x)),
            lambda x, how=how: _reduce(torch.where(sign > 0, x, (0.8 - x).clamp(min=0)), how),
            a[:, 0],
        )
        context.agree(
            "soft margin, " + how,
            lambda x, f=soft: f(x, sign.to(x)),
            lambda x, how=how: _reduce((1 + (-sign * x).exp()).log(), how),
            a[:, 0],
        )
        for power, weighted in itertools.product((1, 2), (False, True)):
            given, weight = (w.float(), w) if weighted else (None, one)
            context.agree(
                "multi-class, %s, p %d%s" % (how, power, ", weights" if weighted else ""),
                nn.MultiMarginLoss(p=power, margin=0.7, weight=given, reduction=how),
                lambda x, y, h=how, p=power, w=weight: _reduce(multi_margin(x, y, p, w), h),
                a,
                y,
            )
        for given, weight in ((None, one), (w.float(), w)):
            module = nn.MultiLabelSoftMarginLoss(weight=given, reduction=how)

            def soft_subject(x: Any, module: Any = module) -> Any:
                return module.to(x.device, x.dtype)(x, many.to(x))

            what = "soft multi-label, %s%s" % (how, "" if given is None else ", weights")
            context.agree(what, soft_subject, lambda x, h=how, w=weight: _reduce(soft_labels(x, w), h), a)
        subject = nn.MultiLabelMarginLoss(reduction=how)
        context.agree("multi-label, " + how, subject, lambda x, y, h=how: _reduce(multi_label(x, y), h), a[:2], labels)


@check("loss.triplet", family=FAMILY)
def triplet(context: CheckContext, torch: Any) -> None:
    """TripletMarginLoss and TripletMarginWithDistanceLoss match max(d(a, p) - d(a, n) + margin, 0)."""
    nn = torch.nn
    a, p, n = context.randn(6, 5), context.randn(6, 5), context.randn(6, 5)

    def distance(x: Any, y: Any, power: float) -> Any:
        return ((x - y + 1e-6).abs() ** power).sum(1) ** (1 / power)

    def squared(x: Any, y: Any) -> Any:
        return ((x - y) ** 2).sum(1)

    def reference(distance_of: Any, swap: bool, how: str) -> Any:
        def formula(a: Any, p: Any, n: Any) -> Any:
            far = distance_of(a, n)
            if swap:
                far = torch.minimum(far, distance_of(p, n))
            return _reduce((distance_of(a, p) - far + 0.5).clamp(min=0), how)

        return formula

    for swap, how in itertools.product((False, True), REDUCTIONS):
        for power in (1.0, 2.0, 3.0):
            subject = nn.TripletMarginLoss(margin=0.5, p=power, swap=swap, reduction=how)
            formula = reference(lambda x, y, power=power: distance(x, y, power), swap, how)
            context.agree("p %g, swap %s, %s" % (power, swap, how), subject, formula, a, p, n)
        for name, given, measure in (
            ("custom distance", squared, squared),
            ("default distance", None, lambda x, y: distance(x, y, 2.0)),
        ):
            own = nn.TripletMarginWithDistanceLoss(distance_function=given, margin=0.5, swap=swap, reduction=how)
            context.agree("%s, swap %s, %s" % (name, swap, how), own, reference(measure, swap, how), a, p, n)


@check("loss.ctc", family=FAMILY)
def ctc(context: CheckContext, torch: Any) -> None:
    """CTCLoss matches the sum over all enumerated alignments: unequal lengths, a blank other than 0."""
    steps, classes = 4, 3
    z = context.randn(steps, 2, classes)
    lengths = (4, 3)

    def collapse(path: Any, blank: int) -> Any:
        return tuple(c for i, c in enumerate(path) if c != blank and (i == 0 or c != path[i - 1]))

    def reference(z: Any, blank: int, labels: Any, how: str) -> Any:
        logp = z - z.exp().sum(2, keepdim=True).log()
        losses = []
        for item, (label, length) in enumerate(zip(labels, lengths)):
            paths = [p for p in itertools.product(range(classes), repeat=length) if collapse(p, blank) == label]
            sums = [sum(logp[t, item, c] for t, c in enumerate(path)) for path in paths]
            losses.append(-torch.stack(sums).exp().sum().log() / (len(label) if how == "mean" else 1))
        return _reduce(torch.stack(losses), how)

    # A repeated label needs a blank between its occurrences.
    for (blank, labels), how in itertools.product(
        ((0, ((1, 2), (1,))), (2, ((0, 1), (1,))), (0, ((2, 2), (1,)))), REDUCTIONS
    ):
        counts = torch.tensor([len(label) for label in labels])
        flat = torch.tensor([c for label in labels for c in label])
        padded = torch.tensor([[*label, *[0] * (2 - len(label))] for label in labels])
        module = torch.nn.CTCLoss(blank=blank, reduction=how)
        for name, targets in (("", flat), (", padded", padded)):

            def subject(z: Any, targets: Any = targets, counts: Any = counts, module: Any = module) -> Any:
                return module(z.log_softmax(2), targets.to(z.device), torch.tensor(lengths), counts)

            what = "blank %d, labels %s, %s%s" % (blank, labels, how, name)
            context.agree(what, subject, lambda z, b=blank, t=labels, h=how: reference(z, b, t, h), z)
    logp = context.to_device(z).log_softmax(2).requires_grad_()
    impossible = (logp[:, :1], torch.tensor([[1, 1, 1]], device=context.device), torch.tensor([4]), torch.tensor([3]))
    got = torch.nn.CTCLoss(reduction="none", zero_infinity=True)(*impossible)
    context.exact("no alignment, zero_infinity", got, torch.zeros(1))
    context.exact(
        "no alignment, zero_infinity, gradient", torch.autograd.grad(got.sum(), logp)[0], torch.zeros(steps, 2, classes)
    )
    endless = torch.nn.CTCLoss(reduction="none")(*impossible)
    context.exact("no alignment", endless, torch.tensor([math.inf]))


@check("loss.adaptive_softmax", family=FAMILY)
def adaptive_softmax(context: CheckContext, torch: Any) -> None:
    """AdaptiveLogSoftmaxWithLoss matches log-probabilities assembled by hand, which sum to one."""
    module = context.randomized(
        torch.nn.AdaptiveLogSoftmaxWithLoss(6, 10, cutoffs=[3, 6], div_value=2.0, head_bias=True)
    )
    x, y = context.randn(7, 6), torch.tensor([0, 1, 2, 3, 5, 6, 9])

    def table(x: Any, p: Any) -> Any:
        head = _log_softmax(x @ p["head_weight"].T + p["head_bias"])
        parts = [head[:, :3]]
        for i in range(2):
            inner = x @ p["tail_%d_0_weight" % i].T @ p["tail_%d_1_weight" % i].T
            parts.append(head[:, 3 + i : 4 + i] + _log_softmax(inner))
        return torch.cat(parts, 1)

    context.agree(
        "loss",
        module,
        lambda x, y, **p: (table(x, p).gather(1, y[:, None])[:, 0], -table(x, p).gather(1, y[:, None]).mean()),
        x,
        y,
    )
    logp = module.to(context.device).log_prob(context.to_device(x))
    context.near("probabilities sum to one", logp.exp().sum(1), torch.ones(7))
    context.exact("predict returns the most likely class", module.predict(context.to_device(x)), logp.argmax(1))
    widths = [p.shape[0] for name, p in module.named_parameters() if name.endswith(".0.weight")]
    context.exact("widths of the tails, 6 / div_value and 6 / div_value^2", torch.tensor(widths), torch.tensor([3, 1]))


@check("loss.linear_cross_entropy", family=FAMILY)
def linear_cross_entropy(context: CheckContext, torch: Any) -> None:
    """LinearCrossEntropyLoss (torch 2.13 and newer) matches a matrix product followed by -log softmax."""
    if not hasattr(torch.nn, "LinearCrossEntropyLoss"):
        raise Skip("torch %s has no LinearCrossEntropyLoss" % torch.__version__)
    module = context.randomized(torch.nn.LinearCrossEntropyLoss(6, 5, bias=True))
    x, y = context.randn(8, 6), context.integers(5, 8)

    def reference(x: Any, y: Any, linear_weight: Any, linear_bias: Any) -> Any:
        return -_log_softmax(x @ linear_weight.T + linear_bias).gather(1, y[:, None]).mean()

    context.agree("loss", module, reference, x, y)
