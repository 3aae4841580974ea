"""Figures of a verification report as inline SVG and PNG, without libraries or separate files.

Colours are CSS classes (``c0``, ``c1``, ...), which the page defines for its light and its dark theme.
"""

import base64
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from envtool.i18n import tr

WIDTH, HEIGHT = 460, 260  # in SVG user units
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 10, 26  # margins around the plot
COLOURS = 6

Scale = Callable[[float], float]


def render_figure(figure: Mapping[str, Any]) -> str:
    """Return the HTML of a figure from a result event."""
    body = _KINDS[figure["kind"]](figure)
    return f"<figure><figcaption>{escape(figure['title'])}</figcaption>{body}</figure>"


def _curves(figure: Mapping[str, Any]) -> str:
    series: Mapping[str, Sequence[float]] = figure["series"]
    logarithmic = bool(figure.get("log"))
    values = [v for curve in series.values() for v in curve if math.isfinite(v) and (v > 0 or not logarithmic)]
    if not values:
        return f"<p>{escape(', '.join(series))}: {tr('no finite number')}</p>"
    low, high = min(values), max(values)
    y, ticks = _log_axis(max(low, high * 1e-16), high) if logarithmic else _linear_axis(low, high)
    lines = []
    for index, curve in enumerate(series.values()):
        step = (WIDTH - LEFT - RIGHT) / max(1, len(curve) - 1)
        points = " ".join(f"{LEFT + i * step:.1f},{y(v):.1f}" for i, v in enumerate(curve) if math.isfinite(v))
        lines.append(f'<polyline class="line {_style(index)}" points="{points}"/>')
    return _svg(_grid(ticks, y) + "".join(lines)) + _legend(list(series))


def _points(figure: Mapping[str, Any]) -> str:
    groups: Mapping[str, Sequence[Sequence[float]]] = figure["groups"]
    both = [p for group in groups.values() for p in group]
    side = HEIGHT - TOP - BOTTOM
    x, x_ticks = _linear_axis(min(p[0] for p in both), max(p[0] for p in both), (LEFT, LEFT + side))
    y, y_ticks = _linear_axis(min(p[1] for p in both), max(p[1] for p in both))
    radius = 2 if len(both) > 100 else 4
    dots = [
        f'<circle class="dot {_style(index)}" cx="{x(p[0]):.1f}" cy="{y(p[1]):.1f}" r="{radius}"/>'
        for index, group in enumerate(groups.values())
        for p in group
    ]
    columns = "".join(f'<text class="tick mid" x="{x(v):.1f}" y="{HEIGHT - 8}">{t}</text>' for v, t in x_ticks)
    return _svg(_grid(y_ticks, y, LEFT + side) + columns + "".join(dots), LEFT + side + RIGHT) + _legend(list(groups))


def _bars(figure: Mapping[str, Any]) -> str:
    """Return bars on a logarithmic scale in front of shaded bands, the ranges that their values may be in."""
    bars: Mapping[str, float] = figure["bars"]
    floor = 1e-17
    y, ticks = _log_axis(floor, 0.1)
    shades = "".join(
        f'<rect class="band" x="{LEFT}" width="{WIDTH - LEFT - RIGHT}" y="{y(high):.1f}" '
        f'height="{y(max(low, floor)) - y(high):.1f}"/><text class="tick end" x="{WIDTH - RIGHT - 4}" '
        f'y="{y(high) + 11:.1f}">{escape(name)}</text>'
        for name, low, high in figure.get("bands", ())
    )
    slot = (WIDTH - LEFT - RIGHT - 110) / max(1, len(bars))
    rectangles = "".join(
        f'<rect class="bar {_style(i)}" x="{LEFT + i * slot + slot * 0.2:.1f}" width="{slot * 0.6:.1f}" '
        f'y="{y(max(value, floor)):.1f}" height="{y(floor) - y(max(value, floor)):.1f}"/>'
        f'<text class="tick mid" x="{LEFT + (i + 0.5) * slot:.1f}" y="{HEIGHT - 8}">{escape(name)}</text>'
        for i, (name, value) in enumerate(bars.items())
    )
    return _svg(_grid(ticks[::3], y) + shades + rectangles)


