"""The other layers that networks stand on, against their formulas; and the same answer from every memory layout."""

from __future__ import annotations

import itertools
import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Dict, Tuple

from ..facts import release
from ..registry import Skip, check
from ..tolerances import F64, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "layers"


@check("layer.convolution", family=FAMILY, suite="quick")
def convolution(lab: Lab, torch: Any) -> None:
    """Conv1d/2d/3d against sums over windows: kernel, stride, padding and its modes, dilation, groups, bias."""
    from ..reference import strided

    for dims, sizes in enumerate(((11,), (6, 7), (3, 4, 3)), start=1):
        kind, uneven = getattr(torch.nn, "Conv%dd" % dims), (3, 2, 1)[:dims]
        cases: Tuple[Dict[str, Any], ...] = (
            {"kernel_size": 3},
            {"kernel_size": 3, "stride": 2, "padding": 1},
            {"kernel_size": 3, "padding": 2, "dilation": 2},
            {"kernel_size": 3, "stride": 2, "padding": 2, "dilation": 2, "bias": False},
            {"kernel_size": 3, "stride": 2, "padding": 1, "groups": 2},
            {"kernel_size": 2, "groups": 4},
            {"kernel_size": 1},
            {"kernel_size": uneven, "padding": tuple(k // 2 for k in uneven), "stride": (1, 2, 1)[:dims]},
            {"kernel_size": 3, "padding": "same", "dilation": 2},
            *({"kernel_size": 3, "padding": 1, "padding_mode": m} for m in ("reflect", "replicate", "circular")),
        )
        for options in cases:
            layer = lab.shaken(kind(4, 8, **options))
            pads = layer.dilation if layer.padding == "same" else layer.padding  # of a kernel of 3
            # With something around it, every window of the padded input is a full one.
            windows = [
                strided(size + 2 * p, k, s, 0, d)
                for size, p, k, s, d in zip(sizes, pads, layer.kernel_size, layer.stride, layer.dilation)
            ]

            def by_hand(
                x: Any, weight: Any, bias: Any = 0, pads: Any = pads, layer: Any = layer, windows: Any = windows
            ) -> Any:
                x = _surrounded(torch, x, pads, layer.padding_mode)
                parts = []
                for mine, kernel in zip(x.chunk(layer.groups, 1), weight.flatten(2).chunk(layer.groups, 0)):
                    reduce = lambda patch, _, k=kernel: torch.einsum("nck,ock->no", patch, k)  # noqa: E731
                    parts.append(_pool_to(torch, mine, windows, reduce, kernel.shape[0]))
                out = torch.cat(parts, 1)
                return out + (bias.reshape(1, -1, *[1] * (x.dim() - 2)) if layer.bias is not None else 0)

            lab.agree("%dd %s" % (dims, options), layer, by_hand, lab.randn(2, 4, *sizes))


def _surrounded(torch: Any, x: Any, pads: Any, mode: str) -> Any:
    """Return x with ``pads`` more elements on either side of each of its last dimensions."""
    for d, (size, pad) in enumerate(zip(x.shape[2:], pads), start=2):
        place = torch.arange(-pad, size + pad)
        inside = ((place >= 0) & (place < size)).to(x)
        if mode == "reflect":
            place = size - 1 - (size - 1 - place.abs()).abs()
        place = place % size if mode == "circular" else place.clamp(0, size - 1)
        x = x.index_select(d, place)
        if mode == "zeros":
            x = x * inside.reshape(-1, *[1] * (x.dim() - 1 - d))
    return x


@check("layer.transposed", family=FAMILY, suite="quick")
def transposed(lab: Lab, torch: Any) -> None:
    """ConvTranspose1d/2d/3d against spreading every input over its window; and it is the adjoint of a convolution."""
    for dims, sizes in enumerate(((5,), (4, 3), (3, 2, 3)), start=1):
        kind = getattr(torch.nn, "ConvTranspose%dd" % dims)
        for options in (
            {"stride": 2},
            {"stride": 2, "padding": 1, "output_padding": 1},
            {"padding": 2, "dilation": 2, "bias": False},
            {"stride": 3, "groups": 2},
        ):
            layer = lab.shaken(kind(4, 6, 3, **options))

            def spread(x: Any, weight: Any, bias: Any = 0, layer: Any = layer, dims: int = dims) -> Any:
                wide = [
                    (n - 1) * s + 2 * d + 1 + more
                    for n, s, d, more in zip(x.shape[2:], layer.stride, layer.dilation, layer.output_padding)
                ]
                parts = []
                for mine, kernel in zip(x.chunk(layer.groups, 1), weight.chunk(layer.groups, 0)):
                    out = torch.zeros(x.shape[0], kernel.shape[1], *wide, dtype=x.dtype)
                    for weights, tap in zip(kernel.flatten(2).unbind(2), itertools.product(range(3), repeat=dims)):
                        steps = zip(tap, layer.dilation, layer.stride, x.shape[2:])
                        place = (Ellipsis, *(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, s, n in steps))
                        out[place] += torch.einsum("nc...,co->no...", mine, weights)
                    parts.append(out)
                cut = (Ellipsis, *(slice(p, size - p) for p, size in zip(layer.padding, wide)))
                out = torch.cat(parts, 1)[cut]
                return out + (bias.reshape(1, -1, *[1] * dims) if layer.bias is not None else 0)

            lab.agree("%dd %s" % (dims, options), layer, spread, lab.randn(2, 4, *sizes))
        back = getattr(torch.nn.functional, "conv_transpose%dd" % dims)
        forward = getattr(torch.nn.functional, "conv%dd" % dims)
        x, w = lab.here(lab.randn(1, 3, *[9] * dims), lab.randn(5, 3, *[3] * dims), dtype=torch.float64)
        y = lab.here(lab.randn(1, 5, *[4] * dims), dtype=torch.float64)
        left, right = (forward(x, w, stride=2) * y).sum(), (x * back(y, w, stride=2)).sum()
        lab.near("%dd <A x, y> = <x, A' y>" % dims, left, right, Gate(1e-11, "adjoint in float64"))


def _pool_to(torch: Any, x: Any, windows: Any, reduce: Any, channels: int) -> Any:
    """Like ``reference.pool``, for reductions that change the number of channels."""
    cells = []
    for cell in itertools.product(*windows):
        patch = x
        for dimension, window in enumerate(cell):
            patch = patch.index_select(2 + dimension, torch.tensor(window.positions))
        cells.append(reduce(patch.flatten(2), 1))
    return torch.stack(cells, -1).reshape(x.shape[0], channels, *(len(w) for w in windows))


@check("layer.linear", family=FAMILY, suite="quick")
def linear(lab: Lab, torch: Any) -> None:
    """Linear, Bilinear and Embedding against sums; the padding row of an embedding gets no gradient."""
    nn = torch.nn
    x, y = lab.randn(5, 4), lab.randn(5, 3)
    for shape in ((4,), (5, 4), (2, 3, 4)):
        layer = lab.shaken(nn.Linear(4, 6))
        by_hand = lambda x, weight, bias: (x[..., None, :] * weight).sum(-1) + bias  # noqa: E731
        lab.agree("Linear, %d-D" % len(shape), layer, by_hand, lab.randn(*shape))
    bilinear = lab.shaken(nn.Bilinear(4, 3, 2))
    lab.agree("Bilinear", bilinear, lambda x, y, weight, bias: torch.einsum("ni,oij,nj->no", x, weight, y) + bias, x, y)
    words = torch.tensor([[1, 2, 0], [4, 4, 1]])
    lab.agree("Embedding", lab.shaken(nn.Embedding(6, 3)), lambda i, weight: weight[i], words)
    padded = nn.Embedding(6, 3, padding_idx=0).to(lab.device)
    padded(words.to(lab.device)).sum().backward()
    lab.exact("gradient of the padding row", padded.weight.grad[0], torch.zeros(3))


CONSTANTS = Gate(1e-7, "torch keeps 1/6 and 1/alpha in float32")


@check("layer.activation", family=FAMILY, suite="quick")
def activation(lab: Lab, torch: Any) -> None:
    """Activations and softmax against their formulas."""
    nn, x = torch.nn, lab.randn(6, 7) * 2
    sigmoid = lambda x: 1 / (1 + (-x).exp())  # noqa: E731
    softplus = lambda x: (1 + x.exp()).log()  # noqa: E731
    tanh = lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())  # noqa: E731
    softmax = lambda x, d: x.exp() / x.exp().sum(d, keepdim=True)  # noqa: E731
    cases = (
        (nn.ReLU(), lambda x: x * (x > 0)),
        (nn.ReLU6(), lambda x: x.clamp(0, 6)),
        (nn.LeakyReLU(0.2), lambda x: x * (x > 0) + 0.2 * x * (x <= 0)),
        (nn.PReLU(init=0.3), lambda x, weight: x * (x > 0) + weight * x * (x <= 0)),
        (nn.Threshold(0.4, -7.0), lambda x: torch.where(x > 0.4, x, 0 * x - 7)),
        (nn.Sigmoid(), sigmoid),
        (nn.LogSigmoid(), lambda x: sigmoid(x).log()),
        (nn.Tanh(), tanh),
        (nn.Tanhshrink(), lambda x: x - tanh(x)),
        (nn.Softsign(), lambda x: x / (1 + x.abs())),
        (nn.Hardshrink(0.7), lambda x: x * (x.abs() > 0.7)),
        (nn.Softshrink(0.7), lambda x: x.sign() * (x.abs() - 0.7).clamp(min=0)),
        (nn.ELU(0.7), lambda x: torch.where(x > 0, x, 0.7 * (x.exp() - 1))),
        (nn.CELU(0.7), lambda x: torch.where(x > 0, x, 0.7 * ((x / 0.7).exp() - 1))),
        (nn.SELU(), lambda x: 1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * (x.exp() - 1))),
        (nn.GELU(), lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))),
        (nn.GELU("tanh"), lambda x: x * 0.5 * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
        (nn.SiLU(), lambda x: x * sigmoid(x)),
        (nn.Mish(), lambda x: x * tanh(softplus(x))),
        (nn.Hardsigmoid(), lambda x: (x / 6 + 0.5).clamp(0, 1)),
        (nn.Hardswish(), lambda x: x * (x / 6 + 0.5).clamp(0, 1)),
        (nn.Softplus(beta=2.0), lambda x: softplus(2 * x) / 2),
        (nn.Hardtanh(-0.5, 0.8), lambda x: x.clamp(-0.5, 0.8)),
        (nn.GLU(0), lambda x: x[:3] * sigmoid(x[3:])),
        (nn.Softmax(1), lambda x: softmax(x, 1)),
        (nn.Softmin(1), lambda x: softmax(-x, 1)),
        (nn.LogSoftmax(0), lambda x: softmax(x, 0).log()),
    )
    rounded = (nn.Hardsigmoid, nn.Hardswish, nn.CELU)
    for module, formula in cases:
        lab.agree(repr(module), module, formula, x, gate64=CONSTANTS if isinstance(module, rounded) else F64)
    far = lab.here(torch.tensor([900.0, 0.0, -900.0]))
    for module, want in (
        (nn.Softmax(0), [1.0, 0.0, 0.0]),
        (nn.LogSoftmax(0), [0.0, -900.0, -1800.0]),
        (nn.Softplus(), [900.0, math.log(2), 0.0]),
        (nn.Sigmoid(), [1.0, 0.5, 0.0]),
        (nn.LogSigmoid(), [0.0, -math.log(2), -900.0]),
        (nn.GELU(), [900.0, 0.0, 0.0]),
        (nn.SiLU(), [900.0, 0.0, 0.0]),
    ):
        lab.near("%r at +-900" % module, module(far), torch.tensor(want))


