"""``envtool channel move``: change the priority of a channel."""

from typing import Annotated

import typer

from envtool.cli import completion
from envtool.cli.channel.options import result
from envtool.cli.mirror.options import Scope, ScopeName, ScopePrefix
from envtool.cli.options import ACCEPTS_YES, DryRun, OverrideFrozen
from envtool.cli.output import Result, out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context

EXAMPLES = {
    "envtool channel move conda-forge --first": "highest priority",
    "envtool channel move bioconda --after conda-forge": "just below it",
}
ACCEPTS = ACCEPTS_YES


def command(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="As listed.", autocompletion=completion.channels)],
    first: Annotated[bool, typer.Option("--first", help="Give it the highest priority.")] = False,
    last: Annotated[bool, typer.Option("--last", help="Give it the lowest priority.")] = False,
    before: Annotated[str, typer.Option("--before", metavar="OTHER", help="Put it before this channel.")] = "",
    after: Annotated[str, typer.Option("--after", metavar="OTHER", help="Put it after this channel.")] = "",
    scope: Scope = "user",
    env: ScopeName = "",
    prefix: ScopePrefix = None,
    override_frozen: OverrideFrozen = False,
    dry_run: DryRun = False,
) -> Result:
    """`envtool undo` restores the file."""
    from envtool.operations.channel import edit
    from envtool.operations.steps import file_edits
    from envtool.operations.steps import scope as scopes

    places = [
        edit.Position("first") if first else None,
        edit.Position("last") if last else None,
        edit.Position("before", before) if before else None,
        edit.Position("after", after) if after else None,
    ]
    chosen = [place for place in places if place]
    if len(chosen) != 1:
        raise EnvtoolError(
            tr("Say where to move {channel}.", channel=channel),
            hint=tr("Give one of --first, --last, --before OTHER and --after OTHER."),
            code=ExitCode.USAGE,
        )
    context = Context.here(out)
    file_edits.settle(context)
    where = scopes.from_options(context, scope, env, prefix, override_frozen=override_frozen)
    change = edit.plan_move(context, where, channel, chosen[0])
    return result(context, change, tuple, dry_run=dry_run)
