"""Reasons not to change, move or remove an environment, each with the one error that says so."""

import os
import shlex
import sys
from pathlib import Path

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps.target import is_active
from envtool.prefix import frozen, marks, pinned
from envtool.prefix.layout import kind_of
from envtool.prefix.marks import old_state_of, snapshot_of, unfinished


def is_installation(environment: Environment) -> bool:
    """Return whether an environment is the root of a conda installation: base, or that of another installation."""
    prefix = environment.prefix
    if environment.name == "base":
        return True
    # An environment with the package conda in it has a condabin, too, but no packages or environments of its own.
    return (prefix / "condabin").is_dir() and any((prefix / part).is_dir() for part in ("pkgs", "envs"))


def refuse_installation(environment: Environment) -> None:
    """Raise EnvtoolError (USAGE) for the root of a conda installation."""
    if is_installation(environment):
        raise EnvtoolError(
            tr("{prefix} is a conda installation, which envtool does not change or remove.", prefix=environment.prefix),
            hint=tr(
                "Create an environment for your packages (envtool create NAME ...), or clone this one"
                " (envtool clone {prefix} NAME).",
                prefix=shlex.quote(str(environment.prefix)),
            ),
            code=ExitCode.USAGE,
        )


def refuse_link(environment: Environment) -> None:
    """Raise EnvtoolError (USAGE) for a link: removing it would leave the environment, which was shown, in its place."""
    prefix = environment.prefix
    if prefix.is_symlink():
        target = prefix.resolve()
        raise EnvtoolError(
            tr("{prefix} is a link to the environment {target}.", prefix=prefix, target=target),
            hint=tr(
                "To remove the environment: envtool remove {target}. To remove the link alone: rm {prefix}",
                target=shlex.quote(str(target)),
                prefix=shlex.quote(str(prefix)),
            ),
            code=ExitCode.USAGE,
        )


def refuse_home(context: Context, environment: Environment) -> None:
    """Raise EnvtoolError (USAGE) for a folder that holds the home folder, whatever else it is."""
    home = context.host.home.resolve()
    if home.is_relative_to(environment.prefix.resolve()):
        raise EnvtoolError(
            tr("{prefix} holds the home folder, and is not removed.", prefix=environment.prefix),
            hint=tr("If an environment was made there by mistake, delete its conda-meta folder by hand."),
            code=ExitCode.USAGE,
        )


def refuse_invalid_pins(environment: Environment) -> None:
    """Raise EnvtoolError (BAD_INPUT) for a line of ``conda-meta/pinned`` that pins nothing because it is no spec."""
    from envtool.specs import match_spec
    from envtool.specs.problem import Place, problem

    file = str(pinned.path_of(environment.prefix))
    for number, text in pinned.numbered(environment.prefix).items():
        if not match_spec.is_spec(text):
            hint = tr("Each line holds one spec, such as numpy=1.26. Correct the line, or put a # in front of it.")
            raise problem(Place(file, number), match_spec.not_a_spec(text), hint)


def refuse_own(environment: Environment) -> None:
    """Raise EnvtoolError (USAGE) for the environment that envtool itself is installed in."""
    if environment.prefix.resolve() == Path(sys.prefix).resolve():
        raise EnvtoolError(
            tr("envtool is installed in {prefix}, and does not change or remove it.", prefix=environment.prefix),
            hint=tr("Name another environment, or use the pip of this one."),
            code=ExitCode.USAGE,
        )


def refuse_active(context: Context, environment: Environment) -> None:
    """Raise EnvtoolError (USAGE) for the environment that is active in the user's shell."""
    if is_active(context, environment):
        raise EnvtoolError(
            tr("The environment {name} is active in this shell.", name=environment.title),
            hint=tr("Deactivate it first: conda deactivate, or deactivate for a venv."),
            code=ExitCode.USAGE,
        )


def refuse_frozen(environment: Environment, *, override: bool = False) -> None:
    """Raise EnvtoolError for an environment that its owner has frozen (CEP 22), unless ``override`` is given."""
    message = frozen.message(environment.prefix)
    if message is not None and not override:
        raise EnvtoolError(
            tr("{name} is frozen. {message}", name=environment.title, message=message).strip(),
            hint=tr("Work on a clone of it, or add --override-frozen."),
        )


def refuse_unfinished(environment: Environment) -> None:
    """Raise EnvtoolError for an environment that was only half created or changed, with the ways out."""
    if (worker := marks.worker(environment.prefix)) and worker.pid != os.getpid() and unfinished(environment.prefix):
        raise EnvtoolError(
            tr(
                "{name} is being changed by `envtool {command}` (process {pid}).",
                name=environment.title,
                command=worker.command,
                pid=worker.pid,
            ),
            hint=tr("Wait until it ends, then try again."),
        )
    if found := interruption(environment):
        message, hint = found
        raise EnvtoolError(message, hint=hint)


def interruption(environment: Environment) -> tuple[str, str] | None:
    """Return what interrupted an unfinished environment, and the ways out; None for a finished one."""
    command = unfinished(environment.prefix)
    if not command:
        return None
    name = environment.title
    message = tr("{name} is unfinished: `{command}` was interrupted.", name=name, command=command)
    if can_go_back(environment.prefix):
        return message, tr(
            "Finish it with `envtool resume {word}`, or go back with `envtool rollback {word}`.", word=environment.word
        )
    return message, tr(
        "Finish it with `envtool resume {word}`, or remove it: `envtool remove {word}`.", word=environment.word
    )


def can_go_back(prefix: Path) -> bool:
    """Return whether the state before an unfinished change was kept, by this envtool or by 0.1."""
    from envtool.prefix import snapshot

    return (snapshot_of(prefix) / snapshot.INDEX).exists() or old_state_of(prefix) is not None


def require_environment(prefix: Path) -> None:
    """Raise EnvtoolError where no environment lies at ``prefix``: nothing else is ever changed or removed."""
    if kind_of(prefix) is None:
        raise EnvtoolError(
            tr("{prefix} is not an environment: it has neither conda-meta/history nor pyvenv.cfg.", prefix=prefix),
            hint=tr("`envtool list` shows all environments."),
        )
