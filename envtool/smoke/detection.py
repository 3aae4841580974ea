"""Box operations in plain torch: references for the compiled operations of torchvision and mmcv."""

from __future__ import annotations

from typing import Any

import torch


def random_boxes(context: Any, count: int) -> Any:
    """Return ``count`` random boxes (x1, y1, x2, y2) in a 100 x 100 image, and pairwise distinct positive scores."""
    corner, size = context.rand(count, 2, high=80), context.rand(count, 2, low=5, high=40)
    return torch.cat([corner, corner + size], 1), context.distinct(count) - context.distinct(count).min() + 1


def iou(a: Any, b: Any) -> Any:
    """Return the intersection over union of every box in ``a`` with every box in ``b``, as a matrix."""
    low, high = torch.maximum(a[:, None, :2], b[:, :2]), torch.minimum(a[:, None, 2:], b[:, 2:])
    intersection = (high - low).clamp(min=0).prod(2)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(1) for x in (a, b))
    return intersection / (area_a[:, None] + area_b - intersection)


def nms(boxes: Any, scores: Any, threshold: float) -> Any:
    """Return the indices that remain when each box, best first, suppresses those with an IoU above ``threshold``."""
    order, kept = scores.argsort(descending=True).tolist(), []
    ious = iou(boxes, boxes)
    while order:
        best = order.pop(0)
        kept.append(best)
        order = [i for i in order if ious[best, i] <= threshold]
    return torch.tensor(kept)


def roi_align(image: Any, rois: Any, out: int, samples: int) -> Any:
    """Return RoI align (He et al. 2017, aligned): the mean of ``samples`` x ``samples`` bilinear samples per cell."""
    regions = []
    for roi in rois:
        x1, y1, x2, y2 = (roi[1:] - 0.5).tolist()
        steps = (torch.arange(out * samples, dtype=torch.float64) + 0.5) / samples
        ys, xs = y1 + steps * (y2 - y1) / out, x1 + steps * (x2 - x1) / out
        grid = _bilinear(image[int(roi[0])], ys, xs)
        regions.append(grid.reshape(-1, out, samples, out, samples).mean((2, 4)))
    return torch.stack(regions)


def _bilinear(image: Any, ys: Any, xs: Any) -> Any:
    height, width = image.shape[1:]
    ys, xs = ys.clamp(0, height - 1), xs.clamp(0, width - 1)
    y0, x0 = ys.floor().long().clamp(max=height - 2), xs.floor().long().clamp(max=width - 2)
    fy, fx = (ys - y0)[:, None], (xs - x0)[None, :]
    at = lambda dy, dx: image[:, y0 + dy][:, :, x0 + dx]  # noqa: E731
    top = at(0, 0) * (1 - fx) + at(0, 1) * fx
    return top * (1 - fy) + (at(1, 0) * (1 - fx) + at(1, 1) * fx) * fy
