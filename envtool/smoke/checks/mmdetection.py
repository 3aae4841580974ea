"""MMDetection, if installed: the compiled operations of mmcv, and a detector that overfits one image."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..registry import Skip, check
from ..tolerances import EXACT, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "MMDetection"


@check("mmdet.operations", family=FAMILY, isolate="always", limit=180)
def operations(context: CheckContext, torch: Any, mmcv: Any) -> None:
    """nms, RoI align, focal loss and deformable convolution of mmcv match plain torch."""
    from .. import detection

    try:
        from mmcv import ops
    except ImportError as error:
        if "_ext" in str(error):
            raise Skip("mmcv %s has no compiled operations (is it mmcv-lite?)" % mmcv.__version__) from None
        raise
    boxes, scores = detection.random_boxes(context, 60)
    _, kept = ops.nms(*context.to_device(boxes, scores), 0.4)
    context.exact("nms", kept, detection.nms(boxes, scores, 0.4))
    image = context.randn(1, 3, 16, 16)
    rois = torch.tensor([[0, 1.3, 2.1, 9.7, 12.2], [0, 4.0, 0.5, 15.0, 7.5]]).double()
    aligned = ops.roi_align(*context.to_device(image, rois), (3, 3), 1.0, 2, "avg", True)
    context.near("roi_align", aligned, detection.roi_align(image, rois, 3, 2))
    x, w = context.randn(2, 4, 7, 7), context.randn(5, 4, 3, 3)
    no_offset = torch.zeros(2, 18, 5, 5, device=context.device)
    on_device, kernel = context.to_device(x, w)
    # With offsets of one pixel it is the convolution of the shifted image, with zeros beyond its edge.
    moved = torch.nn.functional.pad(on_device, (0, 1, 0, 1))[..., 1:, 1:]
    for name, offset, picture in (("without offsets", 0, on_device), ("with offsets of one pixel", 1, moved)):
        got = ops.deform_conv2d(on_device, no_offset + offset, kernel, 1, 0, 1, 1, 1)
        context.near("deform_conv2d " + name, got, torch.conv2d(picture, kernel))
    if context.on_gpu:  # mmcv compiles it for GPUs only
        z, y = context.randn(6, 4), context.integers(4, 6)
        p = 1 / (1 + (-z).exp())
        t = torch.nn.functional.one_hot(y, 4).double()
        p_true = t * p + (1 - t) * (1 - p)
        want = -(t * 0.25 + (1 - t) * 0.75) * (1 - p_true) ** 2 * p_true.log()
        got = ops.sigmoid_focal_loss(*context.to_device(z, y), 2.0, 0.25, None, "none")
        context.near("focal loss", got, want)


@check("mmdet.detector", family=FAMILY, isolate="always", limit=240)
def detector(context: CheckContext, torch: Any, mmdet: Any) -> None:
    """A YOLOX-nano built from mmdet's configuration overfits one image with two boxes."""
    from mmdet.registry import MODELS
    from mmdet.structures import DetDataSample
    from mmdet.utils import register_all_modules
    from mmengine.config import Config
    from mmengine.structures import InstanceData

    from ..detection import iou

    register_all_modules()
    folder = os.path.join(os.path.dirname(mmdet.__file__), ".mim", "configs", "yolox")
    if not os.path.isdir(folder):
        raise Skip("mmdet was installed without its configuration files")
    config = Config.fromfile(os.path.join(folder, "yolox_nano_8xb8-300e_coco.py")).model
    config.data_preprocessor = None
    config.bbox_head.num_classes = 2
    model = MODELS.build(config).to(context.device)
    picture = 0.1 * context.to_device(context.randn(1, 3, 64, 64))
    boxes = torch.tensor([[8.0, 8.0, 28.0, 24.0], [34.0, 30.0, 58.0, 60.0]], device=context.device)
    for number, (x1, y1, x2, y2) in enumerate(boxes.int().tolist()):
        picture[:, number, y1:y2, x1:x2] += 2.0
    sample = DetDataSample(metainfo={"img_shape": (64, 64), "ori_shape": (64, 64), "scale_factor": (1.0, 1.0)})
    sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.tensor([0, 1], device=context.device))
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=2e-3), []
    model.train()
    for _ in range(160):
        optimizer.zero_grad()
        loss = sum(value for name, value in model.loss(picture, [sample]).items() if "loss" in name)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    context.measure("loss after / before", losses[-1] / losses[0], Tolerance(0.2, "4 seeds on a CPU: 0.04 to 0.07"))
    with torch.no_grad():  # in training mode: running statistics would need more than one image
        found = model.predict(picture, [sample], rescale=False)[0].pred_instances
    context.measure("boxes found", len(found.scores), Tolerance(2, "the image has two", floor=True))
    if len(found.scores) < 2:
        return
    best = found.scores.topk(2).indices
    near = iou(boxes.cpu(), found.bboxes[best].cpu()).max(1).values
    context.measure(
        "lower IoU of the two boxes",
        near.min(),
        Tolerance(0.5, "the usual threshold for a hit; 4 seeds on a CPU: 0.80 to 0.96", floor=True),
    )
    context.measure("wrong classes", len({0, 1} - set(found.labels[best].tolist())), EXACT)
    context.figure("curves", "YOLOX-nano on one image: loss", series={"loss": losses}, log=True)
