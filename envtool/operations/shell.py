"""``envtool shell``: a shell of the user's inside an environment. Nothing of the user's is written."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.run import enter
from envtool.operations.steps.activation import activation, programs, scripts, title
from envtool.operations.steps.prefix_lock import refuse_unfinished
from envtool.paths import Host
from envtool.process import Command, hand_over

INSIDE = "ENVTOOL_SHELL"  # the prefix of the environment whose shell this is
# What the shells read when they start: the user's own files first, the activation last. The texts are constant; what is
# to be set comes in ENVTOOL_ACTIVATE. bash gets bash.sh by --rcfile, zsh finds its two by ZDOTDIR, fish's by -C.
_FILES = Path(__file__).parent / "shells"


def shell(context: Context, environment: Environment) -> NoReturn:
    """Become the user's shell inside an environment: leaving it ends it, with its exit code. Raises EnvtoolError."""
    refuse_unfinished(environment)
    if outer := context.host.environ.get(INSIDE):
        context.reporter.note(tr("This shell is inside the one of {outer}: `exit` leads back there.", outer=outer))
    program = _users_shell(context.host)
    argv: tuple[str, ...]
    match Path(program).name:
        case "bash":
            argv, text, more = ("--rcfile", str(_FILES / "bash.sh"), "-i"), _posix(context.host, environment), {}
        case "zsh":
            places = {"ZDOTDIR": str(_FILES), "ENVTOOL_ZDOTDIR": context.host.environ.get("ZDOTDIR", "")}
            argv, text, more = ("-i",), _posix(context.host, environment), places
        case "fish":
            argv, text, more = (
                ("-i", "-C", 'source "$ENVTOOL_SHELLS/activate.fish"'),
                _fish(context.host, environment),
                {},
            )
        case _:
            _enter_any(context.host.environ, program, environment)
    hand_over(Command((program, *argv), env={"ENVTOOL_SHELLS": str(_FILES), "ENVTOOL_ACTIVATE": text, **more}))


def _enter_any(environ: Mapping[str, str], program: str, environment: Environment) -> NoReturn:
    """Become a shell that lets nobody speak after the user's own files: it gets the variables alone."""
    prompt = f"({_prompt(environment)}) "
    # sh, dash and ksh take the prompt from the environment where no file of theirs sets it, cmd another one.
    more = {INSIDE: str(environment.prefix), "PS1": f"{prompt}$ ", "PROMPT": f"{prompt}$P$G"}
    enter(environ, environment, (program,), more)


def _users_shell(host: Host) -> str:
    if host.system == "Windows":
        return host.environ.get("COMSPEC", "cmd.exe")
    return host.environ.get("SHELL") or "/bin/sh"


def _prompt(environment: Environment) -> str:
    """Return an environment's name as any shell's prompt can take it: prompts are programs in most of them."""
    return re.sub(r"[^\w @+=:,./~-]", "?", title(environment))


def _assignments(host: Host, environment: Environment) -> dict[str, str | None]:
    """Return what is to be set (None: removed). Not PATH: that is extended once the user's own files have been read."""
    changes = activation(environment, host.environ) | {INSIDE: str(environment.prefix)}
    return {name: value for name, value in changes.items() if name != "PATH"}


def _posix(host: Host, environment: Environment) -> str:
    """Return the activation as bash and zsh understand it."""
    lines = [
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
        for name, value in _assignments(host, environment).items()
    ]
    lines.append(f'export PATH={shlex.quote(os.pathsep.join(programs(environment)))}:"$PATH"')
    lines += [f". {shlex.quote(str(script))}" for script in scripts(environment)]
    lines.append(f"PS1={shlex.quote(f'({_prompt(environment)}) ')}$PS1")
    return "\n".join(lines)


def _fish(host: Host, environment: Environment) -> str:
    """Return the activation as fish understands it, whose quotes know a backslash."""

    def quote(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = [
        f"set -e {name}" if value is None else f"set -gx {name} {quote(value)}"
        for name, value in _assignments(host, environment).items()
    ]
    lines.append(f"set -gx PATH {' '.join(map(quote, programs(environment)))} $PATH")
    lines += [f"source {quote(str(script))}" for script in scripts(environment, ".fish")]
    lines.append(f"set -g _envtool_title {quote(_prompt(environment))}")
    return "\n".join(lines)
