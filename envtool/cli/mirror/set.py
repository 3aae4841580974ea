"""``envtool mirror set``: switch clients to a mirror."""

from collections.abc import Sequence
from typing import Annotated

import typer

from envtool.cli import completion
from envtool.cli.mirror.choose import chosen
from envtool.cli.mirror.files import confirmation, switch_result
from envtool.cli.mirror.options import Replace, Scope, ScopeName, ScopePrefix, Target
from envtool.cli.options import DryRun, OverrideFrozen, Yes
from envtool.cli.output import Result, out
from envtool.errors import ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context

EXAMPLES = {
    "envtool mirror set tsinghua": "conda, pip, and other clients found here",
    "envtool mirror set auto --dry-run": "what the best by test would change",
    "envtool mirror set nju --target pip": "pip alone",
}


def command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME|URL]",
            help="Name or address of a mirror, or auto: the best by test. Without it, choose from a list.",
            show_default=False,
            autocompletion=lambda: ["auto", *completion.mirrors()],
        ),
    ] = "",
    target: Target = [],
    scope: Scope = "user",
    env: ScopeName = "",
    prefix: ScopePrefix = None,
    allow_http: Annotated[bool, typer.Option("--allow-http", help="Accept an address without encryption.")] = False,
    torch: Annotated[
        bool, typer.Option("--torch", help="Only make envtool look for PyTorch wheels there first.")
    ] = False,
    override_frozen: OverrideFrozen = False,
    replace: Replace = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Result:
    """Comments and other lines in the settings are kept, and `envtool mirror undo` restores the files."""
    from envtool.operations.mirror import destination
    from envtool.operations.mirror import switch as operation
    from envtool.operations.steps import file_edits
    from envtool.operations.steps import scope as scopes

    context = Context.here(out)
    file_edits.settle(context)
    if torch:
        return switch_result(context.host, operation.plan_torch(context, name), dry_run=dry_run)
    where = scopes.from_options(context, scope, env, prefix, override_frozen=override_frozen)
    clients = operation.targets(context.host, target)
    if name in ("", "auto"):
        site = destination.tested(context, _best(context, clients) if name else chosen(context, clients), clients)
    else:
        site = destination.meant(context, name)
    request = operation.SwitchRequest(clients, where, allow_http=allow_http, replace_own=replace)
    switch = operation.plan_set_confirmed(context, site, request, confirmation(yes=yes, dry_run=dry_run))
    code = ExitCode.OK if switch.following else ExitCode.FAILED
    if not switch.following and switch.own and not switch.offered:
        out.note(tr("--replace takes the place of sources that are your own."))
    return switch_result(context.host, switch, dry_run=dry_run, code=code)


def _best(context: Context, clients: Sequence[str]) -> str:
    from envtool.operations.mirror.test import choose

    return choose(context, clients)
