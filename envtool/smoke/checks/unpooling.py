"""Unpooling: what pooling undoes, and unpooling with convolution in the place of transposed convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import check

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "unpooling"


@check("unpool.max", family=FAMILY, suite="quick")
def max_unpool(lab: Lab, torch: Any) -> None:
    """MaxUnpool1d/2d/3d: every value back at its place, zeros elsewhere; output_size; pooling again gives it back."""
    for dims, sizes in enumerate(((8,), (6, 8), (4, 6, 4)), start=1):
        pool = getattr(torch.nn, "MaxPool%dd" % dims)(2, return_indices=True)
        unpool = getattr(torch.nn, "MaxUnpool%dd" % dims)(2)
        values = lab.distinct(2, 3, *sizes)
        small, where = pool(values)

        def scatter(y: Any, where: Any = where, sizes: Any = sizes) -> Any:
            flat = torch.zeros(2, 3, torch.Size(sizes).numel(), dtype=y.dtype)
            return flat.scatter_add(2, where.flatten(2), y.flatten(2)).reshape(2, 3, *sizes)

        lab.agree("%dd" % dims, lambda y, u=unpool, w=where: u(y, w.to(y.device)), scatter, small)
        positive = lab.here(values - values.min() + 1)
        down, index = pool(positive)
        up = unpool(down, index)
        lab.exact("%dd pool(unpool(y)) = y" % dims, pool(up)[0], down)
        lab.exact("%dd unpool(pool(x)) is x at the maxima, else 0" % dims, up[up != 0], positive[up != 0])
        lab.exact("%dd how many maxima" % dims, (up != 0).sum(), torch.tensor(down.numel()))
        odd = lab.here(lab.distinct(1, 2, *(s + 1 for s in sizes))).abs() + 1
        down, index = pool(odd)
        lab.exact(
            "%dd output_size" % dims,
            torch.tensor(unpool(down, index, output_size=odd.shape).shape),
            torch.tensor(odd.shape),
        )
        again = pool(unpool(down, index, output_size=odd.shape))[0]
        lab.exact("%dd output_size, pool(unpool(y)) = y" % dims, again, down)
        _overlapping(lab, torch, dims)


def _overlapping(lab: Lab, torch: Any, dims: int) -> None:
    """Windows of 3 in steps of 2 with a padding of 1: an output is (n - 1) stride - 2 padding + kernel wide."""
    sizes = (5, 7, 3)[:dims]
    pool = getattr(torch.nn, "MaxPool%dd" % dims)(3, 2, 1, return_indices=True)
    unpool = getattr(torch.nn, "MaxUnpool%dd" % dims)(3, 2, 1)
    small, where = pool(lab.distinct(2, 3, *sizes))

    def scatter(y: Any) -> Any:
        flat = torch.zeros(2, 3, torch.Size(sizes).numel(), dtype=y.dtype)
        return flat.scatter(2, where.flatten(2), y.flatten(2)).reshape(2, 3, *sizes)

    lab.agree("%dd stride and padding" % dims, lambda y: unpool(y, where.to(y.device)), scatter, small)


@check("unpool.convolution", family=FAMILY, suite="quick")
def instead_of_transposed(lab: Lab, torch: Any) -> None:
    """Unpooling to the corners, then a convolution with the flipped kernel, is ConvTranspose2d with stride 2."""
    transposed = lab.shaken(torch.nn.ConvTranspose2d(3, 4, kernel_size=3, stride=2))
    unpool = torch.nn.MaxUnpool2d(2)
    rows, columns = 5, 4
    corners = (torch.arange(rows)[:, None] * 2 * (2 * columns) + torch.arange(columns) * 2).expand(2, 3, rows, columns)

    def substitute(x: Any, weight: Any, bias: Any) -> Any:
        spread = unpool(x, corners)
        flipped = weight.flip(2, 3).transpose(0, 1)
        return torch.conv2d(spread, flipped, bias, padding=2)[..., : 2 * rows + 1, : 2 * columns + 1]

    x = lab.randn(2, 3, rows, columns)
    lab.agree("transposed = unpool + convolution", transposed, substitute, x)

    def on_device(x: Any) -> Any:
        return unpool(x, corners.to(x.device))

    def stretched(x: Any) -> Any:
        out = torch.zeros(2, 3, 2 * rows, 2 * columns, dtype=x.dtype)
        out[..., ::2, ::2] = x
        return out

    lab.agree("unpooling to the corners", on_device, stretched, x)


@check("unpool.bad_index", family=FAMILY, alone="always")
def bad_index(lab: Lab, torch: Any) -> None:
    """An index outside the output is refused, not written to memory that belongs to others."""
    small = lab.here(lab.rand(1, 1, 2, 2))
    outside = torch.full((1, 1, 2, 2), 10**6, device=lab.device)

    def write() -> None:
        out = torch.nn.MaxUnpool2d(2)(small, outside)
        out.sum().item()  # a GPU reports it only when somebody waits for the result

    lab.raises("index 1000000 in an image of 16", write, RuntimeError)
