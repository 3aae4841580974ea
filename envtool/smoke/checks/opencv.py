"""OpenCV: filters, geometry and codecs against formulas and torch, and conflicting installations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import EXACT, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "OpenCV"


@check("opencv.filters", family=FAMILY, suite="quick")
def filters(context: CheckContext, cv2: Any, numpy: Any, torch: Any) -> None:
    """filter2D matches conv2d, blur AvgPool2d, Sobel a difference; grey is .299 R + .587 G + .114 B."""
    image = context.rand(12, 14).numpy().astype("float32")
    kernel = context.randn(3, 3).numpy().astype("float32")
    filtered = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    on_device = context.to_device(torch.tensor(image.tolist()))[None, None]
    weight = context.to_device(torch.tensor(kernel.tolist()))[None, None]
    context.near("filter2D = conv2d", torch.tensor(filtered.tolist()), torch.conv2d(on_device, weight, padding=1)[0, 0])
    box = cv2.blur(image, (3, 3), borderType=cv2.BORDER_CONSTANT)
    pooled = torch.nn.AvgPool2d(3, stride=1, padding=1)(on_device)[0, 0]
    context.near("blur = AvgPool2d", torch.tensor(box.tolist()), pooled)
    ramp = numpy.tile(numpy.arange(10, dtype="float32"), (10, 1))
    slope = cv2.Sobel(ramp, cv2.CV_32F, 1, 0)[1:-1, 1:-1]
    context.measure("Sobel of a ramp is 8", numpy.abs(slope - 8).max(), EXACT)
    bgr = (context.rand(8, 9, 3) * 255).numpy().astype("uint8")
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype("float64")
    want = bgr.astype("float64") @ numpy.array([0.114, 0.587, 0.299])
    context.measure(
        "grey levels", numpy.abs(grey - want).max(), Tolerance(1.0, "8-bit fixed-point arithmetic: one level")
    )


@check("opencv.geometry", family=FAMILY, suite="quick")
def geometry(context: CheckContext, cv2: Any, numpy: Any, torch: Any) -> None:
    """resize matches interpolate, a homography is recovered, a filled rectangle has the right area and contour."""
    image = context.rand(6, 8).numpy().astype("float32")
    resized = cv2.resize(image, (16, 12), interpolation=cv2.INTER_LINEAR)
    on_device = context.to_device(torch.tensor(image.tolist()))[None, None]
    interpolated = torch.nn.functional.interpolate(on_device, scale_factor=2, mode="bilinear", align_corners=False)[
        0, 0
    ]
    context.near("bilinear resize = interpolate", torch.tensor(resized.tolist()), interpolated)
    turned = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
    context.measure("rotation", numpy.abs(turned - numpy.rot90(image, -1)).max(), EXACT)
    corners = numpy.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype="float32")
    moved = numpy.array([[1, 2], [12, 1], [13, 14], [-1, 11]], dtype="float32")
    found = cv2.getPerspectiveTransform(corners, moved)
    mapped = numpy.concatenate([corners, numpy.ones((4, 1))], 1) @ found.T
    context.measure(
        "homography", numpy.abs(mapped[:, :2] / mapped[:, 2:] - moved).max(), Tolerance(1e-4, "float32 points")
    )
    canvas = numpy.zeros((40, 50), dtype="uint8")
    cv2.rectangle(canvas, (5, 6), (24, 15), 255, -1)
    context.measure("area of a rectangle", abs(int((canvas > 0).sum()) - 20 * 10), EXACT)
    contours = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[-2]
    context.exact("bounding box of a rectangle", list(cv2.boundingRect(contours[0])), [5, 6, 20, 10])


@check("opencv.codecs", family=FAMILY, suite="quick")
def codecs(context: CheckContext, cv2: Any, numpy: Any) -> None:
    """PNG is lossless, JPEG is close to the original, and text is drawn."""
    smooth = numpy.fromfunction(lambda y, x, c: 3 * y + 2 * x + 30 * c, (32, 48, 3)).astype("uint8")
    ok, packed = cv2.imencode(".png", smooth)
    context.holds("PNG is written", ok)
    context.measure("PNG", (cv2.imdecode(packed, cv2.IMREAD_COLOR) != smooth).sum(), EXACT)
    ok, packed = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 95])
    error = cv2.imdecode(packed, cv2.IMREAD_COLOR).astype("float64") - smooth
    context.measure(
        "JPEG, mean error in levels",
        numpy.abs(error).mean(),
        Tolerance(3.0, "quality 95 on a smooth image: 1 or less"),
    )
    canvas = numpy.zeros((40, 120), dtype="uint8")
    cv2.putText(canvas, "torch", (5, 28), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2)
    ink = float((canvas > 0).mean())
    context.measure("pixels drawn for a word, lower bound", ink, Tolerance(0.05, "a word of five letters", floor=True))
    context.measure("pixels drawn for a word, upper bound", ink, Tolerance(0.5, "a word of five letters"))


@check("opencv.one", family=FAMILY, suite="quick")
def one_distribution(context: CheckContext, cv2: Any) -> None:
    """Only one distribution provides cv2: two overwrite each other's files, and removing one breaks the other."""
    from importlib.metadata import distributions

    names = {"opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"}
    owners = sorted(
        {str(d.metadata["Name"]).lower() for d in distributions() if str(d.metadata["Name"]).lower() in names}
    )
    context.fact("owners", owners or ["none from PyPI: conda, or built locally"])
    context.fact("version", cv2.__version__)
    context.measure("distributions beyond the first: %s" % ", ".join(owners), max(0, len(owners) - 1), EXACT)
