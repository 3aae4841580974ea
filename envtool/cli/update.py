"""``envtool update``: update packages of an environment."""

from typing import Annotated

import typer

from envtool.cli.options import (
    AcceptTos,
    Channel,
    DryRun,
    Index,
    Name,
    NoLinkScripts,
    OverrideChannels,
    OverrideFrozen,
    Prefix,
    Yes,
    command_line,
)
from envtool.cli.output import Result, out
from envtool.cli.solutions import change_result, confirm_solution, plan_result

ACCEPTS = {("--all", "-a"): "Accepted: without names, all packages are updated."}


def command(
    packages: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAMES]...", help="conda or pip packages to update. Default: all but Python."),
    ] = None,
    name: Name = "",
    prefix: Prefix = None,
    channel: Channel = [],
    override_channels: OverrideChannels = False,
    index: Index = "",
    override_frozen: OverrideFrozen = False,
    accept_tos: AcceptTos = False,
    no_link_scripts: NoLinkScripts = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Result:
    """The environment is the active one unless -n or -p names another. Packages in `conda-meta/pinned` stay pinned."""
    from envtool.operations import update as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.package_sources import SourceOptions
    from envtool.operations.steps.target import target

    context = Context.here(out)
    request = operation.UpdateRequest(
        target(context, name, prefix, words=packages or ()),
        tuple(packages or ()),
        sources=SourceOptions(tuple(channel), override_channels, index),
        command=command_line(),
        override_frozen=override_frozen,
        accept_tos=accept_tos,
        run_scripts=not no_link_scripts,
    )
    if dry_run:
        return plan_result(operation.plan(context, request))
    return change_result(operation.update(context, request, confirm_solution(yes=yes)))
