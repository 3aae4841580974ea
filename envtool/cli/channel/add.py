"""``envtool channel add``: add channels to conda's settings."""

from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.channel.options import Channels, result
from envtool.cli.mirror.options import Scope, ScopeName, ScopePrefix
from envtool.cli.options import ACCEPTS_YES, DryRun, OverrideFrozen
from envtool.cli.output import Result, out
from envtool.i18n import tr
from envtool.operations.context import Context

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = {
    "envtool channel add bioconda": "on top, like conda config --add",
    "envtool channel add bioconda --last": "at the end, like --append",
}
ACCEPTS = ACCEPTS_YES


def command(
    channels: Channels,
    last: Annotated[
        bool, typer.Option("--last", "--append", help="Give the channels the lowest priority instead of the highest.")
    ] = False,
    scope: Scope = "user",
    env: ScopeName = "",
    prefix: ScopePrefix = None,
    override_frozen: OverrideFrozen = False,
    dry_run: DryRun = False,
) -> Result:
    """A channel that is listed already is moved. Other lines are left alone, and `envtool undo` restores the file."""
    from envtool.operations.channel import edit, names
    from envtool.operations.steps import file_edits
    from envtool.operations.steps import scope as scopes

    context = Context.here(out)
    file_edits.settle(context)
    wanted = [names.checked(context, channel) for channel in channels]
    where = scopes.from_options(context, scope, env, prefix, override_frozen=override_frozen)
    change = edit.plan_add(context, where, wanted, last=last)

    def lacking() -> "Iterator[str]":
        for channel in edit.not_in_force(context, where, wanted):
            yield tr(
                "{channel} was written, but conda's settings do not have it: a file marks them as final.",
                channel=channel,
            )

    known = dict.fromkeys(text for channel in wanted for text in names.explanations(context, channel))
    return result(context, change, lambda: tuple(lacking()), dry_run=dry_run, notes=known)
