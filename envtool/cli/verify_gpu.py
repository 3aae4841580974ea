"""``envtool verify-gpu``: check that PyTorch really works."""

import shlex
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli import completion
from envtool.cli.formatting import NOTHING, table
from envtool.cli.options import Name, Prefix
from envtool.cli.output import Result, out
from envtool.cli.which import chosen
from envtool.errors import ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envtool.operations.steps import verification
    from envtool.smoke.registry import Check

EXAMPLES = {
    "envtool verify-gpu dl": "the GPU, up to a minute",
    "envtool verify-gpu dl --suite quick": "seconds",
    "envtool verify-gpu dl --device cpu": "everything that needs no GPU",
}
INFORMATION = ("throughput.", "group.bandwidth")  # prefixes of the ids of checks that measure for information


class _Device(str, Enum):
    GPU = "gpu"
    CPU = "cpu"


class _Suite(str, Enum):
    QUICK = "quick"
    FULL = "full"


def command(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Name or path of the environment. Default: the active one."),
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option("--python", metavar="PATH", help="Check this interpreter; its environment is not changed."),
    ] = None,
    option: Name = "",
    prefix: Prefix = None,
    device: Annotated[_Device, typer.Option("--device", help="Device to check.")] = _Device.GPU,
    suite: Annotated[_Suite, typer.Option("--suite", help="quick takes seconds, full up to a minute.")] = _Suite.FULL,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PATTERN",
            help="Run only these checks: an id, its beginning, or a wildcard.",
            autocompletion=completion.checks,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the random numbers.")] = 0,
    gpus: Annotated[
        str,
        typer.Option(
            "--gpus",
            metavar="N|all",
            help="Also check several GPUs together; with --device cpu, this many processes.",
        ),
    ] = "",
    nodes: Annotated[
        int, typer.Option("--nodes", min=1, help="Check this many machines together; run the same command on each.")
    ] = 1,
    rdzv: Annotated[
        str, typer.Option("--rdzv", metavar="HOST:PORT", help="Where the machines meet: a free port on one of them.")
    ] = "",
    listing: Annotated[bool, typer.Option("--list", help="List the checks without running them.")] = False,
    report_to: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write a page with curves, pictures and tables to this folder."),
    ] = None,
) -> Result:
    """The environment is the active one unless another is named."""
    from envtool.operations.context import Context
    from envtool.operations.steps.verification import VerifyOptions
    from envtool.operations.verify_gpu import selected, target_of, verify

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
    name = chosen(name or "", option, prefix)
    if name and python:
        raise typer.BadParameter(tr("Give a name or --python, not both."))
    checks = selected(options)
    if listing:
        return _list(checks)
    context = Context.here(out)
    target = target_of(context, name=name, python=python)
    out.note(tr("Verifying {python}.", python=target.python))
    report = verify(context, target, options)
    if report.verdict == "nothing":
        out.note(tr("To verify what needs no GPU: {command}", command=_on_the_cpu(name, python)))
    if report_to is not None and report.rows:
        from envtool.operations.report.page import write_page

        out.note(tr("Wrote the report to {path}.", path=write_page(report, report_to)))
    return Result(report.as_dict(), rendered(report), code=report.exit_code)


def _on_the_cpu(name: str, python: Path | None) -> str:
    """Return the command that verifies the same environment without a GPU."""
    where = [name] if name else [] if python is None else ["--python", str(python)]
    return shlex.join(["envtool", "verify-gpu", *where, "--device", "cpu"])


def _count(gpus: str, device: _Device, rdzv: str) -> str:
    """Return how many GPUs to verify together, in the form that the bundle takes."""
    if rdzv and not gpus:
        gpus = "all"
    if gpus in ("", "all") and not (gpus and device is _Device.CPU):
        return gpus
    if not gpus.isdecimal() or not int(gpus):
        raise typer.BadParameter(tr("--gpus takes a number (with --device cpu, of processes) or all."))
    return gpus


def _list(checks: "Sequence[Check]") -> Result:
    data = {"checks": [{"id": c.id, "family": c.family, "suite": c.suite, "title": c.title} for c in checks]}
    rows = [(c.id, c.family, c.suite, c.title) for c in checks]
    return Result(data, table(("check", "family", "suite", "compares"), rows, width=out.width))


def rendered(report: "verification.Report") -> str:
    """Return a report as text: what was verified, a line per check, and a summary."""
    if report.exit_code == ExitCode.NOTHING_TO_VERIFY:
        return tr("nothing to verify: no GPU")
    rows = [
        (row.id, row.verdict, _number(row.measured), _gate(row), f"{row.seconds:.2f}", row.source or NOTHING)
        for row in report.rows
    ]
    checks = table(("check", "verdict", "measured", "gate", "seconds", "gate source"), rows, width=out.width)
    remarks = [f"{row.verdict} {row.id}: {row.message}" for row in report.rows if row.message]
    return "\n".join([*_heading(report), "", checks, "", *_rates(report), *remarks, _summary(report)])


def _rates(report: "verification.Report") -> list[str]:
    """Return measurements that are for information, a line each."""
    facts = [
        fact for row in report.rows if row.id.startswith(INFORMATION) for fact in row.said.get("facts", {}).items()
    ]
    return [f"{name}: {value}" for name, value in facts]


def _heading(report: "verification.Report") -> list[str]:
    facts = report.facts
    stack = tr("torch {torch} on Python {python}", torch=facts.get("torch", "?"), python=facts.get("python", "?"))
    if report.device == "cpu":
        return [tr("GPU not verified: these checks ran on the CPU."), stack]
    cards = "; ".join(f"{gpu['name']} ({gpu['capability']})" for gpu in facts.get("gpus", ()))
    gates = tr("Gates: {words}", words=facts.get("calibration", "?"))
    return [tr("GPU: {cards}", cards=cards or tr("none seen by torch")), stack, gates]


def _summary(report: "verification.Report") -> str:
    figures = {
        "passed": report.count("pass"),
        "warned": report.count("warn"),
        "failed": report.count("fail"),
        "skipped": report.count("skip"),
        "seconds": report.seconds,
    }
    if not report.passed:
        return tr(
            "NOT verified: {passed} passed, {warned} warned, {failed} failed, {skipped} skipped in {seconds:.1f} s",
            **figures,
        )
    if report.device == "cpu":
        return tr(
            "Verified on the CPU: {passed} passed, {warned} warned, {failed} failed, {skipped} skipped"
            " in {seconds:.1f} s",
            **figures,
        )
    return tr(
        "Verified: {passed} passed, {warned} warned, {failed} failed, {skipped} skipped in {seconds:.1f} s", **figures
    )


def _number(value: float | str | None) -> str:
    if value is None:
        return NOTHING
    return value if isinstance(value, str) else f"{value:.2g}"


def _gate(row: "verification.CheckResult") -> str:
    if row.gate is None:
        return NOTHING
    return f">= {row.gate:.2g}" if row.floor else f"<= {row.gate:.2g}"
