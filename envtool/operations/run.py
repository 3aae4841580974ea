"""``envtool run``: one command in an environment, as if the environment had been activated for it."""

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

from envtool.environment import Environment
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context
from envtool.operations.steps.activation import activation, scripts
from envtool.prefix.layout import python_fault, should_have_python
from envtool.prefix.marks import old_renaming_of
from envtool.process import Command, hand_over

# Sources the environment's activation scripts, then becomes the command. The text is constant: the user's words are
# arguments and are never read as shell code.
_ACTIVATE = 'for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do . "$script"; done; exec "$@"'


def run(context: Context, environment: Environment, argv: Sequence[str]) -> NoReturn:
    """Become ``argv`` in an environment: its exit code is ours, signals reach it. Raises EnvtoolError."""
    if not argv:
        raise EnvtoolError(
            tr("No command was given."),
            hint=tr("For example: envtool run -n dl -- python train.py"),
            code=ExitCode.USAGE,
        )
    if environment.unfinished or old_renaming_of(environment.prefix).exists():
        from envtool.operations.steps.guards import refuse_unfinished
        from envtool.operations.steps.prefix_lock import finish_rename

        if environment.worker is None:
            finish_rename(environment.prefix)
        refuse_unfinished(environment)
    _require_python(environment)
    enter(context.host.environ, environment, argv)


def _require_python(environment: Environment) -> None:
    """Raise EnvtoolError (MISSING) where an environment has lost its Python: PATH would offer somebody else's."""
    prefix = environment.prefix
    if should_have_python(prefix, environment.kind) and (fault := python_fault(prefix)):
        raise EnvtoolError(
            tr("The Python of {name} cannot start: {reason}.", name=environment.title, reason=fault),
            hint=tr("Create the environment again, or install its Python again if conda packages can be installed."),
            code=ExitCode.MISSING,
        )


def enter(
    environ: Mapping[str, str], environment: Environment, argv: Sequence[str], more: Mapping[str, str] = {}
) -> NoReturn:
    """Become ``argv`` with an environment active around it, and ``more`` variables. Raises EnvtoolError.

    ``environ`` holds the variables that another active environment may have set.
    """
    changes = {**activation(environment, environ), **more}
    if os.name != "nt" and scripts(environment):
        hand_over(Command(("/bin/sh", "-c", _ACTIVATE, "sh", *argv), env=changes))
    hand_over(Command(tuple(argv), env=changes))
