"""Where the command begins: what is so frequent and so plain that it need not wait for the parser, and every other."""

import signal
import sys
from collections.abc import Callable

from envtool.cli.output import out
from envtool.errors import EnvtoolError, ExitCode
from envtool.words import tr


def main() -> None:
    """Entry point of the command."""
    # A closed terminal or a job scheduler's end is to be undone as Ctrl-C is.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)
    arguments = sys.argv[1:]
    if arguments in (["list"], ["list", "--json"]):
        # Two thirds of its time would go into importing a parser of options that are not there.
        sys.exit(guarded(lambda: _list(json="--json" in arguments)))
    from envtool.cli.app import run

    sys.exit(run(arguments))


def guarded(action: Callable[[], int]) -> int:
    """Return the exit code of an action: the one place where errors are shown."""
    try:
        code = action()
    except EnvtoolError as error:
        out.failure(error)
        if out.debug:
            raise
        return error.code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone, as `| head` does; there is nobody left to tell
        return ExitCode.OK
    if code == ExitCode.INTERRUPTED:
        out.failure(EnvtoolError(tr("Interrupted; nothing half-made was left."), code=ExitCode.INTERRUPTED))
    return code


def _list(*, json: bool) -> int:
    from envtool.cli.listing import show_environments
    from envtool.paths import Host

    out.json, out.command = json, "list"
    show_environments(Host.here())
    return ExitCode.OK


def _terminate(*_: object) -> None:
    raise KeyboardInterrupt
