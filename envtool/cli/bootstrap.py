"""``envtool bootstrap``: create an environment with a PyTorch that is verified to work on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import (
    ByName,
    Channel,
    DryRun,
    Engine,
    ExtraIndex,
    FindLinks,
    Index,
    NewEnvironment,
    NoLinkScripts,
    Offline,
    OverrideChannels,
    Prefix,
    Python,
    Yes,
    command_line,
)
from envtool.cli.output import Result, out
from envtool.cli.solutions import confirm_solution, how_to_use, solution_table
from envtool.cli.which import chosen
from envtool.engines import AUTO
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.operations.bootstrap import Bootstrapped

EXAMPLES = {
    "envtool bootstrap dl": "for this machine",
    "envtool bootstrap dl --cpu --python 3.12": "without GPU",
    "envtool bootstrap dl --assume-driver 580 --assume-cc 9.0": "for another machine",
}


def command(
    name: NewEnvironment = "",
    python: Python = "",
    torch: Annotated[
        str, typer.Option("--torch", metavar="VERSION", help="Version of torch: 2.13, 2.13.0 or 2.13.0+cu126.")
    ] = "",
    cpu: Annotated[bool, typer.Option("--cpu", help="Install the CPU build even if there is a GPU.")] = False,
    engine: Engine = AUTO,
    channel: Channel = [],
    override_channels: OverrideChannels = False,
    index: Index = "",
    extra_index: ExtraIndex = [],
    find_links: FindLinks = [],
    option: ByName = "",
    prefix: Prefix = None,
    allow_large: Annotated[
        bool,
        typer.Option("--allow-large", help="If there is no CPU build, install the one with the CUDA libraries."),
    ] = False,
    assume_driver: Annotated[
        str, typer.Option("--assume-driver", metavar="VERSION", help="Choose for a machine with this NVIDIA driver.")
    ] = "",
    assume_cc: Annotated[
        str,
        typer.Option("--assume-cc", metavar="X.Y[,X.Y]", help="Choose for GPUs of these compute capabilities."),
    ] = "",
    no_link_scripts: NoLinkScripts = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not verify the environment.")] = False,
    offline: Offline = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Result:
    """If verification fails, the environment is kept and the exit code is 6."""
    from envtool.operations import bootstrap as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.package_sources import SourceOptions
    from envtool.operations.steps.torch_selection import TorchRequest

    chosen("" if prefix else name, option, prefix)
    request = operation.BootstrapRequest(
        prefix or name or option,
        TorchRequest(torch, python, cpu, allow_large, assume_driver, _capabilities(assume_cc)),
        engine=engine,
        sources=SourceOptions(tuple(channel), override_channels, index, tuple(extra_index), tuple(find_links), offline),
        verify=not no_verify,
        run_scripts=not no_link_scripts,
        command=command_line(),
    )
    context = Context.here(out)
    if dry_run:
        planned = operation.plan(context, request)
        return Result(planned.as_dict(), solution_table(planned.packages.conda, (), planned.packages.pip))
    return _verified(operation.bootstrap(context, request, confirm_solution(yes=yes)))


def _verified(made: "Bootstrapped") -> Result:
    from envtool.cli.verify_gpu import rendered

    environment = made.created.environment
    shown = environment.name or str(environment.prefix)
    if made.exit_code != ExitCode.OK:
        out.warn(
            tr("{name} was kept for inspection. To remove it: envtool remove {word}", name=shown, word=environment.word)
        )
    text = rendered(made.report) if made.report else ""
    return Result(made.as_dict(), text, (tr("Created {name}.", name=shown), how_to_use(environment)), made.exit_code)


def _capabilities(text: str) -> tuple[tuple[int, int], ...]:
    """Return the compute capabilities in ``9.0,12.0``. Raises EnvtoolError."""
    try:
        pairs = [entry.split(".") for entry in text.split(",") if entry]
        return tuple((int(major), int(minor)) for major, minor in pairs)
    except ValueError:
        raise EnvtoolError(
            tr("{text} is not a list of compute capabilities.", text=repr(text)),
            hint=tr("For example: 9.0, or 8.6,12.0"),
            code=ExitCode.USAGE,
        ) from None
