"""Arguments and the result that the commands which edit channels share."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli import completion
from envtool.cli.file_changes import written
from envtool.cli.output import Result, out

if TYPE_CHECKING:
    from envtool.operations.channel.edit import ChannelChange
    from envtool.operations.context import Context

Channels = Annotated[
    list[str], typer.Argument(metavar="CHANNEL...", help="Names, URLs or folders.", autocompletion=completion.channels)
]
UNDO = "envtool undo"


def result(
    context: "Context",
    change: "ChannelChange",
    lacking: Callable[[], Sequence[str]],
    *,
    dry_run: bool,
    notes: Iterable[str] = (),
) -> Result:
    """Write a change, unless it is a dry run, and return the result.

    ``lacking`` reads the settings again and returns what is not as asked, a sentence each: the answer is no then.
    """
    from envtool.errors import ExitCode

    for note in (*change.notes, *notes):
        out.note(note)
    done = written(context.host, "channel", change.plan, dry_run=dry_run, undo=UNDO)
    failures = () if dry_run else tuple(lacking())
    for failure in failures:
        out.warn(failure)
    return done._replace(code=ExitCode.FAILED) if failures else done
