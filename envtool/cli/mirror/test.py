"""``envtool mirror test``: test the mirrors."""

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli import completion
from envtool.cli.formatting import NOTHING, age, table
from envtool.cli.output import Result, out
from envtool.errors import ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from envtool.mirrors.probe import MirrorHealth

_COLUMNS = ("MIRROR", "FOR", "STATUS", "LATENCY", "SPEED", "BEHIND", "DETAIL")


def command(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME|URL]...", help="Mirrors to test. Default: all.", autocompletion=completion.mirrors
        ),
    ] = [],
    purpose: Annotated[
        list[str], typer.Option("--for", metavar="CLIENT", help="conda, pip or torch. Default: conda and pip.")
    ] = [],
    channel: Annotated[str, typer.Option("--channel", "-c", help="conda channel to ask for.")] = "conda-forge",
    subdir: Annotated[str, typer.Option("--subdir", help="Platform to ask for. Default: this machine's.")] = "",
    build: Annotated[
        str, typer.Option("--torch-build", metavar="BUILD", help="cpu, cu128, or an exact 2.13.0+cu128.")
    ] = "cpu",
    limit: Annotated[float, typer.Option("--limit", min=0.5, help="Time limit for each mirror, in seconds.")] = 5.0,
) -> Result:
    """The requests are those that conda, pip and others send."""
    from envtool.operations.mirror import test

    trial = test.Trial(tuple(names), test.purposes(purpose), channel, subdir, build, limit)
    with _live() as seen:
        results = test.run(Context.here(out), trial, seen)
    data = [{**asdict(result), "stale": result.stale} for result in results]
    working = any(result.status == "ok" for result in results)
    if not working:
        out.note(_nothing_works(results))
    return Result(data, table(_COLUMNS, _rows(results)), code=ExitCode.OK if working else ExitCode.NETWORK)


def _nothing_works(results: "Sequence[MirrorHealth]") -> str:
    """Return why no mirror works: a proxy that fails says nothing about the mirrors behind it."""
    if all(result.status == "proxy" for result in results):
        return tr("No mirror was reached, since {reason}. Start that proxy, or unset it.", reason=results[0].detail)
    if all(result.status in ("down", "timeout", "certificate", "proxy") for result in results):
        return tr("No mirror can be reached. Check the network connection and the proxy settings.")
    return tr("No mirror serves what was asked for.")


def _rows(results: "Sequence[MirrorHealth]") -> list[tuple[str, ...]]:
    return [
        (
            result.mirror,
            result.purpose,
            tr("stale") if result.status == "ok" and result.stale else result.status,
            f"{1000 * result.latency:.0f} ms" if result.latency is not None else NOTHING,
            f"{result.rate / 1e6:.1f} MB/s" if result.rate else NOTHING,
            age(result.behind) if result.behind is not None else NOTHING,
            _detail(result) or NOTHING,
        )
        for result in results
    ]


def _detail(result: "MirrorHealth") -> str:
    only = tr("{family} only", family=result.only) if result.only else ""
    return ", ".join(filter(None, (result.detail, only)))


@contextmanager
def _live() -> "Iterator[Callable[[MirrorHealth], None]]":
    """Draw results on a terminal as they arrive; the ranked table follows on stdout."""
    if out.json or out.quiet or not out.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from envtool.mirrors.probe import ranked

    found: list[MirrorHealth] = []
    with Live(console=Console(file=out.stderr), transient=True) as live:

        def seen(result: "MirrorHealth") -> None:
            found.append(result)
            drawn = Table(*_COLUMNS, box=None)
            for row in _rows(ranked(found)):
                drawn.add_row(*row)
            live.update(drawn)

        yield seen
