"""``envtool rollback``: undo an interrupted change of an environment."""

from envtool.cli.options import ACCEPTS_YES, ByName, Environment, Prefix
from envtool.cli.output import Result, out
from envtool.cli.which import required
from envtool.i18n import tr

ACCEPTS = ACCEPTS_YES


def command(name: Environment = "", option: ByName = "", prefix: Prefix = None) -> Result:
    """Its packages become those it had before the change."""
    from envtool.operations.context import Context
    from envtool.operations.rollback import rollback
    from envtool.operations.steps.target import named

    context = Context.here(out)
    environment = named(context, required(name, option, prefix))
    rollback(context, environment)
    out.note(tr("{name} has the packages that it had before the change.", name=environment.title))
    return Result({"name": environment.name, "prefix": str(environment.prefix)})
