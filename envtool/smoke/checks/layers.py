"""The other layers that networks stand on, against their formulas; and the same answer from every memory layout."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from ..facts import release
from ..gates import Gate
from ..registry import Skip, check

if TYPE_CHECKING:
    from ..lab import Lab

FAMILY = "layers"


@check("layer.convolution", family=FAMILY, suite="quick")
def convolution(lab: Lab, torch: Any) -> None:
    """Conv1d/2d/3d against sums over windows: stride, padding, dilation, groups; the transposed one is the adjoint."""
    from ..reference import strided

    nn = torch.nn
    for dims, sizes in enumerate(((11,), (7, 9), (5, 4, 6)), start=1):
        for stride, padding, dilation, groups in ((1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 2, 1), (2, 1, 1, 2)):
            layer = lab.shaken(getattr(nn, "Conv%dd" % dims)(4, 6, 3, stride, padding, dilation, groups))
            # With zeros around it, every window of the padded input is a full one.
            windows = [strided(s + 2 * padding, 3, stride, 0, dilation) for s in sizes]

            def by_hand(
                x: Any, weight: Any, bias: Any, pad: int = padding, groups: int = groups, w: Any = windows
            ) -> Any:
                x = nn.functional.pad(x, [pad, pad] * (x.dim() - 2))
                taps = weight.flatten(2)
                parts = []
                for mine, kernel in zip(x.chunk(groups, 1), taps.chunk(groups, 0)):
                    reduce = lambda patch, _, k=kernel: torch.einsum("nck,ock->no", patch, k)  # noqa: E731
                    parts.append(_pool_to(torch, mine, w, reduce, kernel.shape[0]))
                return torch.cat(parts, 1) + bias.reshape(1, -1, *[1] * (x.dim() - 2))

            what = "%dd stride %d padding %d dilation %d groups %d" % (dims, stride, padding, dilation, groups)
            lab.agree(what, layer, by_hand, lab.randn(2, 4, *sizes))
        transposed = getattr(torch.nn.functional, "conv_transpose%dd" % dims)
        forward = getattr(torch.nn.functional, "conv%dd" % dims)
        x, w = lab.here(lab.randn(1, 3, *[9] * dims), lab.randn(5, 3, *[3] * dims), dtype=torch.float64)
        y = lab.here(lab.randn(1, 5, *[4] * dims), dtype=torch.float64)
        left, right = (forward(x, w, stride=2) * y).sum(), (x * transposed(y, w, stride=2)).sum()
        lab.near("%dd <A x, y> = <x, A' y>" % dims, left, right, Gate(1e-11, "adjoint in float64"))


def _pool_to(torch: Any, x: Any, windows: Any, reduce: Any, channels: int) -> Any:
    """Like ``reference.pool``, for reductions that change the number of channels."""
    import itertools

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
    lab.agree("Linear", lab.shaken(nn.Linear(4, 6)), lambda x, weight, bias: x @ weight.T + bias, x)
    bilinear = lab.shaken(nn.Bilinear(4, 3, 2))
    lab.agree("Bilinear", bilinear, lambda x, y, weight, bias: torch.einsum("ni,oij,nj->no", x, weight, y) + bias, x, y)
    words = torch.tensor([[1, 2, 0], [4, 4, 1]])
    lab.agree("Embedding", lab.shaken(nn.Embedding(6, 3)), lambda i, weight: weight[i], words)
    padded = nn.Embedding(6, 3, padding_idx=0).to(lab.device)
    padded(words.to(lab.device)).sum().backward()
    lab.exact("gradient of the padding row", padded.weight.grad[0], torch.zeros(3))


@check("layer.activation", family=FAMILY, suite="quick")
def activation(lab: Lab, torch: Any) -> None:
    """Activations and softmax against their formulas."""
    nn, x = torch.nn, lab.randn(6, 7) * 2
    sigmoid = lambda x: 1 / (1 + (-x).exp())  # noqa: E731
    cases = (
        (nn.ReLU(), lambda x: x * (x > 0)),
        (nn.LeakyReLU(0.2), lambda x: x * (x > 0) + 0.2 * x * (x <= 0)),
        (nn.Sigmoid(), sigmoid),
        (nn.Tanh(), lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())),
        (nn.ELU(0.7), lambda x: torch.where(x > 0, x, 0.7 * (x.exp() - 1))),
        (nn.SELU(), lambda x: 1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * (x.exp() - 1))),
        (nn.GELU(), lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))),
        (nn.SiLU(), lambda x: x * sigmoid(x)),
        (nn.Softplus(beta=2.0), lambda x: (1 + (2 * x).exp()).log() / 2),
        (nn.Hardtanh(-0.5, 0.8), lambda x: x.clamp(-0.5, 0.8)),
        (nn.Softmax(1), lambda x: x.exp() / x.exp().sum(1, keepdim=True)),
        (nn.LogSoftmax(0), lambda x: x - x.exp().sum(0, keepdim=True).log()),
    )
    for module, formula in cases:
        lab.agree(type(module).__name__, module, formula, x)


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


@check("layer.bfloat16", family=FAMILY)
def bfloat16(lab: Lab, torch: Any) -> None:
    """Layers in bfloat16 stay within its error band of float64; what is more precise or less is not bfloat16."""
    from ..precision import has_tensor_formats, relative

    if release(torch) < (2, 0) and not lab.on_gpu:
        raise Skip("CPUs learnt bfloat16 with torch 2.0")
    if lab.on_gpu and not has_tensor_formats():
        raise Skip("bfloat16 begins with compute capability 8.0")
    band = Gate(1.5e-2, "error band of bfloat16: rounding of inputs, weights and output")
    for name, make, shape in LAYERS:
        module, x = lab.shaken(make(torch.nn)), lab.randn(*shape)
        layer = make(torch.nn).to(lab.device, torch.bfloat16)
        layer.load_state_dict(module.state_dict())
        got = layer(lab.here(x, dtype=torch.bfloat16))
        lab.holds(name + " returns bfloat16", got.dtype == torch.bfloat16)
        lab.measure(name, relative(got, module.double()(x)), band)
