"""Unpooling: the inverse of max pooling, and unpooling with convolution in place of transposed convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import check

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "unpooling"


@check("unpool.max", family=FAMILY, suite="quick")
def max_unpool(context: CheckContext, torch: Any) -> None:
    """MaxUnpool1d/2d/3d restore every value to its position, with zeros elsewhere; pooling again inverts it."""
    for dims, sizes in enumerate(((8,), (6, 8), (4, 6, 4)), start=1):
        pool = getattr(torch.nn, "MaxPool%dd" % dims)(2, return_indices=True)
        unpool = getattr(torch.nn, "MaxUnpool%dd" % dims)(2)
        values = context.distinct(2, 3, *sizes)
        pooled, indices = pool(values)

        def scatter(y: Any, indices: Any = indices, sizes: Any = sizes) -> Any:
            flat = torch.zeros(2, 3, torch.Size(sizes).numel(), dtype=y.dtype)
            return flat.scatter_add(2, indices.flatten(2), y.flatten(2)).reshape(2, 3, *sizes)

        context.agree("%dd" % dims, lambda y, u=unpool, i=indices: u(y, i.to(y.device)), scatter, pooled)
        positive = context.to_device(values - values.min() + 1)
        down, index = pool(positive)
        up = unpool(down, index)
        context.exact("%dd pool(unpool(y)) = y" % dims, pool(up)[0], down)
        context.exact("%dd unpool(pool(x)) is x at the maxima, else 0" % dims, up[up != 0], positive[up != 0])
        context.exact("%dd number of maxima" % dims, (up != 0).sum(), torch.tensor(down.numel()))
        odd = context.to_device(context.distinct(1, 2, *(s + 1 for s in sizes))).abs() + 1
        down, index = pool(odd)
        context.exact(
            "%dd output_size" % dims,
            torch.tensor(unpool(down, index, output_size=odd.shape).shape),
            torch.tensor(odd.shape),
        )
        again = pool(unpool(down, index, output_size=odd.shape))[0]
        context.exact("%dd output_size, pool(unpool(y)) = y" % dims, again, down)
        _check_overlapping(context, torch, dims)


def _check_overlapping(context: CheckContext, torch: Any, dims: int) -> None:
    """Compare with kernel 3, stride 2 and padding 1: outputs have the size (n - 1) stride - 2 padding + kernel."""
    sizes = (5, 7, 3)[:dims]
    pool = getattr(torch.nn, "MaxPool%dd" % dims)(3, 2, 1, return_indices=True)
    unpool = getattr(torch.nn, "MaxUnpool%dd" % dims)(3, 2, 1)
    pooled, indices = pool(context.distinct(2, 3, *sizes))

    def scatter(y: Any) -> Any:
        flat = torch.zeros(2, 3, torch.Size(sizes).numel(), dtype=y.dtype)
        return flat.scatter(2, indices.flatten(2), y.flatten(2)).reshape(2, 3, *sizes)

    context.agree("%dd stride and padding" % dims, lambda y: unpool(y, indices.to(y.device)), scatter, pooled)


@check("unpool.convolution", family=FAMILY, suite="quick")
def instead_of_transposed(context: CheckContext, torch: Any) -> None:
    """Unpooling to the corners, followed by convolution with the flipped kernel, equals ConvTranspose2d of stride 2."""
    transposed = context.randomized(torch.nn.ConvTranspose2d(3, 4, kernel_size=3, stride=2))
    unpool = torch.nn.MaxUnpool2d(2)
    rows, columns = 5, 4
    corners = (torch.arange(rows)[:, None] * 2 * (2 * columns) + torch.arange(columns) * 2).expand(2, 3, rows, columns)

    def substitute(x: Any, weight: Any, bias: Any) -> Any:
        spread = unpool(x, corners)
        flipped = weight.flip(2, 3).transpose(0, 1)
        return torch.conv2d(spread, flipped, bias, padding=2)[..., : 2 * rows + 1, : 2 * columns + 1]

    x = context.randn(2, 3, rows, columns)
    context.agree("transposed = unpool + convolution", transposed, substitute, x)

    def corner_unpool(x: Any) -> Any:
        return unpool(x, corners.to(x.device))

    def spread_out(x: Any) -> Any:
        out = torch.zeros(2, 3, 2 * rows, 2 * columns, dtype=x.dtype)
        out[..., ::2, ::2] = x
        return out

    context.agree("unpooling to the corners", corner_unpool, spread_out, x)


@check("unpool.bad_index", family=FAMILY, isolate="always")
def bad_index(context: CheckContext, torch: Any) -> None:
    """MaxUnpool2d refuses an index outside the output instead of writing to other memory."""
    pooled = context.to_device(context.rand(1, 1, 2, 2))
    outside = torch.full((1, 1, 2, 2), 10**6, device=context.device)

    def write() -> None:
        out = torch.nn.MaxUnpool2d(2)(pooled, outside)
        out.sum().item()  # a GPU reports the error only when the result is read

    context.raises("index 1000000 in an image of 16", write, RuntimeError)
