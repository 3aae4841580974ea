"""OpenCV: filters, geometry and codecs against formulas and against torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import EXACT, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "OpenCV"


@check("opencv.filters", family=FAMILY, suite="quick")
def filters(lab: Lab, cv2: Any, numpy: Any, torch: Any) -> None:
    """filter2D is torch's convolution, blur its average pool, Sobel a difference; grey is .299 R + .587 G + .114 B."""
    image = lab.rand(12, 14).numpy().astype("float32")
    kernel = lab.randn(3, 3).numpy().astype("float32")
    mine = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    here = lab.here(torch.tensor(image.tolist()))[None, None]
    weight = lab.here(torch.tensor(kernel.tolist()))[None, None]
    lab.near("filter2D = conv2d", torch.tensor(mine.tolist()), torch.conv2d(here, weight, padding=1)[0, 0])
    box = cv2.blur(image, (3, 3), borderType=cv2.BORDER_CONSTANT)
    pooled = torch.nn.AvgPool2d(3, stride=1, padding=1)(here)[0, 0]
    lab.near("blur = AvgPool2d", torch.tensor(box.tolist()), pooled)
    ramp = numpy.tile(numpy.arange(10, dtype="float32"), (10, 1))
    slope = cv2.Sobel(ramp, cv2.CV_32F, 1, 0)[1:-1, 1:-1]
    lab.measure("Sobel of a ramp is 8", numpy.abs(slope - 8).max(), EXACT)
    bgr = (lab.rand(8, 9, 3) * 255).numpy().astype("uint8")
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype("float64")
    want = bgr.astype("float64") @ numpy.array([0.114, 0.587, 0.299])
    lab.measure("grey", numpy.abs(grey - want).max(), Gate(1.0, "fixed point in 8 bits: one level"))


@check("opencv.geometry", family=FAMILY, suite="quick")
def geometry(lab: Lab, cv2: Any, numpy: Any, torch: Any) -> None:
    """resize is torch's interpolation, a homography is found again, a filled rectangle has its area and contour."""
    image = lab.rand(6, 8).numpy().astype("float32")
    bigger = cv2.resize(image, (16, 12), interpolation=cv2.INTER_LINEAR)
    here = lab.here(torch.tensor(image.tolist()))[None, None]
    theirs = torch.nn.functional.interpolate(here, scale_factor=2, mode="bilinear", align_corners=False)[0, 0]
    lab.near("bilinear resize = interpolate", torch.tensor(bigger.tolist()), theirs)
    turned = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
    lab.measure("rotation", numpy.abs(turned - numpy.rot90(image, -1)).max(), EXACT)
    corners = numpy.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype="float32")
    moved = numpy.array([[1, 2], [12, 1], [13, 14], [-1, 11]], dtype="float32")
    found = cv2.getPerspectiveTransform(corners, moved)
    ahead = numpy.concatenate([corners, numpy.ones((4, 1))], 1) @ found.T
    lab.measure("homography", numpy.abs(ahead[:, :2] / ahead[:, 2:] - moved).max(), Gate(1e-4, "float32 points"))
    canvas = numpy.zeros((40, 50), dtype="uint8")
    cv2.rectangle(canvas, (5, 6), (24, 15), 255, -1)
    lab.measure("area of a rectangle", abs(int((canvas > 0).sum()) - 20 * 10), EXACT)
    contours = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[-2]
    lab.exact("its bounding box", list(cv2.boundingRect(contours[0])), [5, 6, 20, 10])


@check("opencv.codecs", family=FAMILY, suite="quick")
def codecs(lab: Lab, cv2: Any, numpy: Any) -> None:
    """PNG there and back is exact, JPEG close; text leaves ink on the canvas."""
    smooth = numpy.fromfunction(lambda y, x, c: 3 * y + 2 * x + 30 * c, (32, 48, 3)).astype("uint8")
    ok, packed = cv2.imencode(".png", smooth)
    lab.holds("PNG is written", ok)
    lab.measure("PNG", (cv2.imdecode(packed, cv2.IMREAD_COLOR) != smooth).sum(), EXACT)
    ok, packed = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 95])
    error = cv2.imdecode(packed, cv2.IMREAD_COLOR).astype("float64") - smooth
    lab.measure(
        "JPEG, mean error in levels", numpy.abs(error).mean(), Gate(3.0, "quality 95 on a smooth picture: 1 or less")
    )
    canvas = numpy.zeros((40, 120), dtype="uint8")
    cv2.putText(canvas, "torch", (5, 28), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2)
    ink = float((canvas > 0).mean())
    lab.measure("ink of a word", ink, Gate(0.05, "a word of five letters", floor=True))
    lab.measure("and not a black box", ink, Gate(0.5, "a word of five letters"))


@check("opencv.one", family=FAMILY, suite="quick")
def one_distribution(lab: Lab, cv2: Any) -> None:
    """Only one distribution owns cv2: two overwrite each other's files, and break when one is removed."""
    from importlib.metadata import distributions

    names = {"opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"}
    owners = sorted(
        {str(d.metadata["Name"]).lower() for d in distributions() if str(d.metadata["Name"]).lower() in names}
    )
    lab.note("owners", owners or ["conda, or built here"])
    lab.note("version", cv2.__version__)
    lab.measure("owners besides the first: %s" % ", ".join(owners), max(0, len(owners) - 1), EXACT)
