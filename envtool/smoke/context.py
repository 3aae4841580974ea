"""What a check works with: numbers, a device, and ways to compare that keep every measurement with its gate."""

from __future__ import annotations

import copy
import zlib
from dataclasses import dataclass
from typing import Any, Callable, Sequence

import torch

from .tolerances import EXACT, F32, F64, SIGMA, Gate


@dataclass(frozen=True)
class Measurement:
    """One comparison: what was compared, how far apart it was, and how far it may be."""

    what: str
    value: float
    gate: Gate

    @property
    def holds(self) -> bool:
        """Whether it passes."""
        return self.gate.holds(self.value)

    @property
    def strain(self) -> float:
        """How close it comes to its gate."""
        return self.gate.strain(self.value)


class Lab:
    """One run of one check. Random numbers depend on the check and the seed, never on what ran before."""

    def __init__(self, name: str, device: Any, seed: int = 0) -> None:
        self.device = torch.device(device)
        self.seed = (zlib.crc32(name.encode()) + 7919 * seed) % 2**31
        self.measurements: list[Measurement] = []
        self.facts: dict[str, Any] = {}
        self.figures: list[dict[str, Any]] = []
        self._dice = torch.Generator().manual_seed(self.seed)
        torch.manual_seed(self.seed)

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return bool(self.device.type != "cpu")

    # -- numbers: float64 on the CPU, but with values that float32 holds exactly --------------------------------------
    def randn(self, *shape: int) -> Any:
        """Return normal numbers."""
        return torch.randn(shape, generator=self._dice).double()

    def rand(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Any:
        """Return uniform numbers in [low, high)."""
        return (low + (high - low) * torch.rand(shape, generator=self._dice)).double()

    def integers(self, high: int, *shape: int) -> Any:
        """Return integers in [0, high)."""
        return torch.randint(high, shape, generator=self._dice)

    def distinct(self, *shape: int) -> Any:
        """Return numbers of which no two are equal: what picks the largest then has one answer."""
        count = torch.Size(shape).numel()
        return (torch.randperm(count, generator=self._dice).double() - count / 2).reshape(shape) / 64

    def here(self, *tensors: Any, dtype: Any = torch.float32) -> Any:
        """Return copies of tensors on the device under test; floating ones in ``dtype``."""
        moved = tuple(t.to(self.device, dtype if t.is_floating_point() else t.dtype, copy=True) for t in tensors)
        return moved[0] if len(moved) == 1 else moved

    def shaken(self, module: Any) -> Any:
        """Return the module with random parameters, so that none of them hides behind being 0 or 1."""
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(self.randn(*parameter.shape) * 0.5)
        return module

    # -- comparisons --------------------------------------------------------------------------------------------------
    def measure(self, what: str, value: Any, gate: Gate) -> None:
        """Record a number that has to keep to its gate."""
        number = value.detach() if isinstance(value, torch.Tensor) else value
        self.measurements.append(Measurement(what, float(number), gate))

    def near(self, what: str, got: Any, want: Any, gate: Gate = F32) -> None:
        """Compare two tensors: the largest difference, relative to the largest wanted value or to 1."""
        got, want = _plain(got), _plain(want)
        if got.shape != want.shape:
            self.measure("%s: shape %s instead of %s" % (what, tuple(got.shape), tuple(want.shape)), float("inf"), gate)
            return
        if not got.numel():
            return
        error = (got - want).abs().max() / want.abs().max().clamp(min=1)
        self.measure(what, error, gate)

    def exact(self, what: str, got: Any, want: Any) -> None:
        """Compare two tensors (or numbers, or shapes) that must be equal: how many elements differ."""
        got, want = _plain(got), _plain(want)
        differs = float("inf") if got.shape != want.shape else float((got != want).sum())
        self.measure(what, differs, EXACT)

    def holds(self, what: str, condition: Any) -> None:
        """Record something that is true or not."""
        self.measure(what, 0.0 if condition else 1.0, EXACT)

    def sigmas(self, what: str, observed: Any, expected: float, standard_error: float) -> None:
        """Compare a random quantity with its expectation, in standard errors."""
        distance = abs(float(observed) - expected)
        self.measure(what, distance / standard_error if standard_error else distance and float("inf"), SIGMA)

    def raises(self, what: str, function: Callable[[], Any], *errors: type[Exception]) -> None:
        """Record that a call is refused."""
        try:
            function()
        except Exception as error:
            self.holds(what, isinstance(error, errors or Exception))
        else:
            self.holds(what, False)

    def agree(
        self,
        what: str,
        subject: Callable[..., Any],
        reference: Callable[..., Any],
        *inputs: Any,
        gate32: Gate = F32,
        gate64: Gate = F64,
        backward: bool = True,
    ) -> None:
        """Compare a function or module with its reference: values and gradients, in float32 and in float64.

        ``inputs`` are float64 tensors on the CPU. The subject gets them on the device: in float32 from memory without
        and with gaps, and in float64; the reference on the CPU in float64, and, where the subject is a module, its
        parameters by name. Both may return one tensor or several; those of integers have to be equal.
        """
        parameters = dict(subject.named_parameters()) if isinstance(subject, torch.nn.Module) else {}
        leaves = {name.replace(".", "_"): p.detach().double().cpu().requires_grad_() for name, p in parameters.items()}
        xs = [_leaf(x, torch.float64, "cpu") for x in inputs]
        wanted = _tuple(reference(*xs, **leaves))
        pull = [self.randn(*w.shape) if w.is_floating_point() else None for w in wanted]
        wanted_grads = _gradients(wanted, pull, [*xs, *leaves.values()]) if backward else []
        names = ["gradient of input %d" % i for i in range(len(xs))] + ["gradient of " + n for n in leaves]
        for layout, dtype, gate, arrange in (
            ("", torch.float32, gate32, lambda x: x),
            (", strided", torch.float32, gate32, _strided),
            ("", torch.float64, gate64, lambda x: x),
        ):
            label = "%s, %s%s" % (what, str(dtype)[6:], layout)
            run = subject
            if isinstance(subject, torch.nn.Module):
                run = copy.deepcopy(subject).to(self.device, dtype)
            ys = [_leaf(x, dtype, self.device) for x in inputs]
            got = _tuple(run(*(arrange(y) for y in ys)))
            for i, (g, w) in enumerate(zip(got, wanted)):
                compare = self.near if w.is_floating_point() else self._same
                compare(label if len(wanted) == 1 else "%s, output %d" % (label, i), g, w, gate)
            if backward and all(g.shape == w.shape for g, w in zip(got, wanted)):
                moved = [p if p is None else p.to(self.device, dtype) for p in pull]
                own = list(run.parameters()) if isinstance(run, torch.nn.Module) else []
                for name, g, w in zip(names, _gradients(got, moved, [*ys, *own]), wanted_grads):
                    if w is not None:
                        self.near("%s, %s" % (label, name), torch.zeros_like(w) if g is None else g, w, gate)

    def _same(self, what: str, got: Any, want: Any, _: Gate) -> None:
        self.exact(what, got, want)

    # -- for the report -----------------------------------------------------------------------------------------------
    def note(self, name: str, value: Any) -> None:
        """Keep a fact: something worth knowing that has no gate."""
        self.facts[name] = value

    def figure(self, kind: str, title: str, **data: Any) -> None:
        """Keep a figure for the report: ``curves``, ``pictures``, ``points`` or ``bars``."""
        self.figures.append({"kind": kind, "title": title, **data})


def _plain(value: Any) -> Any:
    """Return a value as a float64 (or integer) tensor on the CPU."""
    tensor = torch.as_tensor(value).detach().cpu()
    return tensor.double() if tensor.is_floating_point() else tensor


def _leaf(tensor: Any, dtype: Any, device: Any) -> Any:
    if not tensor.is_floating_point():
        return tensor.to(device)
    return tensor.detach().to(device, dtype).clone().requires_grad_()


def _strided(tensor: Any) -> Any:
    """Return the same numbers with gaps between them in memory."""
    return torch.stack([tensor, tensor], -1)[..., 0]


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _gradients(outputs: Sequence[Any], pull: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    floating = [x for x in inputs if x.is_floating_point()]
    pairs = [(o, p) for o, p in zip(outputs, pull) if p is not None and o.requires_grad]
    if not pairs or not floating:
        return [None] * len(inputs)
    found = iter(
        torch.autograd.grad([o for o, _ in pairs], floating, [p.reshape(o.shape) for o, p in pairs], allow_unused=True)
    )
    return [next(found) if x.is_floating_point() else None for x in inputs]
