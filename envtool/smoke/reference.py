"""References for pooling and normalization in elementary operations: loops over windows, sums, powers."""

from __future__ import annotations

import itertools
from typing import Any, Callable, List, NamedTuple, Sequence, Tuple

import torch


class Window(NamedTuple):
    """The window of one output along one dimension: its positions in the input, and its length including padding."""

    positions: Tuple[int, ...]
    padded: int


def strided_windows(
    size: int, kernel: int, stride: int, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> List[Window]:
    """Return the windows of a pooling layer along one dimension (formula of torch's documentation)."""
    span = dilation * (kernel - 1) + 1
    free = size + 2 * padding - span
    count = (-(-free // stride) if ceil_mode else free // stride) + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1  # the last window must start inside the input or the left padding
    windows = []
    for i in range(count):
        start = i * stride - padding
        positions = tuple(p for p in range(start, start + span, dilation) if 0 <= p < size)
        windows.append(Window(positions, min(start + kernel, size + padding) - start))
    return windows


def adaptive_windows(size: int, outputs: int) -> List[Window]:
    """Return the windows of adaptive pooling: floor(i n / m) to ceil((i + 1) n / m) for i = 0 .. m - 1."""
    ranges = [range(i * size // outputs, -(-(i + 1) * size // outputs)) for i in range(outputs)]
    return [Window(tuple(r), len(r)) for r in ranges]


def fractional_windows(size: int, kernel: int, outputs: int, u: float) -> List[Window]:
    """Return the windows of fractional pooling (n to m, kernel k), which depend on a random sample u in [0, 1).

    They start at int((i + u) a) - int(u a) with a = (n - k) / (m - 1); the last one ends with the input.
    """
    step = (size - kernel) / (outputs - 1) if outputs > 1 else 0.0
    starts = [int((i + u) * step) - int(u * step) for i in range(outputs - 1)] + [size - kernel]
    return [Window(tuple(range(s, s + kernel)), kernel) for s in starts]


def pool(x: Any, windows: Sequence[Sequence[Window]], reduce: Callable[[Any, int], Any]) -> Any:
    """Pool ``x`` (N, C, *sizes): ``reduce`` receives the elements (N, C, k) and the padded size of each window."""
    cells = []
    for cell in itertools.product(*windows):
        patch, padded = x, 1
        for dimension, window in enumerate(cell):
            patch = patch.index_select(2 + dimension, torch.tensor(window.positions))
            padded *= window.padded
        cells.append(reduce(patch.flatten(2), padded))
    return torch.stack(cells, -1).reshape(*x.shape[:2], *(len(w) for w in windows))


def max_with_indices(x: Any, windows: Sequence[Sequence[Window]]) -> Tuple[Any, Any]:
    """Return the maximum of each window and its index into the flattened spatial dimensions."""
    flat = torch.arange(x[0, 0].numel(), dtype=x.dtype).reshape(x.shape[2:]).expand(x.shape)
    # Pool (value, position) pairs, so that one pass selects both.
    pairs = pool(torch.stack([x, flat], 2).flatten(1, 2), windows, lambda patch, _: _max_with_position(patch))
    values, positions = pairs.unflatten(1, (x.shape[1], 2)).unbind(2)
    return values, positions.long()


def _max_with_position(patch: Any) -> Any:
    values, flat = patch.unflatten(1, (-1, 2)).unbind(2)
    best = values.argmax(-1, keepdim=True)
    return torch.cat([values.gather(-1, best), flat.gather(-1, best)], -1).flatten(1)


def normalized(x: Any, dimensions: Sequence[int], eps: float) -> Any:
    """Return (x - mean) / sqrt(var + eps) with the mean and the biased variance over ``dimensions``."""
    count = 1
    for d in dimensions:
        count *= x.shape[d]
    mean = x.sum(dim=tuple(dimensions), keepdim=True) / count
    var = ((x - mean) ** 2).sum(dim=tuple(dimensions), keepdim=True) / count
    return (x - mean) / (var + eps) ** 0.5


def channelwise(values: Any, x: Any) -> Any:
    """Return per-channel values in a shape that broadcasts along dimension 1 of ``x``."""
    return values.reshape(1, -1, *[1] * (x.dim() - 2))
