"""The command line ``envtool``: its commands, its global options, and what is no command."""

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Annotated

import typer

from envtool import __version__
from envtool.cli.main import guarded
from envtool.cli.output import out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

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
    """Run one command line and return its exit code."""
    out.json = "--json" in arguments[: arguments.index("--")] if "--" in arguments else "--json" in arguments
    out.command = _command(arguments)
    return guarded(lambda: perform(arguments))


def perform(arguments: Sequence[str]) -> int:
    """Do what one command line says and return its exit code; its errors are the caller's to show."""
    register(_command(arguments))
    try:
        result = typer.main.get_command(app).main(list(arguments), prog_name="envtool", standalone_mode=False)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's usage errors have it; anything else is a fault of ours
            raise
        return _usage(error)
    return result if isinstance(result, int) else ExitCode.OK


def _command(arguments: Sequence[str]) -> str:
    return next((word for word in arguments if not word.startswith("-")), "")


def _usage(error: Exception) -> int:
    if out.json:
        out.failure(EnvtoolError(error.format_message(), hint=tr("See envtool --help."), code=ExitCode.USAGE))  # type: ignore[attr-defined]
    else:
        error.show()  # type: ignore[attr-defined]
    return ExitCode.USAGE
