"""The command ``envtool``: its groups, its global options, and the one place where an error becomes an exit code."""

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Annotated

import typer

from envtool import __version__
from envtool.cli.output import out
from envtool.errors import EnvtoolError, ExitCode
from envtool.words import tr

app = typer.Typer(
    name="envtool",
    help=(
        "Environments in which PyTorch really works on this GPU: "
        "made, listed, exported, rebuilt and thrown away with one word each."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        out.write(f"envtool {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results, warnings and errors.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[  # noqa: ARG001 - acted on by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    out.quiet, out.debug = quiet, debug


def register(command: str = "") -> None:
    """Hang the commands on the app. Each file holds one command or one group, and is named like it.

    Where the asked-for command is known its file alone is imported: ``list`` is not to wait for all the others.
    """
    module = command.replace("-", "_")
    if module.isidentifier():
        with suppress(ModuleNotFoundError):
            import_module(f"envtool.cli.{module}")
    known = {info.name or getattr(info.callback, "__name__", "") for info in app.registered_commands}
    if command not in known | {info.name for info in app.registered_groups}:
        from envtool.cli import commands  # noqa: F401


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: the one place where errors are shown."""
    out.json = "--json" in arguments[: arguments.index("--")] if "--" in arguments else "--json" in arguments
    out.command = next((word for word in arguments if not word.startswith("-")), "")
    register(out.command)
    try:
        result = typer.main.get_command(app).main(list(arguments), prog_name="envtool", standalone_mode=False)
    except EnvtoolError as error:
        out.failure(error)
        if out.debug:
            raise
        return error.code
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone, as `| head` does; there is nobody left to tell
        return ExitCode.OK
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's usage errors have it; anything else is a fault of ours
            raise
        return _usage(error)
    # typer answers Ctrl-C itself, with this code and no word
    return _interrupted() if result == ExitCode.INTERRUPTED else result if isinstance(result, int) else ExitCode.OK


def _interrupted() -> int:
    out.failure(EnvtoolError(tr("Interrupted; nothing half-made was left."), code=ExitCode.INTERRUPTED))
    return ExitCode.INTERRUPTED


def _usage(error: Exception) -> int:
    if out.json:
        out.failure(EnvtoolError(error.format_message(), hint=tr("See envtool --help."), code=ExitCode.USAGE))  # type: ignore[attr-defined]
    else:
        error.show()  # type: ignore[attr-defined]
    return ExitCode.USAGE


def _terminate(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point of the command."""
    # A closed terminal or a job scheduler's end is to be undone as Ctrl-C is.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)
    sys.exit(run(sys.argv[1:]))
