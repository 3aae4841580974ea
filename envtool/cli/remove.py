"""``envtool remove``: remove an environment."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.formatting import amount
from envtool.cli.options import ByName, DryRun, OverrideFrozen, Prefix, Yes, command_line
from envtool.cli.output import Result, out
from envtool.cli.which import required
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.operations.remove import RemovePlan

ACCEPTS = {("--all",): "Accepted: an environment is always removed as a whole."}


def command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]", help="Name or path of the environment.", show_default=False)
    ] = None,
    option: ByName = "",
    prefix: Prefix = None,
    override_frozen: OverrideFrozen = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Result:
    """Its packages, its size and your own files in it are shown before you are asked. For packages: uninstall."""
    from envtool.operations import remove as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.target import named

    _refuse_packages(names or [], option, prefix)
    which = required(names[0] if names else "", option, prefix)
    context = Context.here(out)
    request = operation.RemoveRequest(named(context, which), command_line(), override_frozen=override_frozen)
    if dry_run:
        planned = operation.plan(context, request)
        _show(planned)
        return Result(planned.as_dict())
    removed = operation.remove(context, request, lambda plan: _confirm(plan, yes=yes))
    out.note(tr("Removed {prefix}.", prefix=removed.environment.prefix))
    return Result(removed.as_dict())


def _refuse_packages(names: Sequence[str], option: str, prefix: Path | None) -> None:
    """Raise EnvtoolError (USAGE) for packages: ``conda remove -n NAME PACKAGE`` would never remove the environment."""
    which = ["-n", option] if option else [] if prefix is None else ["-p", str(prefix)]
    if (which and names) or len(names) > 1:
        raise EnvtoolError(
            tr("`envtool remove` removes an environment, not packages: {names}.", names=", ".join(names)),
            hint=tr("To remove packages: {command}", command=shlex.join(["envtool", "uninstall", *which, *names])),
            code=ExitCode.USAGE,
        )


def _confirm(plan: "RemovePlan", *, yes: bool) -> bool:
    _show(plan)
    prefix = plan.environment.prefix
    if not yes and not out.can_ask:
        raise EnvtoolError(
            tr("Removing {prefix} needs confirmation.", prefix=prefix),
            hint=tr("Add --yes: there is no terminal to ask on."),
            code=ExitCode.USAGE,
        )
    return out.confirm(tr("Remove {prefix} and everything in it?", prefix=prefix), yes=yes)


def _show(plan: "RemovePlan") -> None:
    """Tell what removing an environment would delete, and how much space that frees."""
    prefix, size = plan.environment.prefix, plan.size
    out.note(
        tr(
            "{prefix}: {conda} conda packages, {pip} pip packages, {files:,} files; removing it frees {freed}.",
            prefix=prefix,
            conda=plan.conda,
            pip=plan.pip,
            files=size.files,
            freed=amount(size.unique),
        )
    )
    for path, count in plan.own_files.items():
        out.warn(
            tr(
                "{path} ({size}) does not look like part of an environment, and would be removed, too.",
                path=path,
                size=amount(count),
            )
        )
    for path in plan.inside:
        out.warn(tr("{path} is an environment inside it, and would be removed, too.", path=path))
