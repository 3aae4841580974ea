"""Control of the arithmetic that torch may use, and detection of the arithmetic it used."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Tuple

import torch


def ieee() -> None:
    """Select full float32 arithmetic for matrix products and convolutions."""
    _allow_tf32(False, False)


@contextmanager
def tf32(products: bool = True) -> Iterator[None]:
    """Allow TensorFloat-32 in convolutions and, with ``products``, in matrix products."""
    _allow_tf32(products, True)
    try:
        yield
    finally:
        ieee()


def _allow_tf32(products: bool, convolutions: bool) -> None:
    # These settings also set fp32_precision, their successor in torch 2.9, but not the other way round. Where the two
    # disagree, torch raises an error when they are read, which its own cudnn.flags does.
    torch.backends.cuda.matmul.allow_tf32 = products
    torch.backends.cudnn.allow_tf32 = convolutions


@contextmanager
def without_cudnn() -> Iterator[None]:
    """Disable cuDNN. torch.backends.cudnn.flags would also allow TensorFloat-32."""
    torch.backends.cudnn.enabled = False
    try:
        yield
    finally:
        torch.backends.cudnn.enabled = True


def supports_bf16_and_tf32() -> bool:
    """Return whether the GPU supports bfloat16 and TensorFloat-32. Before Ampere, bfloat16 is emulated at best."""
    return bool(torch.version.hip) or torch.cuda.get_device_capability() >= (8, 0)


# Ranges of the norm-wise error of a product of normal matrices. They do not overlap, so the error tells the arithmetic.
BANDS: Tuple[Tuple[str, float, float], ...] = (
    ("float64", 0.0, 1e-12),
    ("ieee float32", 1e-12, 5e-6),
    ("TF32 or float16", 1e-4, 1e-3),
    ("bfloat16", 1e-3, 8e-3),
)


def relative_error(got: Any, want: Any) -> float:
    """Return the norm-wise error |got - want| / |want| (Frobenius)."""
    got, want = got.detach().double().cpu(), want.detach().double().cpu()
    return float((got - want).norm() / want.norm())


def arithmetic_of(error: float) -> str:
    """Return the name of the arithmetic that produces an error of this size."""
    return next((name for name, low, high in BANDS if low <= error < high), "unknown")
