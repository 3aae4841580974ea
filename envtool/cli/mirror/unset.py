"""``envtool mirror unset``: remove the lines of all mirrors from the settings."""

from envtool.cli.mirror.files import switch_result
from envtool.cli.mirror.options import Scope, ScopeName, ScopePrefix, Target
from envtool.cli.options import ACCEPTS_YES, DryRun, OverrideFrozen
from envtool.cli.output import Result, out
from envtool.operations.context import Context

ACCEPTS = ACCEPTS_YES


def command(
    target: Target = [],
    scope: Scope = "user",
    env: ScopeName = "",
    prefix: ScopePrefix = None,
    override_frozen: OverrideFrozen = False,
    dry_run: DryRun = False,
) -> Result:
    """The clients use upstream again. Other lines are left alone."""
    from envtool.operations.mirror import switch as operation
    from envtool.operations.steps import file_edits
    from envtool.operations.steps import scope as scopes

    context = Context.here(out)
    file_edits.settle(context)
    where = scopes.from_options(context, scope, env, prefix, override_frozen=override_frozen)
    switch = operation.plan_unset(context, operation.targets(context.host, target), where)
    return switch_result(context.host, switch, dry_run=dry_run)
