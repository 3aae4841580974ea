"""``envtool clone``: copy an environment."""

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import Destination, DryRun, command_line
from envtool.cli.output import Result, out
from envtool.i18n import tr


def command(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Name or path of the environment to copy.")],
    destination: Destination,
    dry_run: DryRun = False,
) -> Result:
    """Files are shared by hard links or reflinks where the file system allows it."""
    from envtool.operations.steps.location import name_or_path

    return clone_to(source, *name_or_path(destination), dry_run=dry_run)


def clone_to(source: str, name: str, prefix: Path | None, *, dry_run: bool) -> Result:
    """Clone an environment to a name or to a path, and return the result."""
    from envtool.operations.clone import CloneRequest, clone
    from envtool.operations.context import Context
    from envtool.operations.steps.target import named

    context = Context.here(out)
    request = CloneRequest(named(context, source), name, prefix, command_line(), dry_run)
    cloned = clone(context, request)
    facts = {
        "source": cloned.source.name or cloned.source.prefix,
        "prefix": cloned.environment.prefix,
        "conda": cloned.conda,
        "pip": cloned.pip,
        "files": cloned.files,
    }
    if cloned.dry_run:
        out.note(
            tr(
                "Would clone {source} to {prefix}: {conda} conda packages, {pip} pip packages, {files} files.",
                **facts,
            )
        )
    else:
        out.note(tr("Cloned {source} to {prefix}: {conda} conda packages, {pip} pip packages, {files} files.", **facts))
    if cloned.own_files:
        out.note(tr("{count} of the files belong to no package.", count=len(cloned.own_files)))
    return Result(cloned.as_dict())
