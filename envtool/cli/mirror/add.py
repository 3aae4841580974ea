"""``envtool mirror add``: add a mirror of the user's own to the list."""

from typing import Annotated

import typer

from envtool.cli.file_changes import written
from envtool.cli.options import ACCEPTS_YES, DryRun
from envtool.cli.output import Result, out
from envtool.operations.context import Context

ACCEPTS = ACCEPTS_YES


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the mirror.")],
    pypi: Annotated[str, typer.Option("--pypi", metavar="URL", help="Its Python package index.")] = "",
    conda: Annotated[
        str, typer.Option("--conda", metavar="URL", help="Its conda channels: the address above pkgs/ and cloud/.")
    ] = "",
    torch: Annotated[
        str, typer.Option("--torch", metavar="URL", help="Its PyTorch wheels: the address above cpu/, cu128/, ...")
    ] = "",
    flat: Annotated[
        bool, typer.Option("--flat", help="The PyTorch wheels are plain listings, as for --find-links.")
    ] = False,
    dry_run: DryRun = False,
) -> Result:
    """Keep logins in ~/.netrc: none are written to the list."""
    from envtool.operations.mirror import own

    context = Context.here(out)
    change = own.plan_add(context, name, pypi=pypi, conda=conda, torch=torch, flat=flat)
    return written(context.host, "mirror", change.plan, dry_run=dry_run)
