"""``envtool mirror show``: the settings in force for every client."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.cli.output import Result, out
from envtool.errors import ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context

if TYPE_CHECKING:
    from envtool.operations.mirror.show import View


def command() -> Result:
    """For each file and variable: which one wins, and which addresses it leads to."""
    from envtool.operations.mirror import show as operation

    views = operation.show(Context.here(out), Path.cwd())
    code = ExitCode.BAD_INPUT if any(view.broken for view in views) else ExitCode.OK
    text = "\n\n".join("\n".join(_lines(view)) for view in views)
    return Result([asdict(view) for view in views], text, code=code)


def _lines(view: "View") -> Iterator[str]:
    yield view.client
    if view.broken:
        yield "  " + tr("error: {text}", text=view.broken)
    for word, urls in view.resolved.items():
        yield f"  {word} -> {' '.join(urls)}"
    for line in view.lines:
        site = f"  [{line.site}]" if line.site else ""
        yield f"    {line.effect:<6}  {line.source}: {line.key} = {line.value}{site}"
    for warning in dict.fromkeys(view.warnings):
        yield "  " + tr("warning: {text}", text=warning)
