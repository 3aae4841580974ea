"""``envtool channel remove``: remove channels from conda's settings."""

from envtool.cli.channel.options import Channels, result
from envtool.cli.mirror.options import Scope, ScopeName, ScopePrefix
from envtool.cli.options import ACCEPTS_YES, DryRun, OverrideFrozen
from envtool.cli.output import Result, out
from envtool.operations.context import Context

EXAMPLES = {"envtool channel remove bioconda": "like conda config --remove"}
ACCEPTS = ACCEPTS_YES


def command(
    channels: Channels,
    scope: Scope = "user",
    env: ScopeName = "",
    prefix: ScopePrefix = None,
    override_frozen: OverrideFrozen = False,
    dry_run: DryRun = False,
) -> Result:
    """A name also removes the address of that channel on a mirror. `envtool undo` restores the file."""
    from envtool.operations.channel import edit
    from envtool.operations.steps import file_edits
    from envtool.operations.steps import scope as scopes

    context = Context.here(out)
    file_edits.settle(context)
    where = scopes.from_options(context, scope, env, prefix, override_frozen=override_frozen)
    change = edit.plan_remove(context, where, channels)
    return result(context, change, lambda: tuple(edit.still_in_force(context, where, channels)), dry_run=dry_run)
