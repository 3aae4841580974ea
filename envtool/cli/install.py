"""``envtool install`` and ``envtool uninstall``: packages into and out of an environment."""

from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.parser import app
from envtool.cli.options import (
    AcceptTos,
    Channel,
    DryRun,
    ExtraIndex,
    FindLinks,
    Force,
    Index,
    Json,
    Name,
    Offline,
    OverrideChannels,
    OverrideFrozen,
    Pip,
    Prefix,
    Yes,
    command_line,
    read_file,
    together,
)
from envtool.cli.output import out
from envtool.cli.summary import confirm_solution, solution_table
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    from envtool.operations.install import Changed


@app.command()
def install(
    packages: Annotated[list[str] | None, typer.Argument(metavar="[SPECS]...", help="conda packages to add.")] = None,
    name: Name = "",
    prefix: Prefix = None,
    pip: Pip = [],
    file: Annotated[
        list[str],
        typer.Option(
            "--requirement",
            "--file",
            "-r",
            "-f",
            metavar="FILE",
            help="requirements.txt, environment.yml, ...; - reads stdin.",
        ),
    ] = [],
    channel: Channel = [],
    override_channels: OverrideChannels = False,
    index: Index = "",
    extra_index: ExtraIndex = [],
    find_links: FindLinks = [],
    upgrade: Annotated[
        bool, typer.Option("--upgrade", "-U", help="Take the newest versions of the pip packages named.")
    ] = False,
    force: Force = False,
    override_frozen: OverrideFrozen = False,
    accept_tos: AcceptTos = False,
    offline: Offline = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Add packages to an environment, the active one unless another is named.

    [bold]envtool install -n dl scipy --pip einops[/bold]   a conda and a pip package
    [bold]envtool install -r requirements.txt[/bold]        what pip install -r does
    """
    from envtool.model import Spec
    from envtool.operations import install as change
    from envtool.operations.steps.package_sources import Asked
    from envtool.operations.steps.target import target
    from envtool.paths import Host

    if not (packages or pip or file):
        raise EnvtoolError(
            tr("Nothing was named that is to be installed."),
            hint=tr("Name packages, or a file with -r; `envtool update` brings the newest of what is there."),
            code=ExitCode.USAGE,
        )
    host = Host.here()
    environment = target(host, name, prefix)
    readings = [read_file(each) for each in file]
    for warning in (warning for reading in readings for warning in reading.warnings):
        out.warn(warning)
    request = change.InstallRequest(
        environment,
        together(Spec(conda=tuple(packages or ()), pip=tuple(pip)), [reading.spec for reading in readings]),
        Asked(tuple(channel), override_channels, index, tuple(extra_index), tuple(find_links), offline),
        upgrade=upgrade,
        force=force,
        command=command_line(),
        dry_run=dry_run,
        override_frozen=override_frozen,
        accept_tos=accept_tos,
    )
    _show(change.install(host, request, out, confirm_solution(yes=yes)))


@app.command()
def uninstall(
    packages: Annotated[list[str], typer.Argument(metavar="NAMES...", help="Packages to remove, of either half.")],
    name: Name = "",
    prefix: Prefix = None,
    channel: Channel = [],
    override_frozen: OverrideFrozen = False,
    accept_tos: AcceptTos = False,
    offline: Offline = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Remove packages from an environment, the active one unless another is named."""
    from envtool.operations import install as change
    from envtool.operations.steps.package_sources import Asked
    from envtool.operations.steps.target import target
    from envtool.paths import Host

    host = Host.here()
    request = change.UninstallRequest(
        target(host, name, prefix),
        tuple(packages),
        Asked(tuple(channel), offline=offline),
        command=command_line(),
        dry_run=dry_run,
        override_frozen=override_frozen,
        accept_tos=accept_tos,
    )
    _show(change.uninstall(host, request, out, confirm_solution(yes=yes)))


@app.command()
def update(
    packages: Annotated[
        list[str] | None, typer.Argument(metavar="[NAMES]...", help="Packages of either half. Default: all but Python.")
    ] = None,
    name: Name = "",
    prefix: Prefix = None,
    channel: Channel = [],
    override_channels: OverrideChannels = False,
    index: Index = "",
    override_frozen: OverrideFrozen = False,
    accept_tos: AcceptTos = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Bring packages to their newest versions; what `conda-meta/pinned` holds fast stays."""
    from envtool.model import Spec
    from envtool.operations import install as change
    from envtool.operations.steps.package_sources import Asked
    from envtool.operations.steps.target import target
    from envtool.paths import Host

    host = Host.here()
    request = change.InstallRequest(
        target(host, name, prefix),
        Spec(),
        Asked(tuple(channel), override_channels, index),
        command=command_line(),
        dry_run=dry_run,
        override_frozen=override_frozen,
        accept_tos=accept_tos,
    )
    _show(change.update(host, request, packages or (), out, confirm_solution(yes=yes)))


def _show(changed: "Changed") -> None:
    shown = changed.environment.name or str(changed.environment.prefix)
    same = not (changed.dry_run or changed.added or changed.removed)
    out.result(changed.as_dict(), "" if same else solution_table(changed.added, changed.removed))
    if not changed.dry_run:
        out.note(tr("{name} was so already." if same else "{name} is as you asked.", name=shown))
