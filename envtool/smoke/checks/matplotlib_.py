"""Matplotlib: pictures that show what was drawn, and a font that has Chinese in it."""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import EXACT, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "Matplotlib"


def _pixels(numpy: Any, figure: Any) -> Any:
    """Return the picture of a figure as numbers (height, width, 4)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return numpy.asarray(canvas.buffer_rgba()).astype("int64")


@check("matplotlib.picture", family=FAMILY, suite="quick")
def picture(lab: Lab, matplotlib: Any, numpy: Any) -> None:
    """A line, a bar and an image are where they were drawn, in their colours; PNG, SVG and PDF are written."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set_xlim(0, 4)
    axes.set_ylim(0, 3)
    axes.bar([1], [1.5], width=1, color="#ff0000")
    axes.plot([2, 4], [3, 1], color="#0000ff", linewidth=3)
    pixels = _pixels(numpy, figure)
    lab.exact("size", list(pixels.shape), [300, 400, 4])
    red = (pixels[..., 0] > 200) & (pixels[..., 1] < 50) & (pixels[..., 2] < 50)
    lab.measure(
        "area of the bar, relative", abs(red.sum() / (100 * 150) - 1), Gate(0.03, "its outline: a pixel on each side")
    )
    lab.measure("middle of the bar, pixels", abs(numpy.nonzero(red)[1].mean() - 99.5), Gate(1.0, "one pixel"))
    blue = numpy.nonzero((pixels[..., 2] > 200) & (pixels[..., 0] < 50))
    lab.holds("the line is there", len(blue[0]))
    if not len(blue[0]):
        return
    slope = numpy.polyfit(blue[1], blue[0], 1)[0]
    lab.measure("slope of the line", abs(slope - 1), Gate(0.02, "pixels of a line that is 3 wide"))
    for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        out = io.BytesIO()
        figure.savefig(out, format=kind)
        lab.holds(kind + " is written", out.getvalue().startswith(magic))


@check("matplotlib.image", family=FAMILY, suite="quick")
def image(lab: Lab, matplotlib: Any, numpy: Any) -> None:
    """A colour map goes through imshow, PNG and back to the same numbers."""
    import matplotlib.image as codec
    from matplotlib import colors

    ramp = numpy.linspace(0, 1, 12).reshape(3, 4)
    grey = colors.LinearSegmentedColormap.from_list("grey", ["black", "white"])
    out = io.BytesIO()
    codec.imsave(out, ramp, cmap=grey, vmin=0, vmax=1, format="png")
    out.seek(0)
    again = codec.imread(out)
    lab.measure("grey levels", numpy.abs(again[..., 0] - ramp).max(), Gate(1 / 200, "8 bits"))


CHINESE = "中文测试"
# Parts of the file names of fonts with Chinese in them. The files are asked, not matplotlib's list of fonts: that is
# cached, and the usual reason why a font that was just installed is not found.
FONTS = (
    "cjk",
    "sourcehan",
    "wqy",
    "simhei",
    "simsun",
    "msyh",
    "pingfang",
    "heiti",
    "songti",
    "uming",
    "ukai",
    "fallback",
)


@check("matplotlib.chinese", family=FAMILY, suite="quick", advisory=True)
def chinese(lab: Lab, matplotlib: Any, numpy: Any) -> None:
    """Chinese characters are drawn as themselves, not as boxes, wherever a font on this machine has them."""
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    files = [f for f in sorted(font_manager.findSystemFonts()) if any(n in os.path.basename(f).lower() for n in FONTS)]
    fonts = [f for f in files if ord(CHINESE[0]) in font_manager.get_font(f).get_charmap()]
    lab.measure(
        "fonts with Chinese in them (fonts-noto-cjk has some)",
        len(fonts),
        Gate(1, "without one, titles in Chinese are boxes", floor=True),
    )
    if not fonts:
        return
    font = font_manager.FontProperties(fname=fonts[0])

    def drawn(text: str) -> Any:
        figure = Figure(figsize=(1, 1), dpi=60)
        figure.text(0.1, 0.3, text, fontproperties=font, fontsize=24)
        return _pixels(numpy, figure)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a missing glyph
        shapes = [drawn(character).tobytes() for character in CHINESE]
    lab.note("font", os.path.basename(fonts[0]))
    lab.measure("characters that look like another", len(shapes) - len(set(shapes)), EXACT)
    lab.holds("and none is empty", drawn(" ").tobytes() not in shapes)
