"""Entry point: the table of commands, the dispatch of one command line, and the place where every error is printed."""

import codecs
import gc
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from envtool.cli.output import FLAGS, Rerun, Result, out
from envtool.errors import Declined, EnvtoolError, ExitCode
from envtool.i18n import tr

SUMMARY = "Create, export, clone and verify environments in which PyTorch really works on this GPU."

# Every command, in the order of --help: its name, which is also the name of its file, and what it does.
COMMANDS = {
    "bootstrap": "Create an environment with the PyTorch build for this machine's GPU and driver, and verify it.",
    "verify-gpu": "Verify that PyTorch works: check layers, losses, optimizers and models against references.",
    "create": "Create an environment.",
    "list": "List the environments on this machine, or the packages in one.",
    "info": "Show an environment: its packages, torch, size, variables, pins, history and problems.",
    "install": "Add packages to an environment.",
    "uninstall": "Remove packages from an environment.",
    "update": "Update packages to their newest versions.",
    "run": "Run a command in an environment.",
    "shell": "Open a shell in an environment.",
    "vars": "Show, set and unset the variables stored in an environment.",
    "clone": "Copy an environment: conda packages, pip packages and your own files, without network access.",
    "rename": "Rename an environment, or move it within its file system, without copying it.",
    "remove": "Remove an environment and everything in it.",
    "resume": "Finish creating or changing an environment after an interruption.",
    "rollback": "Undo an interrupted change of an environment.",
    "export": "Export an environment to a file from which it can be created again.",
    "channel": "List, add, remove and reorder conda's channels.",
    "mirror": "List, test and switch mirrors of conda channels and of the Python package index.",
    "self": "Update or remove envtool itself.",
    "undo": "Undo the last change of settings files: mirrors, channels.",
}

# What needs no parser if only flags stand beside it, and the file that does it: importing typer would take longer.
BARE = {"list": "listing", "--version": "version", "-V": "version"}


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    if os.name == "posix" and sys.getfilesystemencoding() != "utf-8" and sys.executable:
        _restart_in_utf8()
    gc.set_threshold(50_000)  # a start allocates much and frees little: by default it is searched dozens of times
    for name in ("SIGTERM", "SIGHUP"):  # from a job scheduler or a closed terminal: clean up as after Ctrl-C
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)
    _complete_streams()
    try:
        sys.exit(run(sys.argv[1:]))
    finally:
        gc.freeze()  # or the interpreter searches all objects for cycles as it ends: a sixth of a short command's time


def run(arguments: Sequence[str]) -> int:
    """Run one command line, print its result or its error, and return its exit code."""
    out.command = next((word for word in arguments if not word.startswith("-")), "")
    try:
        code = _perform(arguments)
    except Declined as answer:
        out.note(answer.message)
        return ExitCode.OK
    except EnvtoolError as error:
        _advise(error, arguments)
        out.failure(_explained(error))
        return error.code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our notes has gone, as in `2>&1 | head`
        return ExitCode.OK
    except OSError as error:
        out.failure(_explained(_unforeseen(error)))
        return ExitCode.FAILED
    except UnicodeError as error:
        out.failure(_not_unicode(error))
        return ExitCode.FAILED
    if code == ExitCode.INTERRUPTED:
        out.failure(EnvtoolError(tr("Interrupted."), code=ExitCode.INTERRUPTED))
    return code


def _explained(error: EnvtoolError) -> EnvtoolError:
    from envtool.cli import full_disk

    return full_disk.explained(error)


def _perform(arguments: Sequence[str]) -> int:
    if command := _bare(arguments):
        return out.finish(command())
    from envtool.cli import foreign

    if (same := foreign.translated(arguments)) != tuple(arguments):
        out.command = next((word for word in same if not word.startswith("-")), "")
        return _perform(same)
    from envtool.cli.parser import parse

    outcome = parse(arguments, COMMANDS, SUMMARY)
    if isinstance(outcome, Rerun):
        os.chdir(outcome.folder)
        return _perform(outcome.arguments)
    return out.finish(outcome) if isinstance(outcome, Result) else outcome


