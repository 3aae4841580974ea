"""``envtool install``: add packages to an environment."""

from typing import Annotated

import typer

from envtool.cli.options import (
    FILE_HELP,
    AcceptTos,
    Channel,
    DryRun,
    ExtraIndex,
    FindLinks,
    Force,
    Index,
    Name,
    NoLinkScripts,
    Offline,
    OverrideChannels,
    OverrideFrozen,
    Pip,
    Prefix,
    Yes,
    command_line,
)
from envtool.cli.output import Result, out
from envtool.cli.solutions import change_result, confirm_solution, plan_result
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

EXAMPLES = {
    "envtool install -n dl scipy --pip einops": "a conda and a pip package",
    "envtool install -r requirements.txt": "what pip install -r installs",
}


def command(
    packages: Annotated[list[str] | None, typer.Argument(metavar="[SPECS]...", help="conda packages to add.")] = None,
    name: Name = "",
    prefix: Prefix = None,
    pip: Pip = [],
    file: Annotated[
        list[str], typer.Option("--requirement", "--file", "-r", "-f", metavar="FILE", help=FILE_HELP)
    ] = [],
    editable: Annotated[
        list[str], typer.Option("--editable", "-e", metavar="PROJECT", help="Project for pip to install in place.")
    ] = [],
    channel: Channel = [],
    override_channels: OverrideChannels = False,
    index: Index = "",
    extra_index: ExtraIndex = [],
    find_links: FindLinks = [],
    upgrade: Annotated[
        bool, typer.Option("--upgrade", "-U", help="Upgrade the packages named to their newest versions.")
    ] = False,
    force: Force = False,
    override_frozen: OverrideFrozen = False,
    accept_tos: AcceptTos = False,
    no_link_scripts: NoLinkScripts = False,
    offline: Offline = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Result:
    """The environment is the active one unless -n or -p names another. A change that fails is undone."""
    from envtool.model import Spec
    from envtool.operations import install as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.package_sources import SourceOptions
    from envtool.operations.steps.requested import requested
    from envtool.operations.steps.target import target

    if not (packages or pip or file or editable):
        raise EnvtoolError(
            tr("No packages were named."),
            hint=tr("Name some, or a file with -r. To update what is installed: envtool update"),
            code=ExitCode.USAGE,
        )
    context = Context.here(out)
    environment = target(context, name, prefix, words=packages or ())
    words = Spec(conda=tuple(packages or ()), pip=(*pip, *(f"-e {project}" for project in editable)))
    spec = requested(words, file, out, conda_half=environment.kind == "conda")
    if spec.name not in ("", environment.name):
        out.note(tr("The file is of {name}; its packages go into {title}.", name=spec.name, title=environment.title))
    request = operation.InstallRequest(
        environment,
        spec,
        sources=SourceOptions(tuple(channel), override_channels, index, tuple(extra_index), tuple(find_links), offline),
        upgrade=upgrade,
        force=force,
        command=command_line(),
        override_frozen=override_frozen,
        accept_tos=accept_tos,
        run_scripts=not no_link_scripts,
    )
    if dry_run:
        return plan_result(operation.plan(context, request))
    return change_result(operation.install(context, request, confirm_solution(yes=yes)))
