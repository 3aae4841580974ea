"""``envtool vars``: the variables stored in an environment, shown, set and unset."""

from collections.abc import Mapping, Sequence

from envtool.environment import is_variable_name, set_by_activation
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps.guards import refuse_frozen, refuse_unfinished
from envtool.operations.steps.prefix_lock import holding
from envtool.prefix import state_file
from envtool.prefix.layout import bin_dir


def parse(assignments: Sequence[str]) -> dict[str, str]:
    """Return the variables that NAME=VALUE words set. Raises EnvtoolError (USAGE) for one that cannot be stored."""
    wanted = {}
    for word in assignments:
        name, equals, value = word.partition("=")
        if not equals:
            raise EnvtoolError(
                tr("{word} does not have the form NAME=VALUE.", word=word),
                hint=tr("For example: envtool vars set OMP_NUM_THREADS=4 -n dl"),
                code=ExitCode.USAGE,
            )
        _require_name(name)
        if value == state_file.UNSET:
            raise EnvtoolError(
                tr("{value} cannot be a value: conda marks hidden variables with it.", value=value),
                code=ExitCode.USAGE,
            )
        wanted[name] = value
    return wanted


def set_variables(
    context: Context,
    environment: Environment,
    wanted: Mapping[str, str],
    command: str,
    *,
    override_frozen: bool = False,
) -> None:
    """Store variables in an environment. Raises EnvtoolError; nothing is changed then."""
    refuse_frozen(environment, override=override_frozen)
    taken = set(filter(set_by_activation, wanted))
    if taken:
        raise EnvtoolError(
            tr("Activation sets these itself: {names}.", names=", ".join(sorted(taken))),
            hint=tr("Leave them out. To add a program to PATH, link it into {bin}.", bin=bin_dir(environment.prefix)),
            code=ExitCode.USAGE,
        )
    with holding(environment.prefix, command, context.reporter):
        refuse_unfinished(environment)
        state_file.store(environment.prefix, wanted)


def unset_variables(
    context: Context, environment: Environment, names: Sequence[str], command: str, *, override_frozen: bool = False
) -> None:
    """Remove stored variables, and hide those that packages set. Raises EnvtoolError; nothing is changed then."""
    refuse_frozen(environment, override=override_frozen)
    with holding(environment.prefix, command, context.reporter):
        refuse_unfinished(environment)
        known = {*state_file.require_stored(environment.prefix), *state_file.brought(environment.prefix)}
        if unknown := [name for name in names if name not in known]:
            raise EnvtoolError(
                tr("{name} has no variable {names}.", name=environment.title, names=", ".join(unknown)),
                hint=tr("`envtool vars {name}` shows all of them.", name=environment.word),
                code=ExitCode.MISSING,
            )
        state_file.remove(environment.prefix, names)


def _require_name(name: str) -> None:
    if not is_variable_name(name):
        raise EnvtoolError(
            tr("{name!r} is not a valid variable name.", name=name),
            hint=tr("Use letters, digits and '_'; begin with a letter or '_'."),
            code=ExitCode.USAGE,
        )
