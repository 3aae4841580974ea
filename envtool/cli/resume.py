"""``envtool resume``: finish what was interrupted."""

from envtool.cli.options import Environment
from envtool.cli.output import Rerun, Result, out
from envtool.i18n import tr


def command(name: Environment) -> Result | Rerun:
    from envtool.operations.context import Context
    from envtool.operations.resume import resume
    from envtool.operations.steps.target import named

    context = Context.here(out)
    again = resume(context, named(context, name))
    if again:
        return Rerun(again.argv, again.folder)
    out.note(tr("Finished."))
    return Result({"name": name})
