"""Where the command begins: what is so frequent and so plain that it need not wait for the parser, and every other."""

import io
import os
import signal
import sys
from collections.abc import Callable

from envtool.cli.output import out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr


def main() -> None:
    """Entry point of the command."""
    # A closed terminal or a job scheduler's end is to be undone as Ctrl-C is.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)
    _complete_streams()
    arguments = sys.argv[1:]
    if arguments in (["list"], ["list", "--json"]):
        # Two thirds of its time would go into importing a parser of options that are not there.
        sys.exit(guarded(lambda: _list(json="--json" in arguments)))
    from envtool.cli.parser import run

    sys.exit(run(arguments))


def guarded(action: Callable[[], int]) -> int:
    """Return the exit code of an action: the one place where errors are shown."""
    try:
        code = action()
    except EnvtoolError as error:
        out.failure(error)
        return error.code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our words has gone, as `2>&1 | head` does; there is nobody left to tell
        return ExitCode.OK
    except OSError as error:
        out.failure(_unforeseen(error))
        return ExitCode.FAILED
    if code == ExitCode.INTERRUPTED:
        out.failure(EnvtoolError(tr("Interrupted."), code=ExitCode.INTERRUPTED))
    return code


def _list(*, json: bool) -> int:
    from envtool.cli.listing import show_environments
    from envtool.paths import Host

    out.json, out.command = json, "list"
    show_environments(Host.here())
    return ExitCode.OK


def _complete_streams() -> None:
    """Give a stream that was closed (``<&-``, ``>&-``) the null device, and have no character that cannot be shown."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free number is the closed stream's own: no file of ours will be taken for it.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    out.stdout, out.stderr = sys.stdout, sys.stderr
    for stream in (out.stdout, out.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _unforeseen(error: OSError) -> EnvtoolError:
    """Return what the system refused, where no operation has words of its own for it."""
    if isinstance(error, FileNotFoundError) and error.filename is None:  # what asking for the current folder raises
        failure = EnvtoolError(tr("The current folder does not exist any more."), hint=tr("Go to another one: cd"))
    else:
        reason = error.strerror or str(error)
        file = tr("The system") if error.filename is None else error.filename
        hint = tr("--debug shows where it happened.")
        if isinstance(error, PermissionError):
            hint = tr("Check who owns it; ENVTOOL_HOME names another folder for what is envtool's own.")
        failure = EnvtoolError(tr("{file}: {reason}.", file=file, reason=reason), hint=hint)
    failure.__cause__ = error
    return failure


def _terminate(*_: object) -> None:
    raise KeyboardInterrupt
