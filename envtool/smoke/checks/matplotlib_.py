"""Matplotlib: rendered pixels, image files, and fonts for Chinese."""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import EXACT, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "Matplotlib"


def _pixels(numpy: Any, figure: Any) -> Any:
    """Return the rendered figure as an integer array (height, width, 4)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return numpy.asarray(canvas.buffer_rgba()).astype("int64")


@check("matplotlib.picture", family=FAMILY, suite="quick")
def picture(context: CheckContext, matplotlib: Any, numpy: Any) -> None:
    """A bar and a line are rendered in the right place and colour; PNG, SVG and PDF are written."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set_xlim(0, 4)
    axes.set_ylim(0, 3)
    axes.bar([1], [1.5], width=1, color="#ff0000")
    axes.plot([2, 4], [3, 1], color="#0000ff", linewidth=3)
    pixels = _pixels(numpy, figure)
    context.exact("size", list(pixels.shape), [300, 400, 4])
    red = (pixels[..., 0] > 200) & (pixels[..., 1] < 50) & (pixels[..., 2] < 50)
    context.measure(
        "area of the bar, relative error",
        abs(red.sum() / (100 * 150) - 1),
        Tolerance(0.03, "its outline: one pixel on each side"),
    )
    context.measure("centre of the bar, pixels", abs(numpy.nonzero(red)[1].mean() - 99.5), Tolerance(1.0, "one pixel"))
    blue = numpy.nonzero((pixels[..., 2] > 200) & (pixels[..., 0] < 50))
    context.holds("the line is drawn", len(blue[0]))
    if not len(blue[0]):
        return
    slope = numpy.polyfit(blue[1], blue[0], 1)[0]
    context.measure("slope of the line, error", abs(slope - 1), Tolerance(0.02, "pixels of a line of width 3"))
    for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        out = io.BytesIO()
        figure.savefig(out, format=kind)
        context.holds(kind + " is written", out.getvalue().startswith(magic))


@check("matplotlib.image", family=FAMILY, suite="quick")
def image(context: CheckContext, matplotlib: Any, numpy: Any) -> None:
    """An image with a colour map survives writing to PNG and reading back."""
    import matplotlib.image as image_files
    from matplotlib import colors

    ramp = numpy.linspace(0, 1, 12).reshape(3, 4)
    grey = colors.LinearSegmentedColormap.from_list("grey", ["black", "white"])
    out = io.BytesIO()
    image_files.imsave(out, ramp, cmap=grey, vmin=0, vmax=1, format="png")
    out.seek(0)
    restored = image_files.imread(out)
    context.measure("grey levels", numpy.abs(restored[..., 0] - ramp).max(), Tolerance(1 / 200, "8 bits"))


CHINESE = "中文测试"
# Substrings of the file names of fonts with Chinese characters. The check reads the files and not matplotlib's font
# list, which is cached and often lacks newly installed fonts.
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
def chinese(context: CheckContext, matplotlib: Any, numpy: Any) -> None:
    """Chinese characters are rendered as glyphs, not as boxes; warns if no font on this machine has them."""
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    files = [f for f in sorted(font_manager.findSystemFonts()) if any(n in os.path.basename(f).lower() for n in FONTS)]
    fonts = [f for f in files if ord(CHINESE[0]) in font_manager.get_font(f).get_charmap()]
    context.measure(
        "fonts with Chinese characters (such as fonts-noto-cjk)",
        len(fonts),
        Tolerance(1, "without one, Chinese text is rendered as boxes", floor=True),
    )
    if not fonts:
        return
    font = font_manager.FontProperties(fname=fonts[0])

    def rendered(text: str) -> Any:
        figure = Figure(figsize=(1, 1), dpi=60)
        figure.text(0.1, 0.3, text, fontproperties=font, fontsize=24)
        return _pixels(numpy, figure)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns about missing glyphs
        shapes = [rendered(character).tobytes() for character in CHINESE]
    context.fact("font", os.path.basename(fonts[0]))
    context.measure("characters that look the same as another", len(shapes) - len(set(shapes)), EXACT)
    context.holds("no character is blank", rendered(" ").tobytes() not in shapes)
