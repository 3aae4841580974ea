"""Pandas: grouping, joining, reading and writing against answers worked out by hand."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import F64

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "Pandas"


@check("pandas.frames", family=FAMILY, suite="quick")
def frames(lab: Lab, pandas: Any) -> None:
    """groupby, merge, pivot, rolling mean, quantiles and missing values against plain Python."""
    rows = [("a", 1, 2.0), ("b", 2, 4.0), ("a", 3, 6.0), ("b", 4, math.nan), ("c", 5, 10.0)]
    table = pandas.DataFrame(rows, columns=["key", "n", "x"])
    lab.exact("sums by key", table.groupby("key")["n"].sum().tolist(), [4, 6, 5])
    lab.exact("means skip what is missing", table.groupby("key")["x"].mean().tolist(), [4.0, 4.0, 10.0])
    other = pandas.DataFrame({"key": ["a", "c", "d"], "y": [10, 30, 40]})
    joined = table.merge(other, on="key", how="inner")
    lab.exact("inner join", joined["y"].tolist(), [10, 10, 30])
    lab.exact("outer join", len(table.merge(other, on="key", how="outer")), 6)
    wide = table.pivot_table(index="key", values="n", aggfunc="max")
    lab.exact("pivot", wide["n"].tolist(), [3, 4, 5])
    lab.exact("rolling mean", table["n"].rolling(2).mean().tolist()[1:], [1.5, 2.5, 3.5, 4.5])
    lab.exact("median", table["n"].quantile(0.5), 3.0)
    # The unbiased variance of 1 .. 5 is 2.5.
    lab.measure("variance", abs(table["n"].var() - 2.5), F64)
    lab.exact("sorted", table.sort_values("n", ascending=False)["n"].tolist(), [5, 4, 3, 2, 1])


@check("pandas.files", family=FAMILY, suite="quick")
def files(lab: Lab, pandas: Any) -> None:
    """CSV and JSON there and back, Chinese text and dates included."""
    table = pandas.DataFrame(
        {
            "城市": ["北京", "上海"],
            "n": [1, 2],
            "x": [0.1, 1 / 3],
            "day": pandas.to_datetime(["2024-02-29", "2026-11-23"]),
        }
    )
    again = pandas.read_csv(io.StringIO(table.to_csv(index=False)), parse_dates=["day"])
    lab.holds("CSV: text", again["城市"].tolist() == table["城市"].tolist())
    lab.exact("CSV: numbers", again["x"].tolist(), table["x"].tolist())
    lab.holds("CSV: dates", (again["day"] == table["day"]).all())
    lab.holds(
        "the day after 29 February", str((table["day"] + pandas.Timedelta(days=1)).iloc[0].date()) == "2024-03-01"
    )
    packed = pandas.read_json(io.StringIO(table[["城市", "n"]].to_json(orient="records")))
    lab.holds("JSON", packed["城市"].tolist() == table["城市"].tolist() and packed["n"].tolist() == [1, 2])


@check("pandas.torch", family=FAMILY, suite="quick")
def bridge(lab: Lab, pandas: Any, torch: Any) -> None:
    """A frame becomes a tensor: a least-squares fit recovers the line that the numbers were made from."""
    x = lab.randn(200)
    table = pandas.DataFrame({"x": x.tolist(), "y": (3 * x - 2).tolist()})
    data = lab.here(torch.tensor(table[["x", "y"]].values), dtype=torch.float64)
    design = torch.stack([data[:, 0], torch.ones_like(data[:, 0])], 1)
    fit = torch.linalg.solve(design.T @ design, design.T @ data[:, 1])
    lab.near("slope and intercept", fit, torch.tensor([3.0, -2.0], dtype=torch.float64), F64)
