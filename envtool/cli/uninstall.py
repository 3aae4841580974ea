"""``envtool uninstall``: remove packages from an environment."""

from typing import Annotated

import typer

from envtool.cli.options import (
    AcceptTos,
    Channel,
    DryRun,
    Name,
    NoLinkScripts,
    Offline,
    OverrideFrozen,
    Prefix,
    Yes,
    command_line,
)
from envtool.cli.output import Result, out
from envtool.cli.solutions import change_result, confirm_solution, plan_result


def command(
    packages: Annotated[list[str], typer.Argument(metavar="NAMES...", help="conda or pip packages to remove.")],
    name: Name = "",
    prefix: Prefix = None,
    channel: Channel = [],
    override_frozen: OverrideFrozen = False,
    accept_tos: AcceptTos = False,
    no_link_scripts: NoLinkScripts = False,
    offline: Offline = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Result:
    """The environment is the active one unless -n or -p names another."""
    from envtool.operations import uninstall as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.package_sources import SourceOptions
    from envtool.operations.steps.target import target

    context = Context.here(out)
    request = operation.UninstallRequest(
        target(context, name, prefix, words=packages),
        tuple(packages),
        sources=SourceOptions(tuple(channel), offline=offline),
        command=command_line(),
        override_frozen=override_frozen,
        accept_tos=accept_tos,
        run_scripts=not no_link_scripts,
    )
    if dry_run:
        return plan_result(operation.plan(context, request))
    return change_result(operation.uninstall(context, request, confirm_solution(yes=yes)))
