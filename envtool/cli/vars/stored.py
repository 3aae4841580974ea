"""The result of changing the variables of an environment."""

from envtool.cli.output import Result, out
from envtool.i18n import tr
from envtool.model import Environment


def stored(environment: Environment) -> Result:
    """Return the result, and tell when the change takes effect."""
    name, prefix = environment.name, str(environment.prefix)
    out.note(tr("Stored. Shells in which {name} is active see it when they activate it again.", name=name or prefix))
    return Result({"name": name, "path": prefix})
