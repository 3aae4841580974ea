"""``envtool mirror run``: run a command with a mirror."""

from typing import Annotated

import typer

from envtool.cli import completion
from envtool.cli.output import out
from envtool.operations.context import Context

PASSES_WORDS_ON = True


def command(
    name: Annotated[str, typer.Argument(metavar="NAME|URL", help="The mirror.", autocompletion=completion.mirrors)],
    words: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="The command and its arguments.")],
) -> None:
    """Environment variables tell the command about the mirror. The exit code is that of the command."""
    from envtool.operations.mirror import run as operation

    operation.run(Context.here(out), name, tuple(words[words[:1] == ["--"] :]))
