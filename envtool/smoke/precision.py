"""Which arithmetic is asked for, and which one was used."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Tuple

import torch


def ieee() -> None:
    """Ask for full float32 arithmetic in products and convolutions."""
    _allow_tf32(False, False)


@contextmanager
def tf32(products: bool = True) -> Iterator[None]:
    """Allow TensorFloat-32 in convolutions, and in ``products``; without them it is what torch does by itself."""
    _allow_tf32(products, True)
    try:
        yield
    finally:
        ieee()


def _allow_tf32(products: bool, convolutions: bool) -> None:
    # These old names also set the new ones of torch 2.9, fp32_precision. The new ones leave the old as they are, and
    # torch refuses to answer where both disagree: also to itself, in cudnn.flags.
    torch.backends.cuda.matmul.allow_tf32 = products
    torch.backends.cudnn.allow_tf32 = convolutions


@contextmanager
def without_cudnn() -> Iterator[None]:
    """Leave cuDNN out. Its own ``flags`` would allow TensorFloat-32 as well."""
    torch.backends.cudnn.enabled = False
    try:
        yield
    finally:
        torch.backends.cudnn.enabled = True


def has_tensor_formats() -> bool:
    """Return whether the GPU computes in bfloat16 and TensorFloat-32; before Ampere it imitates the one at best."""
    return bool(torch.version.hip) or torch.cuda.get_device_capability() >= (8, 0)


# Bands of the norm-wise error of a product of normal matrices: they do not overlap, so the error tells the arithmetic.
BANDS: Tuple[Tuple[str, float, float], ...] = (
    ("float64", 0.0, 1e-12),
    ("ieee float32", 1e-12, 5e-6),
    ("TF32 or float16", 1e-4, 1e-3),
    ("bfloat16", 1e-3, 8e-3),
)


def relative(got: Any, want: Any) -> float:
    """Return the norm-wise error |got - want| / |want| (Frobenius)."""
    got, want = got.detach().double().cpu(), want.detach().double().cpu()
    return float((got - want).norm() / want.norm())


def band(error: float) -> str:
    """Return the arithmetic that makes an error of this size."""
    return next((name for name, low, high in BANDS if low <= error < high), "none known")
