"""Other layers: convolution, linear, activation, attention, recurrent; also memory layouts, sizes and low precision."""

from __future__ import annotations

import itertools
import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Dict, Tuple

from ..facts import torch_version
from ..registry import Skip, check
from ..tolerances import F64, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "layers"


@check("layer.convolution", family=FAMILY, suite="quick")
def convolution(context: CheckContext, torch: Any) -> None:
    """Conv1d/2d/3d match sums over windows: kernel, stride, padding and its modes, dilation, groups, bias."""
    from ..reference import strided_windows

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
            layer = context.randomized(kind(4, 8, **options))
            pads = layer.dilation if layer.padding == "same" else layer.padding  # "same" is used with a kernel of 3
            # The input is padded first, so that every window is complete.
            windows = [
                strided_windows(size + 2 * p, k, s, 0, d)
                for size, p, k, s, d in zip(sizes, pads, layer.kernel_size, layer.stride, layer.dilation)
            ]

            def by_hand(
                x: Any, weight: Any, bias: Any = None, pads: Any = pads, layer: Any = layer, windows: Any = windows
            ) -> Any:
                padded = _padded(torch, x, pads, layer.padding_mode)
                return _convolved(torch, padded, weight, bias, layer.groups, windows)

            context.agree("%dd %s" % (dims, options), layer, by_hand, context.randn(2, 4, *sizes))


def _convolved(torch: Any, x: Any, weight: Any, bias: Any, groups: int, windows: Any) -> Any:
    """Return the convolution of a padded input, as a sum over each window."""
    parts = []
    for inputs, kernel in zip(x.chunk(groups, 1), weight.flatten(2).chunk(groups, 0)):
        reduce = lambda patch, _, k=kernel: torch.einsum("nck,ock->no", patch, k)  # noqa: E731
        parts.append(_pool_to(torch, inputs, windows, reduce, kernel.shape[0]))
    out = torch.cat(parts, 1)
    return out if bias is None else out + bias.reshape(1, -1, *[1] * (x.dim() - 2))


def _padded(torch: Any, x: Any, pads: Any, mode: str) -> Any:
    """Return x with ``pads`` more elements on both sides of each spatial dimension."""
    for d, (size, pad) in enumerate(zip(x.shape[2:], pads), start=2):
        index = torch.arange(-pad, size + pad)
        inside = ((index >= 0) & (index < size)).to(x)
        if mode == "reflect":
            index = size - 1 - (size - 1 - index.abs()).abs()
        index = index % size if mode == "circular" else index.clamp(0, size - 1)
        x = x.index_select(d, index)
        if mode == "zeros":
            x = x * inside.reshape(-1, *[1] * (x.dim() - 1 - d))
    return x


