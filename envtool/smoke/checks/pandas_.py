"""Pandas: grouping, joining, reading, writing, and conversion to torch, against known answers."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import F64

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "Pandas"


@check("pandas.frames", family=FAMILY, suite="quick")
def frames(context: CheckContext, pandas: Any) -> None:
    """groupby, merge, pivot, rolling mean, quantiles and missing values give the known answers."""
    rows = [("a", 1, 2.0), ("b", 2, 4.0), ("a", 3, 6.0), ("b", 4, math.nan), ("c", 5, 10.0)]
    table = pandas.DataFrame(rows, columns=["key", "n", "x"])
    context.exact("sums by key", table.groupby("key")["n"].sum().tolist(), [4, 6, 5])
    context.exact("means skip missing values", table.groupby("key")["x"].mean().tolist(), [4.0, 4.0, 10.0])
    other = pandas.DataFrame({"key": ["a", "c", "d"], "y": [10, 30, 40]})
    joined = table.merge(other, on="key", how="inner")
    context.exact("inner join", joined["y"].tolist(), [10, 10, 30])
    context.exact("outer join", len(table.merge(other, on="key", how="outer")), 6)
    wide = table.pivot_table(index="key", values="n", aggfunc="max")
    context.exact("pivot", wide["n"].tolist(), [3, 4, 5])
    context.exact("rolling mean", table["n"].rolling(2).mean().tolist()[1:], [1.5, 2.5, 3.5, 4.5])
    context.exact("median", table["n"].quantile(0.5), 3.0)
    # The unbiased variance of 1 .. 5 is 2.5.
    context.measure("variance", abs(table["n"].var() - 2.5), F64)
    context.exact("sorted", table.sort_values("n", ascending=False)["n"].tolist(), [5, 4, 3, 2, 1])


@check("pandas.files", family=FAMILY, suite="quick")
def files(context: CheckContext, pandas: Any) -> None:
    """CSV and JSON round trips preserve numbers, dates and Chinese text."""
    table = pandas.DataFrame(
        {
            "城市": ["北京", "上海"],
            "n": [1, 2],
            "x": [0.1, 1 / 3],
            "day": pandas.to_datetime(["2024-02-29", "2026-11-23"]),
        }
    )
    restored = pandas.read_csv(io.StringIO(table.to_csv(index=False)), parse_dates=["day"])
    context.holds("CSV: text", restored["城市"].tolist() == table["城市"].tolist())
    context.exact("CSV: numbers", restored["x"].tolist(), table["x"].tolist())
    context.holds("CSV: dates", (restored["day"] == table["day"]).all())
    context.holds(
        "the day after 29 February", str((table["day"] + pandas.Timedelta(days=1)).iloc[0].date()) == "2024-03-01"
    )
    from_json = pandas.read_json(io.StringIO(table[["城市", "n"]].to_json(orient="records")))
    context.holds("JSON", from_json["城市"].tolist() == table["城市"].tolist() and from_json["n"].tolist() == [1, 2])


@check("pandas.torch", family=FAMILY, suite="quick")
def bridge(context: CheckContext, pandas: Any, torch: Any) -> None:
    """A frame converts to a tensor, from which a least-squares fit recovers the line that generated the data."""
    x = context.randn(200)
    table = pandas.DataFrame({"x": x.tolist(), "y": (3 * x - 2).tolist()})
    data = context.to_device(torch.tensor(table[["x", "y"]].values), dtype=torch.float64)
    design = torch.stack([data[:, 0], torch.ones_like(data[:, 0])], 1)
    fit = torch.linalg.solve(design.T @ design, design.T @ data[:, 1])
    context.near("slope and intercept", fit, torch.tensor([3.0, -2.0], dtype=torch.float64), F64)
