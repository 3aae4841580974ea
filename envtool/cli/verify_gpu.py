"""``envtool verify-gpu``: does PyTorch really work here?"""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.parser import app
from envtool.cli.options import Json
from envtool.cli.output import out
from envtool.errors import ExitCode
from envtool.i18n import tr
from envtool.operations.verify_gpu import Report, Result, VerifyOptions, selected, target_of, verify
from envtool.paths import Host
from envtool.smoke.registry import Check

INFORMATION = ("throughput.", "group.bandwidth")  # beginnings of the ids of checks whose facts are worth a line


class _Device(str, Enum):
    GPU = "gpu"
    CPU = "cpu"


class _Suite(str, Enum):
    QUICK = "quick"
    FULL = "full"


@app.command("verify-gpu")
def verify_gpu(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The environment. Default: the active one.")
    ] = None,
    python: Annotated[
        Path | None, typer.Option("--python", metavar="PATH", help="Verify this interpreter; nothing is changed there.")
    ] = None,
    device: Annotated[_Device, typer.Option("--device", help="What to verify.")] = _Device.GPU,
    suite: Annotated[_Suite, typer.Option("--suite", help="How much: seconds, or up to a minute.")] = _Suite.FULL,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PATTERN", help="Only these checks: an id, its beginning, or with wildcards."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Draw other random numbers.")] = 0,
    gpus: Annotated[
        str,
        typer.Option(
            "--gpus", metavar="N|all", help="Verify several GPUs together, too. With --device cpu: so many processes."
        ),
    ] = "",
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="So many machines together; run the same on each.")] = 1,
    rdzv: Annotated[
        str, typer.Option("--rdzv", metavar="HOST:PORT", help="Where several machines meet: one of them.")
    ] = "",
    listing: Annotated[bool, typer.Option("--list", help="List the checks, and run none.")] = False,
    report_to: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write a page with curves, pictures and tables into this folder."),
    ] = None,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Check layers, losses, optimizers and small models against independent references, inside an environment.

    [bold]envtool verify-gpu dl[/bold]                the GPU, up to a minute
    [bold]envtool verify-gpu dl --suite quick[/bold]  seconds
    [bold]envtool verify-gpu dl --device cpu[/bold]   everything that needs no GPU
    """
    options = VerifyOptions(
        device=device.value,
        suite=suite.value,
        only=tuple(only or ()),
        seed=seed,
        figures=report_to is not None,
        gpus=_count(gpus, device, rdzv),
        nodes=nodes,
        meeting=rdzv,
    )
    if name and python:
        raise typer.BadParameter(tr("Give a name or --python, not both."))
    checks = selected(options)
    if listing:
        _list(checks)
        return
    host = Host.here()
    target = target_of(host, name=name, python=python)
    out.note(tr("Verifying {python}.", python=target.python))
    report = verify(host, target, options, out)
    if report.verdict == "nothing":
        out.note(tr("The rest can be verified without one: envtool verify-gpu --device cpu"))
    if report_to is not None and report.rows:
        from envtool.operations.report.page import write_page

        out.note(tr("The report is {path}.", path=write_page(report, report_to)))
    out.verdict(report.as_dict(), rendered(report), report.exit_code)


def _count(gpus: str, device: _Device, rdzv: str) -> str:
    """Return how many GPUs are to be verified together, as the bundle wants it."""
    if rdzv and not gpus:
        gpus = "all"
    if gpus in ("", "all") and not (gpus and device is _Device.CPU):
        return gpus
    if not gpus.isdecimal() or not int(gpus):
        raise typer.BadParameter(tr("--gpus takes a number (on CPUs, of processes), or all."))
    return gpus


def _list(checks: Sequence[Check]) -> None:
    data = {"checks": [{"id": c.id, "family": c.family, "suite": c.suite, "title": c.title} for c in checks]}
    rows = [(c.id, c.family, c.suite, c.title) for c in checks]
    out.result(data, out.table(("check", "family", "suite", "compares"), rows, cut=True))


def rendered(report: Report) -> str:
    """Return a report as people read it: what was verified, a line per check, and the sum of it."""
    if report.exit_code == ExitCode.NOTHING_TO_VERIFY:
        return tr("nothing to verify: no GPU")
    rows = [
        (row.id, row.verdict, _number(row.measured), _gate(row), f"{row.seconds:.2f}", row.source or "-")
        for row in report.rows
    ]
    table = out.table(("check", "verdict", "measured", "gate", "seconds", "gate from"), rows, cut=True)
    remarks = [f"{row.verdict} {row.id}: {row.message}" for row in report.rows if row.message]
    return "\n".join([*_heading(report), "", table, "", *_rates(report), *remarks, _summary(report)])


def _rates(report: Report) -> list[str]:
    """Return what was measured for information, a line each."""
    facts = [
        fact for row in report.rows if row.id.startswith(INFORMATION) for fact in row.said.get("facts", {}).items()
    ]
    return [f"{name}: {value}" for name, value in facts]


def _heading(report: Report) -> list[str]:
    facts = report.facts
    stack = tr("torch {torch} on Python {python}", torch=facts.get("torch", "?"), python=facts.get("python", "?"))
    if report.device == "cpu":
        return [tr("GPU not verified: these checks ran on the CPU."), stack]
    cards = "; ".join(f"{gpu['name']} ({gpu['capability']})" for gpu in facts.get("gpus", ()))
    gates = tr("Gates: {words}", words=facts.get("calibration", "?"))
    return [tr("GPU: {cards}", cards=cards or tr("none seen by torch")), stack, gates]


def _summary(report: Report) -> str:
    return tr(
        "{passed} passed, {warned} warned, {failed} failed, {skipped} skipped in {seconds:.1f} s: {verdict}",
        passed=report.count("pass"),
        failed=report.count("fail"),
        warned=report.count("warn"),
        skipped=report.count("skip"),
        seconds=report.seconds,
        verdict=_verdict(report),
    )


def _verdict(report: Report) -> str:
    if not report.passed:
        return tr("NOT verified")
    return tr("verified on the CPU") if report.device == "cpu" else tr("verified")


def _number(value: float | str | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.2g}"


def _gate(row: Result) -> str:
    if row.gate is None:
        return "-"
    return f">= {row.gate:.2g}" if row.floor else f"<= {row.gate:.2g}"
