"""A verification report as a self-contained HTML page."""

import time
from html import escape
from itertools import groupby
from pathlib import Path

from envtool.files import write_atomically
from envtool.i18n import tr
from envtool.operations.report.figures import render_figure
from envtool.operations.steps.verification import CheckResult, Report

NAME = "verify-gpu.html"

_STYLE = """
:root { color-scheme: light dark; --ink: #1d232b; --soft: #5d6875; --paper: #fbfbfa; --card: #fff; --rule: #e0e2e5;
  --c0: #2563b8; --c1: #c4501b; --c2: #2a8a55; --c3: #8a4bb0; --c4: #a37a00; --c5: #b8336a; --band: #2563b814;
  --pass: #1e7a45; --fail: #bb2222; --warn: #9a6400; --skip: #5d6875; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --soft: #98a3af; --paper: #14171b; --card: #1c2026;
  --rule: #333a43; --c0: #74a9f2; --c1: #f09563; --c2: #6cca93; --c3: #c79ae6; --c4: #dfb944; --c5: #ef86ae;
  --band: #74a9f21c; --pass: #6cca93; --fail: #ff8080; --warn: #dfb944; --skip: #98a3af; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 66rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
.verdict { font-weight: 650; } .soft, .legend, figcaption, td.source { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: .85rem; }
th, td { padding: .28rem .7rem .28rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
td.number { white-space: nowrap; } td.source, td .soft { font-size: .85rem; }
.mark { font-weight: 600; } .pass { color: var(--pass); } .fail { color: var(--fail); } .warn { color: var(--warn); }
.skip { color: var(--skip); }
.scroll { overflow-x: auto; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 29rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .8rem 1rem 1rem; background: var(--card); border: 1px solid var(--rule);
  border-radius: 8px; }
figcaption { margin-bottom: .5rem; font-size: .9rem; }
svg { display: block; max-width: 100%; height: auto; }
.grid { stroke: var(--rule); } .tick { fill: var(--soft); font-size: 11px; } .end { text-anchor: end; }
.mid { text-anchor: middle; } .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line.d1 { stroke-dasharray: 7 4; } .line.d2 { stroke-dasharray: 2 3; }
.key.d1 { border-radius: 50%; } .key.d2 { height: .25em; vertical-align: .25em; }
.dot { fill-opacity: .55; }
.band { fill: var(--band); }
.legend { margin: .5rem 0 0; font-size: .85rem; display: flex; gap: .3rem 1rem; flex-wrap: wrap; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
.pictures { display: flex; flex-wrap: wrap; gap: 6px; } img { image-rendering: pixelated; display: block; }
""" + "".join(
    f".line.c{i} {{ stroke: var(--c{i}); }} .dot.c{i}, .bar.c{i} {{ fill: var(--c{i}); }} "
    f".key.c{i} {{ background: var(--c{i}); }}\n"
    for i in range(6)
)


def write_page(report: Report, folder: Path) -> Path:
    """Write the page into a folder, which is created if necessary, and return its path."""
    path = folder / NAME
    write_atomically(path, page(report).encode())
    return path


def page(report: Report) -> str:
    """Return the HTML of the page."""
    title = tr("GPU verified") if report.device == "gpu" and report.passed else tr("GPU not verified")
    summary, verdict_class = (tr("no check failed"), "pass") if report.passed else (tr("checks failed"), "fail")
    counts = ", ".join(f"{n} {verdict}" for verdict in ("pass", "warn", "fail", "skip") if (n := report.count(verdict)))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{escape(title)}</h1><p class="verdict {verdict_class}">{escape(summary)}: {escape(counts)}</p>'
        f"{_facts(report)}{_problems(report)}{_figures(report)}{_results(report)}</body></html>\n"
    )


def _facts(report: Report) -> str:
    facts = report.facts
    gpus = [f"{g['name']}, {g['capability']}, {g['memory'] / 2**30:.0f} GiB" for g in facts.get("gpus", ())]
    rows = [
        (tr("device"), "; ".join(gpus) or tr("CPU")),
        (tr("environment"), report.target.name or "-"),
        (tr("interpreter"), str(report.target.python)),
        ("torch", f"{facts.get('torch', '?')}, CUDA {facts.get('cuda') or '-'}"),
        (tr("system"), f"Python {facts.get('python', '?')}, {facts.get('platform', '?')}"),
        (tr("gates"), str(facts.get("calibration", "-"))),
        (tr("created"), time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
        (tr("duration"), f"{report.seconds:.1f} s"),
    ]
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows) + "</dl>"


def _problems(report: Report) -> str:
    rows = [row for row in report.rows if row.verdict in ("fail", "warn")]
    if not rows:
        return ""
    items = "".join(f"<dt>{_mark(row)} {escape(row.id)}</dt><dd>{escape(row.message)}</dd>" for row in rows)
    return f"<h2>{tr('Failures and warnings')}</h2><dl>{items}</dl>"


def _figures(report: Report) -> str:
    figures = [figure for row in report.rows for figure in row.said.get("figures", ())]
    if not figures:
        return ""
    return f'<h2>{tr("Figures")}</h2><div class="figures">{"".join(map(render_figure, figures))}</div>'


def _results(report: Report) -> str:
    titles = {check["id"]: check["title"] for check in report.checks}
    parts = []
    for family, rows in groupby(report.rows, key=lambda row: row.family):
        lines = "".join(_line(row, titles.get(row.id, "")) for row in rows)
        heads = (tr("check"), "", tr("measured"), tr("gate"), tr("gate source"), tr("seconds"))
        head = "".join(f"<th>{escape(h)}</th>" for h in heads)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
        parts.append(f'<h2>{escape(family)}</h2><div class="scroll">{table}</div>')
    return "".join(parts)


def _line(row: CheckResult, title: str) -> str:
    measured = (
        row.measured if isinstance(row.measured, str) else f"{row.measured:.2g}" if row.measured is not None else "-"
    )
    sign = "≥" if row.floor else "≤"
    gate = "-" if row.gate is None else f"{sign} {row.gate:.2g}"
    facts = "; ".join(f"{k}: {v}" for k, v in row.said.get("facts", {}).items())
    about = f'{escape(row.id)}<br><span class="soft">{escape(title)}{escape(" — " + facts if facts else "")}</span>'
    cells = (
        f"<td>{about}</td><td>{_mark(row)}</td>"
        f'<td class="number">{escape(measured)}</td><td class="number">{escape(gate)}</td>'
        f'<td class="source">{escape(row.source or row.message)}</td><td class="number">{row.seconds:.2f}</td>'
    )
    return f"<tr>{cells}</tr>"


def _mark(row: CheckResult) -> str:
    return f'<span class="mark {row.verdict}">{row.verdict}</span>'
