"""``envtool bootstrap``: one word from a bare machine to an environment whose PyTorch is proved to work."""

from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.parser import app
from envtool.cli.options import (
    Channel,
    DryRun,
    Engine,
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
from envtool.cli.summary import confirm_solution, say_how_to_use, solution_table
from envtool.engines import AUTO
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.operations.bootstrap import Bootstrapped


@app.command()
def bootstrap(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="What to call it.", show_default=False)] = "",
    python: Annotated[str, typer.Option("--python", metavar="VERSION", help="The version of Python, as 3.12.")] = "",
    torch: Annotated[
        str, typer.Option("--torch", metavar="VERSION", help="The version of torch: 2.13, 2.13.0, 2.13.0+cu126.")
    ] = "",
    cpu: Annotated[bool, typer.Option("--cpu", help="Take the CPU build, whatever cards there are.")] = False,
    engine: Engine = AUTO,
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
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not run the checks afterwards.")] = False,
    offline: Offline = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Make an environment with the PyTorch build for this machine's GPU and driver, and verify it.

    [bold]envtool bootstrap dl[/bold]                                      the best here
    [bold]envtool bootstrap dl --cpu --python 3.12[/bold]                  without GPU
    [bold]envtool bootstrap dl --assume-driver 580 --assume-cc 9.0[/bold]  elsewhere
    """
    from envtool.operations.bootstrap import BootstrapRequest
    from envtool.operations.bootstrap import bootstrap as operation
    from envtool.operations.steps.package_sources import Asked
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
        verify=not no_verify,
        dry_run=dry_run,
        command=command_line(),
    )
    made = operation(Host.here(), request, out, confirm_solution(yes=yes))
    if dry_run:
        out.result(made.as_dict(), solution_table(made.created.conda, (), made.created.pip))
    else:
        _show(made)


def _show(made: "Bootstrapped") -> None:
    """Show the verification, and say how to go on."""
    from envtool.cli.verify_gpu import rendered

    environment = made.created.environment
    shown = environment.name or str(environment.prefix)
    report = made.report
    # Here a GPU that torch does not see is a failure: this environment was made for it.
    code = ExitCode.OK if report is None or report.passed else ExitCode.VERDICT_NO
    if code != ExitCode.OK:
        out.warn(tr("{name} was kept for a look; `envtool remove {name}` removes it.", name=shown))
    out.verdict(made.as_dict(), rendered(report) if report else "", code)
    out.note(tr("Made {name}.", name=shown))
    say_how_to_use(environment)


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
