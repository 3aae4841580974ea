"""``envtool self update``: update envtool itself."""

from typing import Annotated

import typer

from envtool.cli.options import ACCEPTS_YES, DryRun
from envtool.cli.output import Result, out
from envtool.i18n import tr

ACCEPTS = ACCEPTS_YES
EXAMPLES = {
    "envtool self update": "from where it was installed from",
    "envtool self update --from ~/src/envtool": "from another checkout",
    "envtool self update -i tsinghua": "with a mirror",
}


def command(
    source: Annotated[
        str, typer.Option("--from", metavar="SOURCE", help="A checkout, a wheel, an sdist or a URL of the new envtool.")
    ] = "",
    index: Annotated[
        str,
        typer.Option("--index-url", "-i", metavar="NAME|URL", help="Take packages from this mirror or index."),
    ] = "",
    dry_run: DryRun = False,
) -> Result:
    """If it fails or is interrupted, the version that was there still works. What pipx, uv or pip installed, they
    update: the command to run is shown."""
    import shlex

    from envtool.operations.context import Context
    from envtool.operations.installation.update import SelfUpdateRequest, plan, update

    context, request = Context.here(out), SelfUpdateRequest(source, index)
    if dry_run:
        planned = plan(context, request)
        out.note(tr("envtool in {prefix}, from {source}.", prefix=planned.installation.prefix, source=planned.source))
        data = planned.as_dict()
        return Result(data, shlex.join(data["command"]) + "\n")
    return Result(update(context, request).as_dict())
