"""The context of a check: its device, its random numbers, and comparisons that record every measurement."""

from __future__ import annotations

import copy
import zlib
from dataclasses import dataclass
from typing import Any, Callable, Sequence

import torch

from .tolerances import EXACT, F32, F64, SIGMA, Tolerance


@dataclass(frozen=True)
class Measurement:
    """One comparison: what was compared, the difference that was measured, and the difference that is allowed."""

    what: str
    value: float
    tolerance: Tolerance

    @property
    def passed(self) -> bool:
        """Whether the value is within its tolerance."""
        return self.tolerance.allows(self.value)

    @property
    def ratio(self) -> float:
        """The value relative to its limit: more than 1 is beyond it."""
        return self.tolerance.ratio(self.value)


class CheckContext:
    """One run of one check. Its random numbers depend only on the check and the seed, not on earlier checks."""

    def __init__(self, name: str, device: Any, seed: int = 0) -> None:
        self.device = torch.device(device)
        self.seed = (zlib.crc32(name.encode()) + 7919 * seed) % 2**31
        self.measurements: list[Measurement] = []
        self.facts: dict[str, Any] = {}
        self.figures: list[dict[str, Any]] = []
        self._generator = torch.Generator().manual_seed(self.seed)
        torch.manual_seed(self.seed)

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return bool(self.device.type != "cpu")

    # -- inputs: float64 tensors on the CPU whose values float32 represents exactly ------------------------------------
    def randn(self, *shape: int) -> Any:
        """Return samples of the standard normal distribution."""
        return torch.randn(shape, generator=self._generator).double()

    def rand(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Any:
        """Return samples of the uniform distribution on [low, high)."""
        return (low + (high - low) * torch.rand(shape, generator=self._generator)).double()

    def integers(self, high: int, *shape: int) -> Any:
        """Return uniform random integers in [0, high)."""
        return torch.randint(high, shape, generator=self._generator)

    def distinct(self, *shape: int) -> Any:
        """Return pairwise distinct numbers in random order, so that the position of a maximum is unique."""
        count = torch.Size(shape).numel()
        return (torch.randperm(count, generator=self._generator).double() - count / 2).reshape(shape) / 64

    def to_device(self, *tensors: Any, dtype: Any = torch.float32) -> Any:
        """Return copies of tensors on the device under test; floating-point tensors are converted to ``dtype``."""
        moved = tuple(t.to(self.device, dtype if t.is_floating_point() else t.dtype, copy=True) for t in tensors)
        return moved[0] if len(moved) == 1 else moved

    def randomized(self, module: Any) -> Any:
        """Fill a module's parameters with random numbers, so that none has an initial value of 0 or 1. Return it."""
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(self.randn(*parameter.shape) * 0.5)
        return module

    # -- comparisons --------------------------------------------------------------------------------------------------
    def measure(self, what: str, value: Any, tolerance: Tolerance) -> None:
        """Record a number and the tolerance it must be within."""
        number = value.detach() if isinstance(value, torch.Tensor) else value
        self.measurements.append(Measurement(what, float(number), tolerance))

    def near(self, what: str, got: Any, want: Any, tolerance: Tolerance = F32) -> None:
        """Compare two tensors: the largest difference relative to the largest magnitude in ``want``, at least 1."""
        got, want = _on_cpu(got), _on_cpu(want)
        if got.shape != want.shape:
            self.measure(
                "%s: shape %s instead of %s" % (what, tuple(got.shape), tuple(want.shape)), float("inf"), tolerance
            )
            return
        if not got.numel():
            return
        error = (got - want).abs().max() / want.abs().max().clamp(min=1)
        self.measure(what, error, tolerance)

    def exact(self, what: str, got: Any, want: Any) -> None:
        """Compare two tensors, numbers or shapes that must be equal: the number of elements that differ."""
        got, want = _on_cpu(got), _on_cpu(want)
        differs = float("inf") if got.shape != want.shape else float((got != want).sum())
        self.measure(what, differs, EXACT)

    def holds(self, what: str, condition: Any) -> None:
        """Record a condition that must be true."""
        self.measure(what, 0.0 if condition else 1.0, EXACT)

    def sigmas(self, what: str, observed: Any, expected: float, standard_error: float) -> None:
        """Compare a random quantity with its expected value, in standard errors."""
        distance = abs(float(observed) - expected)
        self.measure(what, distance / standard_error if standard_error else distance and float("inf"), SIGMA)

    def raises(self, what: str, function: Callable[[], Any], *errors: type[Exception]) -> None:
        """Record that a call raises one of ``errors``, or any exception where none is given."""
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
        tolerance32: Tolerance = F32,
        tolerance64: Tolerance = F64,
        backward: bool = True,
    ) -> None:
        """Compare a function or module with its reference: values and gradients, in float32 and in float64.

        ``inputs`` are float64 tensors on the CPU. The subject receives them on the device: in float32 from contiguous
        and from strided memory, then in float64. The reference receives them on the CPU in float64 and, if the subject
        is a module, its parameters by name. Both return one tensor or several; integer outputs must be equal.
        """
        parameters = dict(subject.named_parameters()) if isinstance(subject, torch.nn.Module) else {}
        leaves = {name.replace(".", "_"): p.detach().double().cpu().requires_grad_() for name, p in parameters.items()}
        xs = [_leaf(x, torch.float64, "cpu") for x in inputs]
        wanted = _as_tuple(reference(*xs, **leaves))
        output_gradients = [self.randn(*w.shape) if w.is_floating_point() else None for w in wanted]
        wanted_grads = _gradients(wanted, output_gradients, [*xs, *leaves.values()]) if backward else []
        names = ["gradient of input %d" % i for i in range(len(xs))] + ["gradient of " + n for n in leaves]
        for layout, dtype, tolerance, arrange in (
            ("", torch.float32, tolerance32, lambda x: x),
            (", strided", torch.float32, tolerance32, _strided),
            ("", torch.float64, tolerance64, lambda x: x),
        ):
            label = "%s, %s%s" % (what, str(dtype)[6:], layout)
            run = subject
            if isinstance(subject, torch.nn.Module):
                run = copy.deepcopy(subject).to(self.device, dtype)
            ys = [_leaf(x, dtype, self.device) for x in inputs]
            got = _as_tuple(run(*(arrange(y) for y in ys)))
            for i, (g, w) in enumerate(zip(got, wanted)):
                compare = self.near if w.is_floating_point() else self._exact_values
                compare(label if len(wanted) == 1 else "%s, output %d" % (label, i), g, w, tolerance)
            if backward and all(g.shape == w.shape for g, w in zip(got, wanted)):
                device_gradients = [p if p is None else p.to(self.device, dtype) for p in output_gradients]
                own = list(run.parameters()) if isinstance(run, torch.nn.Module) else []
                for name, g, w in zip(names, _gradients(got, device_gradients, [*ys, *own]), wanted_grads):
                    if w is not None:
                        self.near("%s, %s" % (label, name), torch.zeros_like(w) if g is None else g, w, tolerance)

    def _exact_values(self, what: str, got: Any, want: Any, _: Tolerance) -> None:
        self.exact(what, got, want)

    # -- for the report -----------------------------------------------------------------------------------------------
    def fact(self, name: str, value: Any) -> None:
        """Record a fact for the report. It does not affect the verdict."""
        self.facts[name] = value

    def figure(self, kind: str, title: str, **data: Any) -> None:
        """Record a figure for the report. ``kind`` is ``curves``, ``pictures``, ``points``, ``bars`` or ``table``."""
        self.figures.append({"kind": kind, "title": title, **data})


def _on_cpu(value: Any) -> Any:
    """Return a value as a tensor on the CPU, floating-point numbers as float64."""
    tensor = torch.as_tensor(value).detach().cpu()
    return tensor.double() if tensor.is_floating_point() else tensor


def _leaf(tensor: Any, dtype: Any, device: Any) -> Any:
    if not tensor.is_floating_point():
        return tensor.to(device)
    return tensor.detach().to(device, dtype).clone().requires_grad_()


def _strided(tensor: Any) -> Any:
    """Return a copy that is not contiguous in memory."""
    return torch.stack([tensor, tensor], -1)[..., 0]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _gradients(outputs: Sequence[Any], output_gradients: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    """Return the gradient of each input, or None where an input has none."""
    floating = [x for x in inputs if x.is_floating_point()]
    pairs = [(o, p) for o, p in zip(outputs, output_gradients) if p is not None and o.requires_grad]
    if not pairs or not floating:
        return [None] * len(inputs)
    found = iter(
        torch.autograd.grad([o for o, _ in pairs], floating, [p.reshape(o.shape) for o, p in pairs], allow_unused=True)
    )
    return [next(found) if x.is_floating_point() else None for x in inputs]