def _pictures(figure: Mapping[str, Any]) -> str:
    size = int(figure["size"])
    scale = max(1, 64 // size)
    images = []
    for number, row in enumerate(figure["pictures"], start=1):
        source = base64.b64encode(grey_png(row, size)).decode()
        label = escape(f"{figure['title']}, {number}")
        images.append(f'<img alt="{label}" width="{size * scale}" src="data:image/png;base64,{source}">')
    return f'<div class="pictures">{"".join(images)}</div>'


def _table(figure: Mapping[str, Any]) -> str:
    head = "".join(f"<th>{escape(c)}</th>" for c in figure["columns"])
    rows = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in figure["rows"])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


_KINDS = {"curves": _curves, "points": _points, "bars": _bars, "pictures": _pictures, "table": _table}


def grey_png(values: Sequence[float], width: int) -> bytes:
    """Return a greyscale PNG file from rows of ``width`` numbers between 0 (black) and 1 (white)."""
    levels = bytes(round(255 * min(1.0, max(0.0, v))) for v in values)
    rows = b"".join(b"\0" + levels[i : i + width] for i in range(0, len(levels), width))
    header = struct.pack(">IIBBBBB", width, len(levels) // width, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _style(index: int) -> str:
    """Return the CSS classes of a series: every six series, the colours repeat with another dash pattern."""
    return f"c{index % COLOURS} d{index // COLOURS}"


def _svg(body: str, width: float = WIDTH) -> str:
    return f'<svg viewBox="0 0 {width:g} {HEIGHT}" width="{width:g}" role="img">{body}</svg>'


def _legend(names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    keys = (f'<span><i class="key {_style(i)}"></i>{escape(name)}</span>' for i, name in enumerate(names))
    return f'<p class="legend">{"".join(keys)}</p>'


def _grid(ticks: Sequence[tuple[float, str]], y: Scale, right: float = WIDTH - RIGHT) -> str:
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{right:g}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>'
        f'<text class="tick end" x="{LEFT - 6}" y="{y(v) + 4:.1f}">{t}</text>'
        for v, t in ticks
    )


def _linear_axis(
    low: float, high: float, ends: tuple[float, float] = (HEIGHT - BOTTOM, TOP)
) -> tuple[Scale, list[tuple[float, str]]]:
    """Return a linear scale from numbers to positions, and its ticks at about six round numbers, with labels.

    ``ends`` are the positions of the ends of the axis.
    """
    span = (high - low) or abs(high) or 1.0
    step = 10 ** math.floor(math.log10(span / 2))
    step = next(s for s in (step, 2 * step, 5 * step, 10 * step) if span / s <= 6)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    count = round((high - low) / step)
    ticks = [(v, f"{v:.4g}") for v in (low + i * step for i in range(count + 1))]
    return lambda v: ends[0] + (v - low) / (high - low or 1.0) * (ends[1] - ends[0]), ticks


def _log_axis(low: float, high: float) -> tuple[Scale, list[tuple[float, str]]]:
    """Return a vertical logarithmic scale from positive numbers to positions, and its ticks with labels."""
    first, last = math.floor(math.log10(low)), max(math.ceil(math.log10(high)), math.floor(math.log10(low)) + 1)
    stride = max(1, (last - first) // 6)
    ticks = [(10.0**e, f"1e{e}") for e in range(first, last + 1, stride)]

    def position(v: float) -> float:
        fraction = (math.log10(max(v, 10.0**first)) - first) / (last - first)
        return HEIGHT - BOTTOM + fraction * (TOP - HEIGHT + BOTTOM)

    return position, ticks
