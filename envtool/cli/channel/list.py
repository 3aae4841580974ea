"""``envtool channel list``: conda's channels."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import Name, Prefix
from envtool.cli.output import Result, out
from envtool.errors import ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context

if TYPE_CHECKING:
    from envtool.operations.channel.show import ChannelList, ChannelView

EXAMPLES = {
    "envtool channel list": "channels, highest priority first",
    "envtool channel list --test": "and whether each one answers",
}


def command(
    name: Name = "",
    prefix: Prefix = None,
    test: Annotated[bool, typer.Option("--test", help="Ask each channel whether it is there.")] = False,
) -> Result:
    """The first channel has the highest priority. The addresses are those that the mirrors in force lead to."""
    from envtool.operations.channel import show
    from envtool.operations.steps.target import target

    context = Context.here(out)
    where = target(context, name, prefix).prefix if name or prefix else None
    found = show.show(context, where, test=test)
    code = ExitCode.NETWORK if test and any(not _answers(view) for view in found.channels) else ExitCode.OK
    return Result(asdict(found), "\n".join(_lines(found)), code=code)


def _answers(view: "ChannelView") -> bool:
    return all(url.status == "ok" for url in view.urls)


def _lines(found: "ChannelList") -> Iterator[str]:
    for view in found.channels:
        yield view.channel
        for url in view.urls:
            site = f"  [{url.site}]" if url.site else ""
            status = f"  {url.status}: {url.detail}" if url.detail else f"  {url.status}" if url.status else ""
            yield f"  {url.url}{site}{status}"
        for source in view.sources:
            yield "  " + tr("from {place}", place=source)
    if not found.configured:
        yield tr("No channel is configured; this is the one that envtool uses then.")
    yield tr("channel_priority: {priority}", priority=found.priority)
