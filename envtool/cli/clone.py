"""``envtool clone``: copy an environment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import ACCEPTS_YES, ByName, Destination, DryRun, Prefix, command_line
from envtool.cli.output import Result, out
from envtool.cli.which import source_and_destination
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.operations.clone import ClonePlan

ACCEPTS = ACCEPTS_YES


def command(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Name or path of the environment to copy.")],
    destination: Destination = "",
    option: ByName = "",
    prefix: Prefix = None,
    dry_run: DryRun = False,
) -> Result:
    """Files are shared by hard links or reflinks where the file system allows it."""
    from envtool.operations.steps.location import destination as where

    old, new = source_and_destination(source, destination, option, prefix)
    return clone_to(old, where(new), dry_run=dry_run)


def clone_to(source: str, where: str | Path, *, dry_run: bool) -> Result:
    """Clone an environment to a name or to a path, and return the result."""
    from envtool.operations import clone as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.target import named

    context = Context.here(out)
    request = operation.CloneRequest(named(context, source), where, command_line())
    if dry_run:
        planned = operation.plan(context, request)
        out.note(
            tr(
                "Would clone {source} to {prefix}: {conda} conda packages, {pip} pip packages, {files} files.",
                **_facts(planned),
            )
        )
        _note_own_files(planned)
        return Result(planned.as_dict())
    cloned = operation.clone(context, request)
    out.note(
        tr(
            "Cloned {source} to {prefix}: {conda} conda packages, {pip} pip packages, {files} files.",
            **_facts(cloned.plan),
        )
    )
    _note_own_files(cloned.plan)
    return Result(cloned.as_dict())


def _facts(plan: "ClonePlan") -> dict[str, object]:
    return {
        "source": plan.source.title,
        "prefix": plan.environment.prefix,
        "conda": plan.conda,
        "pip": plan.pip,
        "files": plan.files,
    }


def _note_own_files(plan: "ClonePlan") -> None:
    if plan.own_files:
        out.note(tr("{count} of the files belong to no package.", count=len(plan.own_files)))
