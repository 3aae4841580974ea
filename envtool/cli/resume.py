"""``envtool resume``: finish what was interrupted."""

from envtool.cli.options import ByName, Environment, Prefix, Yes
from envtool.cli.output import Rerun, Result, out
from envtool.cli.retargeting import retargeted
from envtool.cli.which import required
from envtool.i18n import tr


def command(name: Environment = "", option: ByName = "", prefix: Prefix = None, yes: Yes = False) -> Result | Rerun:
    from envtool.operations.context import Context
    from envtool.operations.resume import resume
    from envtool.operations.steps.target import named

    context = Context.here(out)
    which = required(name, option, prefix)
    again = resume(context, named(context, which), retargeted)
    if again:
        return Rerun(_answered(again.argv) if yes else again.argv, again.folder)
    out.note(tr("Finished."))
    return Result({"name": which})


def _answered(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command line that asks nothing. What stands behind ``--`` are no options."""
    place = argv.index("--") if "--" in argv else len(argv)
    return argv if {"--yes", "-y"} & {*argv[:place]} else (*argv[:place], "--yes", *argv[place:])