@check("layer.attention", family=FAMILY)
def attention(lab: Lab, torch: Any) -> None:
    """MultiheadAttention and, where torch has it, scaled_dot_product_attention against softmax(Q K' / sqrt d) V."""
    nn = torch.nn

    def plain(q: Any, k: Any, v: Any, hidden: Any = None) -> Any:
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if hidden is not None:
            scores = scores.masked_fill(hidden, -math.inf)
        weights = (scores - scores.amax(-1, keepdim=True)).exp()
        return weights / weights.sum(-1, keepdim=True) @ v

    layer = lab.shaken(nn.MultiheadAttention(8, 2, batch_first=True))

    def by_hand(x: Any, in_proj_weight: Any, in_proj_bias: Any, out_proj_weight: Any, out_proj_bias: Any) -> Any:
        q, k, v = (x @ in_proj_weight.T + in_proj_bias).reshape(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
        return plain(q, k, v).transpose(1, 2).reshape(2, 5, 8) @ out_proj_weight.T + out_proj_bias

    class Own(torch.nn.Module):  # attention of a sequence to itself, its weights left out
        def __init__(self) -> None:
            super().__init__()
            self.inner = layer

        def forward(self, x: Any) -> Any:
            return self.inner(x, x, x, need_weights=False)[0]

    own = lambda x, **p: by_hand(x, **{name[6:]: value for name, value in p.items()})  # noqa: E731
    lab.agree("MultiheadAttention", Own(), own, lab.randn(2, 5, 8))
    fused = getattr(nn.functional, "scaled_dot_product_attention", None)
    if fused:
        q, k, v = (lab.randn(2, 3, 6, 4) for _ in range(3))
        lab.agree("fused", fused, plain, q, k, v)
        seen = (lab.rand(6, 6) < 0.5) | torch.eye(6, dtype=torch.bool)
        masked = lambda q, k, v: fused(q, k, v, attn_mask=seen.to(q.device))  # noqa: E731
        lab.agree("fused, masked", masked, lambda q, k, v: plain(q, k, v, ~seen), q, k, v)
        ahead = torch.ones(6, 6, dtype=torch.bool).triu(1)
        lab.agree(
            "fused, causal",
            lambda q, k, v: fused(q, k, v, is_causal=True),
            lambda q, k, v: plain(q, k, v, ahead),
            q,
            k,
            v,
        )


@check("layer.recurrent", family=FAMILY)
def recurrent(lab: Lab, torch: Any) -> None:
    """LSTM and GRU over a sequence against their cells written out step by step."""
    nn = torch.nn
    sigmoid = lambda x: 1 / (1 + (-x).exp())  # noqa: E731

    def lstm(x: Any, weight_ih_l0: Any, weight_hh_l0: Any, bias_ih_l0: Any, bias_hh_l0: Any) -> Any:
        h = c = torch.zeros(x.shape[1], 5, dtype=x.dtype)
        out = []
        for step in x:
            i, f, g, o = (step @ weight_ih_l0.T + bias_ih_l0 + h @ weight_hh_l0.T + bias_hh_l0).chunk(4, 1)
            c = sigmoid(f) * c + sigmoid(i) * g.tanh()
            h = sigmoid(o) * c.tanh()
            out.append(h)
        return torch.stack(out)

    def gru(x: Any, weight_ih_l0: Any, weight_hh_l0: Any, bias_ih_l0: Any, bias_hh_l0: Any) -> Any:
        h, out = torch.zeros(x.shape[1], 5, dtype=x.dtype), []
        for step in x:
            a, b = step @ weight_ih_l0.T + bias_ih_l0, h @ weight_hh_l0.T + bias_hh_l0
            (ar, az, an), (br, bz, bn) = a.chunk(3, 1), b.chunk(3, 1)
            z, new = sigmoid(az + bz), (an + sigmoid(ar + br) * bn).tanh()
            h = (1 - z) * new + z * h
            out.append(h)
        return torch.stack(out)

    x = lab.randn(6, 2, 3)
    for kind, reference in ((nn.LSTM, lstm), (nn.GRU, gru)):

        class Outputs(kind):  # type: ignore[misc, valid-type]  # without the last states
            def forward(self, x: Any) -> Any:
                return super().forward(x)[0]

        lab.agree(kind.__name__, lab.shaken(Outputs(3, 5)), reference, x)


LAYERS = (
    ("Conv2d", lambda nn: nn.Conv2d(4, 6, 3, padding=1), (2, 4, 7, 13)),
    ("ConvTranspose2d", lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2), (2, 4, 5, 7)),
    ("BatchNorm2d", lambda nn: nn.BatchNorm2d(4), (3, 4, 7, 13)),
    ("GroupNorm", lambda nn: nn.GroupNorm(2, 4), (3, 4, 7, 13)),
    ("MaxPool2d", lambda nn: nn.MaxPool2d(3, 2, 1), (2, 4, 7, 13)),
    ("AvgPool2d", lambda nn: nn.AvgPool2d(3, 2, 1), (2, 4, 7, 13)),
    ("AdaptiveAvgPool2d", lambda nn: nn.AdaptiveAvgPool2d((3, 5)), (2, 4, 7, 13)),
    ("Upsample", lambda nn: nn.Upsample(scale_factor=2, mode="bilinear"), (2, 4, 5, 7)),
    ("InstanceNorm2d", lambda nn: nn.InstanceNorm2d(4, affine=True), (2, 4, 7, 13)),
    ("AdaptiveMaxPool2d", lambda nn: nn.AdaptiveMaxPool2d((3, 5)), (2, 4, 7, 13)),
    ("LPPool2d", lambda nn: nn.LPPool2d(2, 2), (2, 4, 7, 13)),
    ("Linear", lambda nn: nn.Linear(13, 5), (2, 4, 7, 13)),
    ("LayerNorm", lambda nn: nn.LayerNorm(13), (2, 4, 7, 13)),
    ("Softmax", lambda nn: nn.Softmax(1), (2, 4, 7, 13)),
    ("ReLU", lambda nn: nn.ReLU(), (2, 4, 7, 13)),
    ("GELU", lambda nn: nn.GELU(), (2, 4, 7, 13)),
)


