"""``envtool clone`` and ``envtool rename``: an environment a second time, or under another name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.parser import app
from envtool.cli.options import DryRun, Json, command_line
from envtool.cli.output import out
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.operations.clone import Cloned

Destination = Annotated[str, typer.Argument(metavar="NEW", help="A name, or a path (with a / in it).")]


@app.command()
def clone(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The environment to clone: its name or its path.")],
    destination: Destination,
    dry_run: DryRun = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Make an environment a second time: conda and pip packages and your own files, without any network."""
    from envtool.environments import find
    from envtool.operations.clone import CloneRequest
    from envtool.operations.clone import clone as operation
    from envtool.paths import Host

    host = Host.here()
    name, prefix = name_or_path(destination)
    show_clone(operation(host, CloneRequest(find.resolve(host, source), name, prefix, command_line(), dry_run), out))


def show_clone(cloned: "Cloned") -> None:
    """Say what was cloned, or would be."""
    template = (
        "Would clone {source} to {prefix}: {conda} conda packages, {pip} pip packages, {files} files."
        if cloned.dry_run
        else "Cloned {source} to {prefix}: {conda} conda packages, {pip} pip packages, {files} files."
    )
    out.note(
        tr(
            template,
            source=cloned.source.name or cloned.source.prefix,
            prefix=cloned.environment.prefix,
            conda=cloned.conda,
            pip=cloned.pip,
            files=cloned.files,
        )
    )
    if cloned.own_files:
        out.note(tr("{count} of the files are in no package: yours, or made at run time.", count=len(cloned.own_files)))
    out.result(cloned.as_dict())


@app.command()
def rename(
    source: Annotated[str, typer.Argument(metavar="OLD", help="The environment: its name or its path.")],
    destination: Annotated[str, typer.Argument(metavar="NEW", help="Its new name, or path (with a / in it).")],
    dry_run: DryRun = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Give an environment another name, or another place on the same file system, without a second copy."""
    from envtool.environments import find
    from envtool.operations.rename import RenameRequest
    from envtool.operations.rename import rename as operation
    from envtool.paths import Host

    host = Host.here()
    name, prefix = name_or_path(destination)
    renamed = operation(host, RenameRequest(find.resolve(host, source), name, prefix, command_line(), dry_run), out)
    template = "Would rename {source} to {prefix}." if dry_run else "Renamed {source} to {prefix}."
    out.note(tr(template, source=renamed.source.name or renamed.source.prefix, prefix=renamed.environment.prefix))
    out.result(renamed.as_dict())


def name_or_path(text: str) -> tuple[str, Path | None]:
    """Return what a destination is: a name, or a path where it has a separator in it or begins like one."""
    is_path = os.sep in text or "/" in text or text.startswith((".", "~"))
    return ("", Path(text)) if is_path else (text, None)
