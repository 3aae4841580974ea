"""``envtool resume``: finish what was interrupted."""

from envtool.cli.options import Environment
from envtool.cli.output import Rerun, Result, out
from envtool.i18n import tr


def command(name: Environment) -> Result | Rerun:
    from envtool.environments import find
    from envtool.operations.resume import resume
    from envtool.paths import Host

    host = Host.here()
    again = resume(host, find.resolve(host, name), out)
    if again:
        return Rerun(again.argv, again.folder)
    out.note(tr("Finished."))
    return Result({"name": name})
