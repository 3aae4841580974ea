"""``envtool bootstrap``: one word from a bare machine to an environment whose PyTorch is proved to work."""

from typing import Annotated

import typer

from envtool.cli.app import app
from envtool.cli.options import (
    Channel,
    DryRun,
    ExtraIndex,
    FindLinks,
    Index,
    Json,
    Offline,
    OverrideChannels,
    Prefix,
    Yes,
    command_line,
)
from envtool.cli.output import out
from envtool.cli.summary import ask_about, solution_table
from envtool.errors import EnvtoolError, ExitCode
from envtool.words import tr


@app.command()
def bootstrap(
    name: Annotated[str, typer.Argument(help="What to call it.", show_default=False)] = "",
    python: Annotated[str, typer.Option("--python", metavar="VERSION", help="The version of Python, as 3.12.")] = "",
    torch: Annotated[
        str, typer.Option("--torch", metavar="VERSION", help="The version of torch: 2.13, 2.13.0, 2.13.0+cu126.")
    ] = "",
    cpu: Annotated[bool, typer.Option("--cpu", help="Take the CPU build, whatever cards there are.")] = False,
    engine: Annotated[str, typer.Option("--engine", metavar="ENGINE", help="auto, conda, embedded or venv.")] = "auto",
    channel: Channel = [],
    override_channels: OverrideChannels = False,
    index: Index = "",
    extra_index: ExtraIndex = [],
    find_links: FindLinks = [],
    prefix: Prefix = None,
    allow_large: Annotated[
        bool,
        typer.Option("--allow-large", help="Where the CPU build cannot be had, take the one with the CUDA libraries."),
    ] = False,
    assume_driver: Annotated[
        str, typer.Option("--assume-driver", metavar="VERSION", help="Choose for a machine with this NVIDIA driver.")
    ] = "",
    assume_cc: Annotated[
        str,
        typer.Option("--assume-cc", metavar="X.Y[,X.Y]", help="Choose for GPUs of these compute capabilities."),
    ] = "",
    no_verify: Annotated[  # noqa: ARG001 - until there are checks
        bool, typer.Option("--no-verify", help="Do not run the checks afterwards.")
    ] = False,
    offline: Offline = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Make an environment with the PyTorch build for this machine's GPU and driver, and verify it.

    [bold]envtool bootstrap dl[/bold]                                         the best for this machine
    [bold]envtool bootstrap dl --cpu --python 3.12[/bold]                     without GPU
    [bold]envtool bootstrap dl --assume-driver 580 --assume-cc 9.0[/bold]     for another machine
    """
    from envtool.operations.bootstrap import BootstrapRequest
    from envtool.operations.bootstrap import bootstrap as operation
    from envtool.operations.sources import Asked
    from envtool.paths import Host

    request = BootstrapRequest(
        name=name,
        prefix=prefix,
        python=python,
        torch=torch,
        cpu=cpu,
        engine=engine,
        sources=Asked(tuple(channel), override_channels, index, tuple(extra_index), tuple(find_links), offline),
        allow_large=allow_large,
        assume_driver=assume_driver,
        assume_cc=_capabilities(assume_cc),
        dry_run=dry_run,
        command=command_line(),
    )
    host = Host.here()
    made = operation(host, request, out, ask_about(yes=yes))
    if dry_run:
        out.result(made.as_dict(), solution_table(made.created.conda, (), made.created.pip))
        return
    environment = made.created.environment
    shown = environment.name or str(environment.prefix)
    out.note(tr("Made {name} at {prefix}.", name=shown, prefix=environment.prefix))
    out.result(made.as_dict())


def _capabilities(text: str) -> tuple[tuple[int, int], ...]:
    """Read ``9.0,12.0``."""
    try:
        pairs = [entry.split(".") for entry in text.split(",") if entry]
        return tuple((int(major), int(minor)) for major, minor in pairs)
    except ValueError:
        raise EnvtoolError(
            tr("{text} is not a list of compute capabilities.", text=repr(text)),
            hint=tr("Write them like 9.0 or 8.6,12.0."),
            code=ExitCode.USAGE,
        ) from None