@check("layer.transposed", family=FAMILY, suite="quick")
def transposed(context: CheckContext, torch: Any) -> None:
    """ConvTranspose1d/2d/3d match scattering every input over its window, and are the adjoint of a convolution."""
    for dims, sizes in enumerate(((5,), (4, 3), (3, 2, 3)), start=1):
        kind = getattr(torch.nn, "ConvTranspose%dd" % dims)
        for options in (
            {"stride": 2},
            {"stride": 2, "padding": 1, "output_padding": 1},
            {"padding": 2, "dilation": 2, "bias": False},
            {"stride": 3, "groups": 2},
        ):
            layer = context.randomized(kind(4, 6, 3, **options))

            def scattered(x: Any, weight: Any, bias: Any = 0, layer: Any = layer, dims: int = dims) -> Any:
                wide = [
                    (n - 1) * s + 2 * d + 1 + more
                    for n, s, d, more in zip(x.shape[2:], layer.stride, layer.dilation, layer.output_padding)
                ]
                parts = []
                for inputs, kernel in zip(x.chunk(layer.groups, 1), weight.chunk(layer.groups, 0)):
                    out = torch.zeros(x.shape[0], kernel.shape[1], *wide, dtype=x.dtype)
                    for weights, tap in zip(kernel.flatten(2).unbind(2), itertools.product(range(3), repeat=dims)):
                        steps = zip(tap, layer.dilation, layer.stride, x.shape[2:])
                        place = (Ellipsis, *(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, s, n in steps))
                        out[place] += torch.einsum("nc...,co->no...", inputs, weights)
                    parts.append(out)
                cut = (Ellipsis, *(slice(p, size - p) for p, size in zip(layer.padding, wide)))
                out = torch.cat(parts, 1)[cut]
                return out + (bias.reshape(1, -1, *[1] * dims) if layer.bias is not None else 0)

            context.agree("%dd %s" % (dims, options), layer, scattered, context.randn(2, 4, *sizes))
        back = getattr(torch.nn.functional, "conv_transpose%dd" % dims)
        forward = getattr(torch.nn.functional, "conv%dd" % dims)
        x, w = context.to_device(
            context.randn(1, 3, *[9] * dims), context.randn(5, 3, *[3] * dims), dtype=torch.float64
        )
        y = context.to_device(context.randn(1, 5, *[4] * dims), dtype=torch.float64)
        left, right = (forward(x, w, stride=2) * y).sum(), (x * back(y, w, stride=2)).sum()
        context.near("%dd <A x, y> = <x, A' y>" % dims, left, right, Tolerance(1e-11, "adjoint in float64"))


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
def linear(context: CheckContext, torch: Any) -> None:
    """Linear, Bilinear and Embedding match their sums; the padding row of an embedding gets no gradient."""
    nn = torch.nn
    x, y = context.randn(5, 4), context.randn(5, 3)
    for shape in ((4,), (5, 4), (2, 3, 4)):
        layer = context.randomized(nn.Linear(4, 6))
        by_hand = lambda x, weight, bias: (x[..., None, :] * weight).sum(-1) + bias  # noqa: E731
        context.agree("Linear, %d-D" % len(shape), layer, by_hand, context.randn(*shape))
    bilinear = context.randomized(nn.Bilinear(4, 3, 2))
    context.agree(
        "Bilinear", bilinear, lambda x, y, weight, bias: torch.einsum("ni,oij,nj->no", x, weight, y) + bias, x, y
    )
    words = torch.tensor([[1, 2, 0], [4, 4, 1]])
    context.agree("Embedding", context.randomized(nn.Embedding(6, 3)), lambda i, weight: weight[i], words)
    padded = nn.Embedding(6, 3, padding_idx=0).to(context.device)
    padded(words.to(context.device)).sum().backward()
    context.exact("gradient of the padding row", padded.weight.grad[0], torch.zeros(3))


CONSTANTS = Tolerance(1e-7, "torch stores 1/6 and 1/alpha in float32")


@check("layer.activation", family=FAMILY, suite="quick")
def activation(context: CheckContext, torch: Any) -> None:
    """Activations and softmax match their formulas, also for inputs of +-900."""
    nn, x = torch.nn, context.randn(6, 7) * 2
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
        context.agree(repr(module), module, formula, x, tolerance64=CONSTANTS if isinstance(module, rounded) else F64)
    far = context.to_device(torch.tensor([900.0, 0.0, -900.0]))
    for module, want in (
        (nn.Softmax(0), [1.0, 0.0, 0.0]),
        (nn.LogSoftmax(0), [0.0, -900.0, -1800.0]),
        (nn.Softplus(), [900.0, math.log(2), 0.0]),
        (nn.Sigmoid(), [1.0, 0.5, 0.0]),
        (nn.LogSigmoid(), [0.0, -math.log(2), -900.0]),
        (nn.GELU(), [900.0, 0.0, 0.0]),
        (nn.SiLU(), [900.0, 0.0, 0.0]),
    ):
        context.near("%r of +-900" % module, module(far), torch.tensor(want))


