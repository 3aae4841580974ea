"""``envtool run``: one command inside an environment, as if it had been activated for it."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Environment
from envtool.operations.workshop import settle
from envtool.prefix import bin_dir, unfinished
from envtool.process import Command, hand_over
from envtool.words import tr

# Sources the environment's activation scripts, then becomes the command. The text is constant; the user's words are
# arguments and are never read as shell.
_ACTIVATE = 'for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do . "$script"; done; exec "$@"'


def run(environment: Environment, argv: Sequence[str]) -> NoReturn:
    """Become ``argv`` inside an environment: its exit code is ours, signals reach it. Raises EnvtoolError."""
    if not argv:
        raise EnvtoolError(
            tr("No command was given."),
            hint=tr("For example: envtool run -n dl -- python train.py"),
            code=ExitCode.USAGE,
        )
    settle(environment.prefix)
    if command := unfinished(environment.prefix):
        raise EnvtoolError(
            tr(
                "{prefix} is unfinished: `{command}` did not come to its end.",
                prefix=environment.prefix,
                command=command,
            ),
            hint=tr("Remove it and make it anew: envtool remove {name}", name=environment.name or environment.prefix),
        )
    changes = activation(environment, os.environ)
    scripts = environment.prefix / "etc" / "conda" / "activate.d"
    if os.name != "nt" and scripts.is_dir() and any(scripts.glob("*.sh")):
        hand_over(Command(("/bin/sh", "-c", _ACTIVATE, "sh", *argv), env=changes))
    hand_over(Command(tuple(argv), env=changes))


def activation(environment: Environment, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return what activating changes in a process's environment: PATH, the prefix variables, stored variables.

    None removes a variable. Another active environment's programs leave PATH, so that nothing of it shines through.
    """
    prefix = environment.prefix
    programs = [str(bin_dir(prefix))]
    if os.name == "nt":  # pragma: no cover - Windows
        programs += [
            str(prefix / part) for part in ("Library/mingw-w64/bin", "Library/usr/bin", "Library/bin", "Scripts")
        ]
    left = {str(bin_dir(Path(value))) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if (value := environ.get(name))}
    path = [part for part in environ.get("PATH", os.defpath).split(os.pathsep) if part not in left]
    changes: dict[str, str | None] = {
        "PATH": os.pathsep.join((*programs, *path)),
        "PYTHONHOME": None,
        "VIRTUAL_ENV": str(prefix) if environment.kind == "venv" else None,
        "CONDA_PREFIX": str(prefix) if environment.kind == "conda" else None,
        "CONDA_DEFAULT_ENV": (environment.name or str(prefix)) if environment.kind == "conda" else None,
    }
    return changes | _stored(prefix)


def _stored(prefix: Path) -> dict[str, str | None]:
    """Return the variables stored in an environment, as conda stores them (``conda env config vars``)."""
    try:
        state = json.loads((prefix / "conda-meta" / "state").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    variables = state.get("env_vars", {}) if isinstance(state, dict) else {}
    return {name: None if value == "***unset***" else str(value) for name, value in variables.items()}
