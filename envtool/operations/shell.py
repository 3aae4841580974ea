"""``envtool shell``: the user's shell in an environment. No file of the user's is written."""

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
from envtool.operations.steps.activation import activation, programs, scripts
from envtool.operations.steps.guards import refuse_unfinished
from envtool.paths import Host
from envtool.process import Command, hand_over

INSIDE = "ENVTOOL_SHELL"  # the prefix of the environment whose shell this is
# Read by the shells when they start: the user's own files first, the activation last. The texts are constant; what they
# set comes in ENVTOOL_ACTIVATE. bash gets bash.sh by --rcfile, zsh finds its two by ZDOTDIR, fish its one by -C.
_FILES = Path(__file__).parent / "shells"


def shell(context: Context, environment: Environment) -> NoReturn:
    """Become the user's shell in an environment; its exit code is ours. Raises EnvtoolError."""
    refuse_unfinished(environment)
    if outer := context.host.environ.get(INSIDE):
        context.reporter.note(tr("This shell runs inside the shell of {outer}: `exit` returns there.", outer=outer))
    program = _users_shell(context.host)
    environ = context.host.environ
    argv: tuple[str, ...]
    match Path(program).name:
        case "bash":
            argv, text, more = ("--rcfile", str(_FILES / "bash.sh"), "-i"), _posix(environ, environment), {}
        case "zsh":
            places = {"ZDOTDIR": str(_FILES), "ENVTOOL_ZDOTDIR": environ.get("ZDOTDIR", "")}
            argv, text, more = ("-i",), _posix(environ, environment), places
        case "fish":
            argv = ("-i", "-C", 'source "$ENVTOOL_SHELLS/activate.fish"')
            text, more = _fish(environ, environment), {}
        case _:
            _enter_any(environ, program, environment)
    hand_over(Command((program, *argv), env={"ENVTOOL_SHELLS": str(_FILES), "ENVTOOL_ACTIVATE": text, **more}))


def _enter_any(environ: Mapping[str, str], program: str, environment: Environment) -> NoReturn:
    """Become a shell that cannot read a file of ours after the user's own: it gets the variables alone."""
    prompt = f"({_prompt(environment)}) "
    # sh, dash and ksh take PS1 from the environment where no file of theirs sets it; cmd takes PROMPT.
    more = {INSIDE: str(environment.prefix), "PS1": f"{prompt}$ ", "PROMPT": f"{prompt}$P$G"}
    enter(environ, environment, (program,), more)


def _users_shell(host: Host) -> str:
    if host.system == "Windows":
        return host.environ.get("COMSPEC", "cmd.exe")
    return host.environ.get("SHELL") or "/bin/sh"


def _prompt(environment: Environment) -> str:
    """Return an environment's name as any shell's prompt can show it: in most of them prompts are programs."""
    return re.sub(r"[^\w @+=:,./~-]", "?", environment.title)


def _assignments(environ: Mapping[str, str], environment: Environment) -> dict[str, str | None]:
    """Return the variables to set (None: unset). Not PATH: that is extended after the user's own files were read."""
    changes = activation(environment, environ) | {INSIDE: str(environment.prefix)}
    return {name: value for name, value in changes.items() if name != "PATH"}


def _posix(environ: Mapping[str, str], environment: Environment) -> str:
    """Return the activation in the syntax of bash and zsh."""
    lines = [
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
        for name, value in _assignments(environ, environment).items()
    ]
    lines.append(f'export PATH={shlex.quote(os.pathsep.join(programs(environment)))}:"$PATH"')
    lines += [f". {shlex.quote(str(script))}" for script in scripts(environment)]
    lines.append(f"PS1={shlex.quote(f'({_prompt(environment)}) ')}$PS1")
    return "\n".join(lines)


def _fish(environ: Mapping[str, str], environment: Environment) -> str:
    """Return the activation in the syntax of fish, in whose quotes a backslash escapes."""

    def quote(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = [
        f"set -e {name}" if value is None else f"set -gx {name} {quote(value)}"
        for name, value in _assignments(environ, environment).items()
    ]
    lines.append(f"set -gx PATH {' '.join(map(quote, programs(environment)))} $PATH")
    lines += [f"source {quote(str(script))}" for script in scripts(environment, ".fish")]
    lines.append(f"set -g _envtool_title {quote(_prompt(environment))}")
    return "\n".join(lines)
