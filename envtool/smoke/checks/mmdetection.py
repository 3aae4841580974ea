"""MMDetection, where it is installed: its compiled operations, and a detector that learns a picture by heart."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..registry import Skip, check
from ..tolerances import EXACT, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "MMDetection"


@check("mmdet.operations", family=FAMILY, alone="always", limit=180)
def operations(lab: Lab, torch: Any, mmcv: Any) -> None:
    """mmcv's nms, RoI align, focal loss and deformable convolution against plain torch."""
    from .. import detection

    try:
        from mmcv import ops
    except ImportError as error:
        if "_ext" in str(error):
            raise Skip("mmcv %s has no compiled operations (mmcv-lite)" % mmcv.__version__) from None
        raise
    boxes, scores = detection.random_boxes(lab, 60)
    _, kept = ops.nms(*lab.here(boxes, scores), 0.4)
    lab.exact("nms", kept, detection.nms(boxes, scores, 0.4))
    image = lab.randn(1, 3, 16, 16)
    rois = torch.tensor([[0, 1.3, 2.1, 9.7, 12.2], [0, 4.0, 0.5, 15.0, 7.5]]).double()
    aligned = ops.roi_align(*lab.here(image, rois), (3, 3), 1.0, 2, "avg", True)
    lab.near("roi_align", aligned, detection.roi_align(image, rois, 3, 2))
    x, w = lab.randn(2, 4, 7, 7), lab.randn(5, 4, 3, 3)
    still = torch.zeros(2, 18, 5, 5, device=lab.device)
    here, kernel = lab.here(x, w)
    # Offsets of a whole pixel are a convolution of the picture moved by one; beyond its edge are zeros.
    moved = torch.nn.functional.pad(here, (0, 1, 0, 1))[..., 1:, 1:]
    for name, offset, picture in (("without offsets", 0, here), ("moved by a pixel", 1, moved)):
        got = ops.deform_conv2d(here, still + offset, kernel, 1, 0, 1, 1, 1)
        lab.near("deform_conv2d " + name, got, torch.conv2d(picture, kernel))
    if lab.on_gpu:  # mmcv has it compiled for GPUs only
        z, y = lab.randn(6, 4), lab.integers(4, 6)
        p = 1 / (1 + (-z).exp())
        t = torch.nn.functional.one_hot(y, 4).double()
        right = t * p + (1 - t) * (1 - p)
        want = -(t * 0.25 + (1 - t) * 0.75) * (1 - right) ** 2 * right.log()
        got = ops.sigmoid_focal_loss(*lab.here(z, y), 2.0, 0.25, None, "none")
        lab.near("focal loss", got, want)


@check("mmdet.detector", family=FAMILY, alone="always", limit=240)
def detector(lab: Lab, torch: Any, mmdet: Any) -> None:
    """A YOLOX-nano built from mmdet's own configuration learns one picture with two boxes by heart."""
    from mmdet.registry import MODELS
    from mmdet.structures import DetDataSample
    from mmdet.utils import register_all_modules
    from mmengine.config import Config
    from mmengine.structures import InstanceData

    from ..detection import overlap

    register_all_modules()
    folder = os.path.join(os.path.dirname(mmdet.__file__), ".mim", "configs", "yolox")
    if not os.path.isdir(folder):
        raise Skip("this mmdet came without its configurations")
    config = Config.fromfile(os.path.join(folder, "yolox_nano_8xb8-300e_coco.py")).model
    config.data_preprocessor = None
    config.bbox_head.num_classes = 2
    model = MODELS.build(config).to(lab.device)
    picture = 0.1 * lab.here(lab.randn(1, 3, 64, 64))
    boxes = torch.tensor([[8.0, 8.0, 28.0, 24.0], [34.0, 30.0, 58.0, 60.0]], device=lab.device)
    for number, (x1, y1, x2, y2) in enumerate(boxes.int().tolist()):
        picture[:, number, y1:y2, x1:x2] += 2.0
    sample = DetDataSample(metainfo={"img_shape": (64, 64), "ori_shape": (64, 64), "scale_factor": (1.0, 1.0)})
    sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.tensor([0, 1], device=lab.device))
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=2e-3), []
    model.train()
    for _ in range(160):
        optimizer.zero_grad()
        loss = sum(value for name, value in model.loss(picture, [sample]).items() if "loss" in name)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    lab.measure("loss after / before", losses[-1] / losses[0], Gate(0.2, "4 seeds on a CPU: 0.04 to 0.07"))
    with torch.no_grad():  # still with the statistics of this one picture: running ones would need more of them
        found = model.predict(picture, [sample], rescale=False)[0].pred_instances
    lab.measure("boxes found", len(found.scores), Gate(2, "there are two in the picture", floor=True))
    if len(found.scores) < 2:
        return
    best = found.scores.topk(2).indices
    near = overlap(boxes.cpu(), found.bboxes[best].cpu()).max(1).values
    lab.measure(
        "overlap of the worse of two boxes",
        near.min(),
        Gate(0.5, "the usual threshold for a hit; 4 seeds on a CPU: 0.80 to 0.96", floor=True),
    )
    lab.measure("classes that are wrong", len({0, 1} - set(found.labels[best].tolist())), EXACT)
    lab.figure("curves", "YOLOX-nano on one picture: loss", series={"loss": losses}, log=True)
