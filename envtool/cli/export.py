"""``envtool export``: an environment as a file from which it can be made again."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.parser import app
from envtool.cli.options import Json
from envtool.cli.output import out
from envtool.i18n import tr


class Format(str, Enum):
    """The formats, as typer wants them."""

    environment_yml = "environment-yml"
    requirements = "requirements"
    explicit = "explicit"


@app.command("export")
def export(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="The environment: its name or its path. Default: the active one.")
    ] = "",
    form: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Default: environment-yml, or requirements where the file is called requirements*.txt."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of stdout.")
    ] = None,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Write an environment down so that it can be made again elsewhere.

    [bold]envtool export dl > environment.yml[/bold]
    """
    from envtool.operations.export import ExportRequest
    from envtool.operations.export import export as operation
    from envtool.paths import Host

    done = operation(Host.here(), ExportRequest(name, form.value if form else None, output), out)
    data = {
        "name": done.environment.name,
        "prefix": str(done.environment.prefix),
        "format": done.format,
        "path": done.path and str(done.path),
        "text": done.text,
    }
    out.result(data, "" if done.path else done.text)
    if done.path:
        out.note(tr("Wrote {path} ({format}).", path=done.path, format=done.format))