@check("layer.layouts", family=FAMILY, suite="quick")
def layouts(lab: Lab, torch: Any) -> None:
    """Layers give the same from channels-last, from strided and from contiguous memory, forward and backward."""
    for name, make, shape in LAYERS:
        module, x = lab.shaken(make(torch.nn)), lab.distinct(*shape)

        def strided(x: Any, module: Any = module) -> Any:
            return torch.stack([x, x * 0], -1)[..., 0]

        for label, arrange in (
            ("channels last", lambda x: x.contiguous(memory_format=torch.channels_last)),
            ("strided", strided),
        ):
            for dtype, gate in (
                (torch.float32, Gate(1e-5, "float32 rounding")),
                (torch.float64, Gate(1e-11, "float64 rounding")),
            ):
                layer = make(torch.nn).to(lab.device, dtype)
                layer.load_state_dict(module.state_dict())
                results = []
                for how in (lambda x: x, arrange):
                    leaf = lab.here(x, dtype=dtype).requires_grad_()
                    y = layer(how(leaf))
                    pull = torch.linspace(-1, 1, y.numel(), device=lab.device, dtype=dtype).reshape(y.shape)
                    results.append((y, torch.autograd.grad((y * pull).sum(), leaf)[0]))
                what = "%s, %s, %s" % (name, label, str(dtype)[6:])
                lab.near(what, results[1][0], results[0][0], gate)
                lab.near(what + ", gradient", results[1][1], results[0][1], gate)


