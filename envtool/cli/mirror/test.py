"""``envtool mirror test``: test the mirrors."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli import completion
from envtool.cli.formatting import table
from envtool.cli.mirror.live import COLUMNS, live, rows
from envtool.cli.output import Result, out
from envtool.errors import ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envtool.mirrors.probe import MirrorHealth


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
    with live() as seen:
        results = test.run(Context.here(out), trial, seen)
    data = [{**asdict(result), "stale": result.stale} for result in results]
    working = any(result.status == "ok" for result in results)
    if not working:
        out.note(_nothing_works(results))
    return Result(data, table(COLUMNS, rows(results)), code=ExitCode.OK if working else ExitCode.NETWORK)


def _nothing_works(results: "Sequence[MirrorHealth]") -> str:
    """Return why no mirror works: a proxy that fails says nothing about the mirrors behind it."""
    if all(result.status == "proxy" for result in results):
        return tr("No mirror was reached, since {reason}. Start that proxy, or unset it.", reason=results[0].detail)
    if all(result.status in ("down", "timeout", "certificate", "proxy") for result in results):
        return tr("No mirror can be reached. Check the network connection and the proxy settings.")
    return tr("No mirror serves what was asked for.")
