"""``envtool mirror unset``: remove the lines of all mirrors from the settings."""

from envtool.cli.mirror.files import confirmation, switch_result
from envtool.cli.mirror.options import Replace, Scope, ScopeName, ScopePrefix, Target
from envtool.cli.options import DryRun, OverrideFrozen, Yes
from envtool.cli.output import Result, out
from envtool.errors import ExitCode
from envtool.operations.context import Context


def command(
    target: Target = [],
    scope: Scope = "user",
    env: ScopeName = "",
    prefix: ScopePrefix = None,
    override_frozen: OverrideFrozen = False,
    replace: Replace = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Result:
    """The clients use upstream again. Other lines are left alone."""
    from envtool.operations.mirror import switch as operation
    from envtool.operations.steps import file_edits
    from envtool.operations.steps import scope as scopes

    context = Context.here(out)
    file_edits.settle(context)
    where = scopes.from_options(context, scope, env, prefix, override_frozen=override_frozen)
    request = operation.SwitchRequest(operation.targets(context.host, target), where, replace_own=replace)
    switch = operation.plan_unset_confirmed(context, request, confirmation(yes=yes, dry_run=dry_run))
    code = ExitCode.FAILED if switch.offered else ExitCode.OK
    return switch_result(context.host, switch, dry_run=dry_run, code=code)
