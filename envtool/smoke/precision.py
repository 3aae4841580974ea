"""Which arithmetic is asked for, and which one was used."""

from __future__ import annotations

from typing import Any, Tuple

import torch


def ieee() -> None:
    """Ask for full float32 arithmetic in products and convolutions."""
    _set("ieee", False)


def tf32() -> None:
    """Allow TensorFloat-32 in products and convolutions."""
    _set("tf32", True)


def _set(name: str, allowed: bool) -> None:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    try:
        # torch 2.9 has a new switch and refuses a mixture of both; older ones have only the old one.
        matmul.fp32_precision = name
        cudnn.conv.fp32_precision = name
        cudnn.rnn.fp32_precision = name
    except (AttributeError, AssertionError):  # torch 1.13 asserts
        matmul.allow_tf32 = allowed
        cudnn.allow_tf32 = allowed


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
