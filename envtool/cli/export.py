"""``envtool export``: export an environment to a file."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import EnvironmentOrActive
from envtool.cli.output import Result, out
from envtool.i18n import tr

EXAMPLES = {"envtool export dl > environment.yml": ""}


class Format(str, Enum):
    """The formats, as typer needs them."""

    environment_yml = "environment-yml"
    requirements = "requirements"
    explicit = "explicit"


def command(
    name: EnvironmentOrActive = "",
    form: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Default: requirements for a file called requirements*.txt, else environment-yml."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of stdout.")
    ] = None,
) -> Result:
    from envtool.operations.context import Context
    from envtool.operations.export import ExportRequest, export

    done = export(Context.here(out), ExportRequest(name, form.value if form else None, output))
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