@check("layer.attention", family=FAMILY)
def attention(context: CheckContext, torch: Any) -> None:
    """MultiheadAttention and scaled_dot_product_attention, if torch has it, match softmax(Q K' / sqrt d) V."""
    nn = torch.nn

    def plain(q: Any, k: Any, v: Any, hidden: Any = None) -> Any:
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if hidden is not None:
            scores = scores.masked_fill(hidden, -math.inf)
        weights = (scores - scores.amax(-1, keepdim=True)).exp()
        return weights / weights.sum(-1, keepdim=True) @ v

    layer = context.randomized(nn.MultiheadAttention(8, 2, batch_first=True))

    def by_hand(x: Any, in_proj_weight: Any, in_proj_bias: Any, out_proj_weight: Any, out_proj_bias: Any) -> Any:
        q, k, v = (x @ in_proj_weight.T + in_proj_bias).reshape(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
        return plain(q, k, v).transpose(1, 2).reshape(2, 5, 8) @ out_proj_weight.T + out_proj_bias

    class SelfAttention(torch.nn.Module):  # returns the output without the attention weights
        def __init__(self) -> None:
            super().__init__()
            self.inner = layer

        def forward(self, x: Any) -> Any:
            return self.inner(x, x, x, need_weights=False)[0]

    reference = lambda x, **p: by_hand(x, **{name[6:]: value for name, value in p.items()})  # noqa: E731
    context.agree("MultiheadAttention", SelfAttention(), reference, context.randn(2, 5, 8))
    fused = getattr(nn.functional, "scaled_dot_product_attention", None)
    if fused:
        q, k, v = (context.randn(2, 3, 6, 4) for _ in range(3))
        context.agree("fused", fused, plain, q, k, v)
        seen = (context.rand(6, 6) < 0.5) | torch.eye(6, dtype=torch.bool)
        masked = lambda q, k, v: fused(q, k, v, attn_mask=seen.to(q.device))  # noqa: E731
        context.agree("fused, masked", masked, lambda q, k, v: plain(q, k, v, ~seen), q, k, v)
        ahead = torch.ones(6, 6, dtype=torch.bool).triu(1)
        context.agree(
            "fused, causal",
            lambda q, k, v: fused(q, k, v, is_causal=True),
            lambda q, k, v: plain(q, k, v, ahead),
            q,
            k,
            v,
        )


@check("layer.recurrent", family=FAMILY)
def recurrent(context: CheckContext, torch: Any) -> None:
    """LSTM and GRU over a sequence match their cells, written out step by step."""
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

    x = context.randn(6, 2, 3)
    for kind, reference in ((nn.LSTM, lstm), (nn.GRU, gru)):

        class Outputs(kind):  # type: ignore[misc, valid-type]  # returns the outputs without the last states
            def forward(self, x: Any) -> Any:
                return super().forward(x)[0]

        context.agree(kind.__name__, context.randomized(Outputs(3, 5)), reference, x)


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
def layouts(context: CheckContext, torch: Any) -> None:
    """Layers give the same values and gradients for channels-last, strided and contiguous inputs."""
    for name, make, shape in LAYERS:
        module, x = context.randomized(make(torch.nn)), context.distinct(*shape)

        def strided(x: Any, module: Any = module) -> Any:
            return torch.stack([x, x * 0], -1)[..., 0]

        for label, arrange in (
            ("channels last", lambda x: x.contiguous(memory_format=torch.channels_last)),
            ("strided", strided),
        ):
            for dtype, tolerance in (
                (torch.float32, Tolerance(1e-5, "float32 rounding")),
                (torch.float64, Tolerance(1e-11, "float64 rounding")),
            ):
                layer = make(torch.nn).to(context.device, dtype)
                layer.load_state_dict(module.state_dict())
                results = []
                for how in (lambda x: x, arrange):
                    leaf = context.to_device(x, dtype=dtype).requires_grad_()
                    y = layer(how(leaf))
                    output_gradient = torch.linspace(-1, 1, y.numel(), device=context.device, dtype=dtype).reshape(
                        y.shape
                    )
                    results.append((y, torch.autograd.grad((y * output_gradient).sum(), leaf)[0]))
                what = "%s, %s, %s" % (name, label, str(dtype)[6:])
                context.near(what, results[1][0], results[0][0], tolerance)
                context.near(what + ", gradient", results[1][1], results[0][1], tolerance)


@check("layer.cudnn", family=FAMILY, device="gpu")
def cudnn(context: CheckContext, torch: Any) -> None:
    """Layers give the same values and gradients with and without cuDNN."""
    from ..precision import without_cudnn

    nn = torch.nn
    more = (("LSTM", lambda nn: nn.LSTM(4, 6), (5, 3, 4)), ("GRU", lambda nn: nn.GRU(4, 6), (5, 3, 4)))
    for name, make, shape in (*LAYERS, *more):
        module, x = context.randomized(make(nn)).to(context.device), context.distinct(*shape)
        results = []
        for enabled in (True, False):
            with nullcontext() if enabled else without_cudnn():
                leaf = context.to_device(x).requires_grad_()
                out = module(leaf)
                y = out[0] if isinstance(out, tuple) else out
                output_gradient = torch.linspace(-1, 1, y.numel(), device=context.device).reshape(y.shape)
                results.append((y, *torch.autograd.grad((y * output_gradient).sum(), [leaf, *module.parameters()])))
        for what, actual, expected in zip(("value", "gradient", *(n for n, _ in module.named_parameters())), *results):
            context.near("%s, %s" % (name, what), actual, expected, Tolerance(1e-4, "float32 sums in different orders"))


@check("layer.large", family=FAMILY)
def large(context: CheckContext, torch: Any) -> None:
    """A large batch gives the same as its parts one by one: no block of a large grid is skipped or run twice."""
    for name, make, shape in LAYERS:
        module = context.randomized(make(torch.nn)).to(context.device).eval()
        # Enough for more than 2^16 outputs, even where 2 x 2 elements are pooled.
        copies = -(-270_000 // torch.Size(shape).numel()) | 1
        x = context.to_device(context.randn(copies * shape[0], *shape[1:])).requires_grad_()
        parts = x.detach().clone().requires_grad_()
        whole = module(x)
        pieces = torch.cat([module(part) for part in parts.split(37)])
        output_gradient = context.to_device(context.randn(*whole.shape))
        context.near(name, whole, pieces)
        (actual,) = torch.autograd.grad((whole * output_gradient).sum(), x)
        (expected,) = torch.autograd.grad((pieces * output_gradient).sum(), parts)
        context.near(name + ", gradient", actual, expected)
    rows = torch.arange(70_001, device=context.device).flip(0)
    words = torch.nn.Embedding(70_001, 2, device=context.device)
    context.exact("Embedding of 70001 words", words(rows), words.weight.flip(0))
    z = context.to_device(context.randn(3, 70_001))
    got = torch.nn.CrossEntropyLoss(reduction="none")(z, rows[:3])
    context.near("CrossEntropyLoss of 70001 classes", got, z.double().logsumexp(1) - z.double()[range(3), rows[:3]])


@check("layer.bfloat16", family=FAMILY)
def bfloat16(context: CheckContext, torch: Any) -> None:
    """Values and gradients of layers in bfloat16 are within its rounding error of float64."""
    from ..precision import supports_bf16_and_tf32

    if torch_version(torch) < (2, 0) and not context.on_gpu:
        raise Skip("needs torch 2.0 on CPUs")
    if context.on_gpu and not supports_bf16_and_tf32():
        raise Skip("needs compute capability 8.0")
    _low_precision(
        context,
        torch,
        torch.bfloat16,
        Tolerance(1.5e-2, "rounding of inputs, weights and output: at most 6e-3 in 30 seeds"),
    )


@check("layer.float16", family=FAMILY)
def float16(context: CheckContext, torch: Any) -> None:
    """Values and gradients of layers in float16 are within its rounding error of float64."""
    if torch_version(torch) < (2, 4) and not context.on_gpu:
        raise Skip("needs torch 2.4 on CPUs")
    _low_precision(
        context,
        torch,
        torch.float16,
        Tolerance(2e-3, "rounding of inputs, weights and output: at most 5e-4 in 30 seeds"),
    )


def _low_precision(context: CheckContext, torch: Any, dtype: Any, band: Tolerance) -> None:
    from ..precision import relative_error

    twice = Tolerance(3 * band.limit, "rounding in two passes: at most 0.0142 and 0.0022 in 30 seeds")
    for name, make, shape in LAYERS:
        module, x = context.randomized(make(torch.nn)).double(), context.randn(*shape).requires_grad_()
        layer = make(torch.nn).to(context.device, dtype)
        layer.load_state_dict(module.state_dict())
        leaf = context.to_device(x.detach(), dtype=dtype).requires_grad_()
        got, want = layer(leaf), module(x)
        context.holds("%s returns %s" % (name, str(dtype)[6:]), got.dtype == dtype)
        context.measure(name, relative_error(got, want), band)
        if "MaxPool" in name:
            continue  # rounding makes ties, so that the position of the maximum is ambiguous
        output_gradient = context.randn(*want.shape)
        actual = torch.autograd.grad(got, [leaf, *layer.parameters()], context.to_device(output_gradient, dtype=dtype))
        expected = torch.autograd.grad(want, [x, *module.parameters()], output_gradient)
        for what, m, t in zip(("input", *(n for n, _ in module.named_parameters())), actual, expected):
            context.measure("%s, gradient of %s" % (name, what), relative_error(m, t), twice)
    fused = getattr(torch.nn.functional, "scaled_dot_product_attention", None)
    if fused:
        q, k, v = (context.randn(2, 3, 64, 32) for _ in range(3))
        context.measure(
            "attention", relative_error(fused(*context.to_device(q, k, v, dtype=dtype)), fused(q, k, v)), band
        )
