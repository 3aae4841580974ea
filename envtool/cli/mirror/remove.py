"""``envtool mirror remove``: remove a mirror of the user's own from the list."""

from typing import Annotated

import typer

from envtool.cli import completion
from envtool.cli.mirror.files import own_mirrors_result
from envtool.cli.options import DryRun
from envtool.cli.output import Result
from envtool.paths import Host


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A mirror of your own.", autocompletion=completion.own_mirrors)
    ],
    dry_run: DryRun = False,
) -> Result:
    """Settings that use it are left alone."""
    from envtool.mirrors import catalogue, own_mirrors

    host = Host.here()
    edits = own_mirrors.remove(host, catalogue.load(host), name)
    return own_mirrors_result(host, f"mirror remove {name}", edits, dry_run=dry_run)
