"""``envtool run``: run a command in an environment."""

from typing import Annotated

import typer

from envtool.cli.options import Name, Prefix
from envtool.cli.output import out

EXAMPLES = {"envtool run -n dl -- python train.py --epochs 3": ""}
PASSES_WORDS_ON = True


def command(
    words: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="The command and its arguments, after --.")],
    name: Name = "",
    prefix: Prefix = None,
) -> None:
    """The environment is the active one unless -n or -p names another. The exit code is that of the command."""
    from envtool.operations.context import Context
    from envtool.operations.run import run
    from envtool.operations.steps.target import target

    context = Context.here(out)
    run(context, target(context, name, prefix, words=words), words)