@check("layer.cudnn", family=FAMILY, device="gpu")
def cudnn(lab: Lab, torch: Any) -> None:
    """Layers give the same with cuDNN and without, forward and backward: two implementations, one answer."""
    from ..precision import without_cudnn

    nn = torch.nn
    more = (("LSTM", lambda nn: nn.LSTM(4, 6), (5, 3, 4)), ("GRU", lambda nn: nn.GRU(4, 6), (5, 3, 4)))
    for name, make, shape in (*LAYERS, *more):
        module, x = lab.shaken(make(nn)).to(lab.device), lab.distinct(*shape)
        results = []
        for enabled in (True, False):
            with nullcontext() if enabled else without_cudnn():
                leaf = lab.here(x).requires_grad_()
                out = module(leaf)
                y = out[0] if isinstance(out, tuple) else out
                pull = torch.linspace(-1, 1, y.numel(), device=lab.device).reshape(y.shape)
                results.append((y, *torch.autograd.grad((y * pull).sum(), [leaf, *module.parameters()])))
        for what, mine, theirs in zip(("value", "gradient", *(n for n, _ in module.named_parameters())), *results):
            lab.near("%s, %s" % (name, what), mine, theirs, Gate(1e-4, "two orders of summation in float32"))


@check("layer.large", family=FAMILY)
def large(lab: Lab, torch: Any) -> None:
    """A large batch gives what its parts give one by one: no block of a big grid is left out or done twice."""
    for name, make, shape in LAYERS:
        module = lab.shaken(make(torch.nn)).to(lab.device).eval()
        copies = (
            -(-270_000 // torch.Size(shape).numel()) | 1
        )  # so that more than 2^16 come out, even where 2 x 2 are pooled
        x = lab.here(lab.randn(copies * shape[0], *shape[1:])).requires_grad_()
        parts = x.detach().clone().requires_grad_()
        whole = module(x)
        pieces = torch.cat([module(part) for part in parts.split(37)])
        pull = lab.here(lab.randn(*whole.shape))
        lab.near(name, whole, pieces)
        (mine,), (theirs,) = (torch.autograd.grad((y * pull).sum(), leaf) for y, leaf in ((whole, x), (pieces, parts)))
        lab.near(name + ", gradient", mine, theirs)
    rows = torch.arange(70_001, device=lab.device).flip(0)
    words = torch.nn.Embedding(70_001, 2, device=lab.device)
    lab.exact("Embedding of 70001 words", words(rows), words.weight.flip(0))
    z = lab.here(lab.randn(3, 70_001))
    got = torch.nn.CrossEntropyLoss(reduction="none")(z, rows[:3])
    lab.near("CrossEntropyLoss of 70001 classes", got, z.double().logsumexp(1) - z.double()[range(3), rows[:3]])


@check("layer.bfloat16", family=FAMILY)
def bfloat16(lab: Lab, torch: Any) -> None:
    """Layers in bfloat16, values and gradients, stay within its error band of float64."""
    from ..precision import has_tensor_formats

    if release(torch) < (2, 0) and not lab.on_gpu:
        raise Skip("CPUs learnt bfloat16 with torch 2.0")
    if lab.on_gpu and not has_tensor_formats():
        raise Skip("bfloat16 begins with compute capability 8.0")
    _half(lab, torch, torch.bfloat16, Gate(1.5e-2, "rounding of inputs, weights and output: at most 6e-3 in 30 seeds"))


@check("layer.float16", family=FAMILY)
def float16(lab: Lab, torch: Any) -> None:
    """Layers in float16, values and gradients, stay within its error band of float64."""
    if release(torch) < (2, 4) and not lab.on_gpu:
        raise Skip("CPUs learnt float16 by and by, up to torch 2.4")
    _half(lab, torch, torch.float16, Gate(2e-3, "rounding of inputs, weights and output: at most 5e-4 in 30 seeds"))


def _half(lab: Lab, torch: Any, dtype: Any, band: Gate) -> None:
    from ..precision import relative

    looser = Gate(3 * band.limit, "it passes through two of them: at most 0.0142 and 0.0022 in 30 seeds")
    for name, make, shape in LAYERS:
        module, x = lab.shaken(make(torch.nn)).double(), lab.randn(*shape).requires_grad_()
        layer = make(torch.nn).to(lab.device, dtype)
        layer.load_state_dict(module.state_dict())
        leaf = lab.here(x.detach(), dtype=dtype).requires_grad_()
        got, want = layer(leaf), module(x)
        lab.holds("%s returns %s" % (name, str(dtype)[6:]), got.dtype == dtype)
        lab.measure(name, relative(got, want), band)
        if "MaxPool" in name:
            continue  # what is rounded has ties
        pull = lab.randn(*want.shape)
        mine = torch.autograd.grad(got, [leaf, *layer.parameters()], lab.here(pull, dtype=dtype))
        theirs = torch.autograd.grad(want, [x, *module.parameters()], pull)
        for what, m, t in zip(("input", *(n for n, _ in module.named_parameters())), mine, theirs):
            lab.measure("%s, gradient of %s" % (name, what), relative(m, t), looser)
    fused = getattr(torch.nn.functional, "scaled_dot_product_attention", None)
    if fused:
        q, k, v = (lab.randn(2, 3, 64, 32) for _ in range(3))
        lab.measure("attention", relative(fused(*lab.here(q, k, v, dtype=dtype)), fused(q, k, v)), band)
