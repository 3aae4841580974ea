"""Tests of the HTML report: its figures, and that it is self-contained."""

import re
import struct
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from envtool.operations.report.figures import grey_png, render_figure
from envtool.operations.report.page import NAME, page, write_page
from envtool.operations.steps.verification import CheckResult, Report, VerifyTarget

FIGURES: list[dict[str, Any]] = [
    {"kind": "curves", "title": "Loss & <more>", "series": {"a": [3.0, 0.1, 1e-9, 0.0], "b": [1.0, 1.0]}, "log": True},
    {"kind": "curves", "title": "Flat", "series": {"a": [2.0, 2.0, 2.0]}},
    {"kind": "curves", "title": "Diverged", "series": {"a": [float("nan"), float("inf")]}},
    {"kind": "points", "title": "Modes", "groups": {"real": [[0, 0], [1, 2]], "made": [[-1, 3]]}},
    {"kind": "bars", "title": "Errors", "bars": {"float64": 0.0, "float32": 1e-7}, "bands": [["ieee", 1e-12, 5e-6]]},
    {"kind": "pictures", "title": "Blobs", "size": 2, "pictures": [[0.0, 1.0, 0.5, 7.0]]},
    {"kind": "table", "title": "Rates", "columns": ["what", "rate"], "rows": [["copy", "1 GB/s"]]},
]


def report(**said: object) -> Report:
    row = CheckResult("pool.max", "max pooling", "fail", "off by <one>", 2.0, 1.0, False, "closed form", 0.1, said)
    checks = ({"id": "pool.max", "family": "max pooling", "title": "MaxPool against windows"},)
    facts = {"torch": "2.13.0+cpu", "python": "3.11.7", "platform": "Linux"}
    return Report(VerifyTarget(Path("/opt/v/bin/python")), "cpu", "full", facts, (row,), checks, "fail", 1.5)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: str(figure["title"]))
def test_every_kind_of_figure_is_well_formed(figure: dict[str, Any]) -> None:
    ElementTree.fromstring(re.sub(r"(<img [^>]*)>", r"\1/>", render_figure(figure)))  # HTML does not close <img>


def test_curves_stay_inside_the_plot_and_follow_the_values() -> None:
    points = re.search(r'points="([^"]+)"', render_figure(FIGURES[0]))
    assert points
    positions = [tuple(map(float, pair.split(","))) for pair in points[1].split()]
    assert [y for _, y in positions] == sorted(y for _, y in positions)  # y grows downwards
    assert all(0 <= x <= 460 and 0 <= y <= 260 for x, y in positions)


def test_a_picture_keeps_its_pixels() -> None:
    png = grey_png([0.0, 1.0, 0.5, 7.0], 2)
    assert struct.unpack(">II", png[16:24]) == (2, 2)
    start = png.index(b"IDAT") + 4
    assert zlib.decompress(png[start : png.index(b"IEND") - 8]) == bytes([0, 0, 255, 0, 128, 255])


def test_the_page_is_self_contained(tmp_path: Path) -> None:
    path = write_page(report(figures=FIGURES), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / NAME
    html = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|<script|<link|@import|url\(", html)
    assert "prefers-color-scheme: dark" in html
    assert "off by &lt;one&gt;" in html
    assert html.count("<figure>") == len(FIGURES)


def test_a_page_without_figures_lists_failures() -> None:
    html = page(report())
    assert "GPU not verified" in html
    assert "Failures and warnings" in html
