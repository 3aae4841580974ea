"""``envtool export``: export an environment to a file."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool import specs
from envtool.cli.options import EnvironmentOrActive, Name, Prefix
from envtool.cli.output import Result, out
from envtool.cli.which import chosen
from envtool.i18n import tr

EXAMPLES = {"envtool export dl > environment.yml": ""}


if TYPE_CHECKING:
    FormatName = str
else:  # typer offers the members of an Enum as choices
    FormatName = Enum("FormatName", {each.name: each.name for each in specs.writable()}, type=str)


def _default_format() -> str:
    """Return the help on what is written without --format."""
    usual, *others = specs.writable()
    named = [(each.name, pattern) for each in others for pattern in each.files]
    words = ", ".join(f"{name} for a file called {pattern}" for name, pattern in named)
    return f"Default: {words}, else {usual.name}."


def command(
    name: EnvironmentOrActive = "",
    option: Name = "",
    prefix: Prefix = None,
    form: Annotated[FormatName | None, typer.Option("--format", help=_default_format())] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", "--file", "-f", metavar="FILE", help="Write to this file instead of stdout."),
    ] = None,
) -> Result:
    return exported(chosen(name, option, prefix), specs.named(form).name if form else "", output)


def exported(environment: str, form: str, output: Path | None = None) -> Result:
    """Export an environment, by its name or path (``""``: the active one), in a format, and return the result."""
    from envtool.operations.context import Context
    from envtool.operations.export import ExportRequest, export

    done = export(Context.here(out), ExportRequest(environment, form, output))
    data = {
        "name": done.environment.name,
        "prefix": str(done.environment.prefix),
        "format": done.format,
        "path": done.path and str(done.path),
        "text": done.text,
    }
    if done.path is None:
        return Result(data, done.text)
    out.note(tr("Wrote {path} ({format}).", path=done.path, format=done.format))
    return Result(data)
