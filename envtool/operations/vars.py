"""``envtool vars``: the variables stored in an environment, looked at and changed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envtool.errors import EnvtoolError, ExitCode
from envtool.files import write_atomically
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps.activation import markers, title
from envtool.operations.steps.prefix_lock import holding, refuse_unfinished
from envtool.prefix import state_file
from envtool.prefix.layout import bin_dir
from envtool.redaction import MASK, is_secret


def shown(environment: Environment, *, show: bool = False) -> dict[str, str]:
    """Return the variables that entering an environment sets; what looks like a secret is masked unless ``show``."""
    return {
        name: MASK if is_secret(name, value) and not show else value
        for name, value in state_file.in_force(environment.prefix).items()
    }


def parse(assignments: Sequence[str]) -> dict[str, str]:
    """Return what NAME=VALUE words ask for. Raises EnvtoolError for what cannot be stored."""
    wanted = {}
    for word in assignments:
        name, equals, value = word.partition("=")
        if not equals:
            raise EnvtoolError(
                tr("{word} is not of the form NAME=VALUE.", word=word),
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


def set_variables(context: Context, environment: Environment, wanted: Mapping[str, str], command: str) -> None:
    """Store variables in an environment. Raises EnvtoolError; nothing was changed then."""
    taken = {state_file.RESERVED, *markers(environment)} & set(wanted)
    if taken:
        raise EnvtoolError(
            tr("{names} cannot be stored: activation itself sets it.", names=", ".join(sorted(taken))),
            hint=tr("Leave it out; programs of your own can be linked into {bin}.", bin=bin_dir(environment.prefix)),
            code=ExitCode.USAGE,
        )
    with holding(environment.prefix, command, context.reporter):
        refuse_unfinished(environment)
        state = _read(environment.prefix)
        _write(environment.prefix, state, state.get("env_vars", {}) | wanted)


def unset_variables(context: Context, environment: Environment, names: Sequence[str], command: str) -> None:
    """Remove stored variables, and hide those that packages bring. Raises EnvtoolError; nothing was changed then."""
    with holding(environment.prefix, command, context.reporter):
        refuse_unfinished(environment)
        state = _read(environment.prefix)
        stored = dict(state.get("env_vars", {}))
        brought = state_file.brought(environment.prefix)
        if unknown := [name for name in names if name not in stored and name not in brought]:
            raise EnvtoolError(
                tr("{name} has no variable {names}.", name=title(environment), names=", ".join(unknown)),
                hint=tr("`envtool vars {name}` shows those it has. Nothing was changed.", name=title(environment)),
                code=ExitCode.MISSING,
            )
        for name in names:
            stored.pop(name, None)
        _write(environment.prefix, state, stored | {name: state_file.UNSET for name in names if name in brought})


def _require_name(name: str) -> None:
    if not state_file.is_name(name):
        raise EnvtoolError(
            tr("{name!r} cannot be the name of a variable.", name=name),
            hint=tr("Use letters, digits and '_', not beginning with a digit."),
            code=ExitCode.USAGE,
        )


def _read(prefix: Path) -> dict[str, Any]:
    """Return the whole state file: others keep things there, too. Raises EnvtoolError where it is not understood."""
    path = state_file.state_file(prefix)
    try:
        state = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        state = None
    if not isinstance(state, dict) or not isinstance(state.get("env_vars", {}), dict):
        raise EnvtoolError(
            tr("{path} cannot be understood; nothing was changed.", path=path),
            hint=tr(
                'It should hold JSON such as {{"env_vars": {{"NAME": "VALUE"}}}}. Mend it, or move it away.', path=path
            ),
            code=ExitCode.BAD_INPUT,
        )
    return state


def _write(prefix: Path, state: Mapping[str, Any], stored: Mapping[str, str]) -> None:
    content = {**state, "env_vars": dict(stored)}
    write_atomically(state_file.state_file(prefix), json.dumps(content, ensure_ascii=False).encode())