def _advise(error: EnvtoolError, arguments: Sequence[str]) -> None:
    """Add to an error's hint what a command line means that conda would have understood otherwise."""
    from envtool.cli import foreign

    tables = (foreign.HINTS, foreign.NO_ENVIRONMENT) if error.code == ExitCode.MISSING else (foreign.HINTS,)
    advice = [foreign.answer(foreign.translated(arguments), table) for table in tables]
    error.hint = " ".join(filter(None, (error.hint, *advice)))


def _bare(arguments: Sequence[str]) -> Callable[[], Result] | None:
    """Return what does the work of a command line that needs no parser, its flags switched on; None for every other."""
    flags = {name: flag.attribute for flag in FLAGS for name in flag.names}
    words = [word for word in arguments if word not in flags]
    if len(words) != 1 or words[0] not in BARE:
        return None
    for word in arguments:
        if word in flags:
            setattr(out, flags[word], True)
    command: Callable[[], Result] = import_module(f"envtool.cli.{BARE[words[0]]}").command
    return command


def _restart_in_utf8() -> NoReturn:
    """Start this command line anew in Python's UTF-8 mode, which is its default from Python 3.15 on.

    Under a locale such as ISO-8859-1 Python would otherwise take the names of files and arguments for that encoding,
    and fail at each name that comes from a UTF-8 file: environments.txt, conda-meta, .condarc.
    """
    from envtool.process import Command, hand_over

    hand_over(Command((sys.executable, "-X", "utf8", *sys.orig_argv[1:])))


def _complete_streams() -> None:
    """Give a closed stream (``<&-``, ``>&-``) the null device, and escape characters that a stream cannot show."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free number is that of the closed stream: no file that is opened later gets it.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    out.stdout, out.stderr = sys.stdout, sys.stderr
    codecs.register_error("envtool", _bytes_or_escapes)
    encoding = _terminal_encoding()
    for stream in (out.stdout, out.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors="envtool")


def _terminal_encoding() -> str | None:
    """Return the encoding of the user's terminal where UTF-8 mode hides it, None where Python knows it."""
    if not sys.flags.utf8_mode or "PYTHONIOENCODING" in os.environ or os.environ.get("PYTHONUTF8") == "1":
        return None
    from envtool.encoding import system_encoding

    try:
        name = codecs.lookup(system_encoding()).name
    except LookupError:
        return None
    return None if name == "ascii" else name  # the C locale says nothing about the terminal


def _bytes_or_escapes(error: UnicodeError) -> tuple[bytes, int]:
    """Encode what a stream's encoding has not: bytes of a file name as they are on disk, characters as escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    pieces = error.object[error.start : error.end]
    encoded = (
        bytes([ord(piece) - 0xDC00]) if "\udc80" <= piece <= "\udcff" else piece.encode("ascii", "backslashreplace")
        for piece in pieces
    )
    return b"".join(encoded), error.end


def _unforeseen(error: OSError) -> EnvtoolError:
    """Return the error for a refusal of the system that no operation expected."""
    if isinstance(error, FileNotFoundError) and error.filename is None:  # raised when asking for the current folder
        failure = EnvtoolError(tr("The current folder no longer exists."), hint=tr("Change to another one: cd"))
    else:
        reason = error.strerror or str(error)
        message = f"{reason}." if error.filename is None else f"{error.filename}: {reason}."
        hint = tr("--debug shows where it happened.")
        if isinstance(error, PermissionError):
            hint = tr("Check who owns it; ENVTOOL_HOME names another folder for envtool's own files.")
        failure = EnvtoolError(message, hint=hint)
    failure.__cause__ = error
    return failure


def _not_unicode(error: UnicodeError) -> EnvtoolError:
    """Return the error for a name that no operation expected not to be Unicode."""
    text = error.object if isinstance(error, UnicodeEncodeError) else ""
    failure = EnvtoolError(
        tr("A name is not valid UTF-8: {text}", text=text) if text else tr("A name is not valid UTF-8."),
        hint=tr("Rename it, or choose another one; --debug shows where it happened."),
    )
    failure.__cause__ = error
    return failure


def _terminate(*_: object) -> None:
    raise KeyboardInterrupt
