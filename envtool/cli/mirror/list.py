"""``envtool mirror list``, ``show`` and ``test``."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from envtool.cli.mirror import group
from envtool.cli.options import Json
from envtool.cli.output import out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.paths import Host


@group.command("list")
def list_mirrors(
    all_: Annotated[bool, typer.Option("--all", help="Also retired ones.")] = False,
    json: Json = False,  # noqa: ARG001
) -> None:
    """List the mirrors: what each serves, its state, and how old that knowledge is."""
    from envtool.mirrors import catalogue

    shown = [m for m in catalogue.load(Host.here()).mirrors.values() if all_ or m.usable]
    rows = [(m.name + (" *" if m.own else ""), m.state, m.date or "-", *_served(m), m.title) for m in shown]
    columns = (tr("NAME"), tr("STATE"), tr("AS OF"), tr("PIP"), tr("TORCH"), tr("CONDA"), tr("SITE"))
    text = out.table(columns, rows, cut=True)
    if any(m.own for m in shown):
        text += "\n" + tr("* from your own list")
    out.result([{**asdict(m), "date": m.date} for m in shown], text)


@group.command("show")
def show_mirrors(json: Json = False) -> None:  # noqa: ARG001
    """Show what is in force for every client, and why: each file and variable, which wins, and what it leads to."""
    from envtool.operations.mirror import show as operation

    views = operation.show(Host.here(), Path.cwd())
    blocks = []
    for view in views:
        lines = [view.client, *(["  " + tr("error: {text}", text=view.broken)] if view.broken else [])]
        lines += [f"  {word} -> {' '.join(urls)}" for word, urls in view.resolved.items()]
        for line in view.lines:
            site = f"  [{line.site}]" if line.site else ""
            lines.append(f"    {line.effect:<6}  {line.source}: {line.key} = {line.value}{site}")
        lines += ["  " + tr("warning: {text}", text=text) for text in dict.fromkeys(view.warnings)]
        blocks.append("\n".join(lines))
    code = ExitCode.BAD_INPUT if any(view.broken for view in views) else ExitCode.OK
    out.verdict([asdict(view) for view in views], "\n\n".join(blocks), code)


@group.command("test")
def try_mirrors(
    names: Annotated[list[str], typer.Argument(metavar="[NAME|URL]...", help="Only these. Default: all.")] = [],
    purpose: Annotated[
        list[str], typer.Option("--for", metavar="CLIENT", help="conda, pip or torch. Default: conda and pip.")
    ] = [],
    channel: Annotated[str, typer.Option("--channel", "-c", help="The conda channel to ask for.")] = "conda-forge",
    subdir: Annotated[str, typer.Option("--subdir", help="The platform to ask for. Default: this machine's.")] = "",
    build: Annotated[
        str, typer.Option("--torch-build", metavar="BUILD", help="cpu, cu128, or an exact 2.13.0+cu128.")
    ] = "cpu",
    limit: Annotated[float, typer.Option("--limit", min=0.5, help="Seconds that each mirror is given.")] = 5.0,
    json: Json = False,  # noqa: ARG001
) -> None:
    """Try the mirrors, all at once, with what the clients will ask for; the best comes first."""
    from envtool.operations.mirror import test

    for word in purpose:
        if word not in test.PURPOSES:
            raise EnvtoolError(
                tr("There is nothing to test for {name}.", name=repr(word)),
                hint=tr("--for takes: {names}.", names=", ".join(test.PURPOSES)),
                code=ExitCode.USAGE,
            )
    wanted: Any = tuple(dict.fromkeys(purpose)) or ("conda", "pip")
    trial = test.Trial(tuple(names), wanted, channel, subdir, build, limit)
    with _live() as seen:
        results = test.run(Host.here(), trial, seen)
    data = [{**asdict(result), "stale": result.stale} for result in results]
    working = any(result.status == "ok" for result in results)
    if not working:
        out.note(tr("None of them works from here. Is there a network at all, or a proxy that has to be set?"))
    out.verdict(data, out.table(_COLUMNS, _rows(results)), ExitCode.OK if working else ExitCode.NETWORK)


_COLUMNS = ("MIRROR", "FOR", "STATUS", "LATENCY", "SPEED", "BEHIND", "DETAIL")


def _rows(results: Sequence[Any]) -> list[tuple[str, ...]]:
    return [
        (
            result.mirror,
            result.purpose,
            tr("stale") if result.status == "ok" and result.stale else result.status,
            f"{1000 * result.latency:.0f} ms" if result.latency is not None else "-",
            f"{result.rate / 1e6:.1f} MB/s" if result.rate else "-",
            _age(result.behind),
            result.detail or "-",
        )
        for result in results
    ]


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds / 86400:.1f} d" if seconds >= 86400 else f"{seconds / 3600:.1f} h"


@contextmanager
def _live() -> Iterator[Callable[[Any], None]]:
    """Draw the results as they come, on a terminal; the ranked table follows on stdout."""
    if out.json or out.quiet or not out.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    found: list[Any] = []
    with Live(console=Console(file=out.stderr), transient=True) as live:

        def seen(result: Any) -> None:
            from envtool.mirrors.probe import ranked

            found.append(result)
            table = Table(*_COLUMNS, box=None)
            for row in _rows(ranked(found)):
                table.add_row(*row)
            live.update(table)

        yield seen


def _served(m: Any) -> tuple[str, str, str]:
    conda = "-"
    if m.conda:
        parts = (["defaults"] if "main" in m.conda.pkgs else []) + list(m.conda.channels) + list(m.conda.elsewhere)
        conda = ", ".join(parts[:3]) + (tr(" and {count} more", count=len(parts) - 3) if len(parts) > 3 else "")
    return ("yes" if m.pypi else "-", m.torch.how if m.torch else "-", conda or "-")
