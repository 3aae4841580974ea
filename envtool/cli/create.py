"""``envtool create``: create an environment, from packages, from files, or as a clone."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import (
    AcceptTos,
    ByName,
    Channel,
    DryRun,
    Engine,
    ExtraIndex,
    File,
    FindLinks,
    Force,
    Index,
    NoLinkScripts,
    Offline,
    OverrideChannels,
    Pip,
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

EXAMPLES = {
    "envtool create dl python=3.12 numpy": "conda packages",
    "envtool create dl --pip torch --pip 'numpy<3'": "pip packages, too",
    "envtool create -f environment.yml": "packages listed in a file",
    "envtool export dl | envtool create dl2 -f -": "another environment's packages",
}
_OF_CLONES = (
    "clone",
    "name",
    "option",
    "packages",
    "prefix",
    "offline",
    "dry_run",
    "yes",
)  # parameters that a clone takes


def command(
    call: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="[NAME]", help="Name of the environment. Default: the name in the file."),
    ] = "",
    packages: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SPECS]...", help="conda packages: numpy, python=3.12, 'scipy>=1.10'."),
    ] = None,
    python: Python = "",
    pip: Pip = [],
    file: File = [],
    channel: Channel = [],
    override_channels: OverrideChannels = False,
    index: Index = "",
    extra_index: ExtraIndex = [],
    find_links: FindLinks = [],
    clone: Annotated[str, typer.Option("--clone", metavar="SOURCE", help="Clone this environment.")] = "",
    engine: Engine = AUTO,
    option: ByName = "",
    prefix: Prefix = None,
    no_pip: Annotated[bool, typer.Option("--no-pip", help="Do not add pip to an environment with Python.")] = False,
    compile_bytecode: Annotated[
        bool, typer.Option("--compile", help="Write .pyc files now rather than at the first import.")
    ] = False,
    force: Force = False,
    offline: Offline = False,
    accept_tos: AcceptTos = False,
    no_link_scripts: NoLinkScripts = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Result:
    """If anything fails, nothing is left behind."""
    from envtool.model import Spec

    if chosen("", option, prefix) and name:  # the first word is a package then, as it is to conda
        name, packages = "", [name, *(packages or [])]
    name = name or option
    if clone:
        _refuse_beside_clone(call)
        return _clone(clone, prefix or name, packages, dry_run=dry_run)
    from envtool.operations import create as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.engine_selection import has_conda_half
    from envtool.operations.steps.package_sources import SourceOptions
    from envtool.operations.steps.requested import requested, require_name

    words = ([f"python={python}"] if python else []) + (packages or [])
    spec = requested(Spec(name=name, conda=tuple(words), pip=tuple(pip)), file, out, conda_half=has_conda_half(engine))
    if not prefix:
        require_name(spec, file)
    request = operation.CreateRequest(
        prefix or spec.name,
        spec,
        engine=engine,
        sources=SourceOptions(tuple(channel), override_channels, index, tuple(extra_index), tuple(find_links), offline),
        command=command_line(),
        with_pip=not no_pip,
        force=force,
        compile_bytecode=compile_bytecode,
        accept_tos=accept_tos,
        run_scripts=not no_link_scripts,
    )
    context = Context.here(out)
    if dry_run:
        planned = operation.plan(context, request)
        return Result(planned.as_dict(), solution_table(planned.conda, (), planned.pip))
    created = operation.create(context, request, confirm_solution(yes=yes))
    data, environment = created.as_dict(), created.environment
    if environment.name:
        out.note(tr("Created {name} at {prefix}.", name=environment.name, prefix=environment.prefix))
    else:
        out.note(tr("Created {prefix}.", prefix=environment.prefix))
    return Result(data, closing=(how_to_use(environment),))


def _refuse_beside_clone(call: typer.Context) -> None:
    """Raise EnvtoolError for an option that does not apply to a clone, whose packages are those of its source."""
    given = [
        param
        for param in call.command.params
        if param.expose_value and str(call.get_parameter_source(param.name or "")).endswith("COMMANDLINE")
    ]
    if others := [param.opts[0] for param in given if param.name not in _OF_CLONES]:
        raise EnvtoolError(
            tr("--clone does not take {options}.", options=", ".join(others)),
            hint=tr("Clone first, then change the clone: envtool install -n NAME ..."),
            code=ExitCode.USAGE,
        )


def _clone(source: str, where: str | Path, packages: list[str] | None, *, dry_run: bool) -> Result:
    from envtool.cli.clone import clone_to

    if packages:
        raise EnvtoolError(
            tr("--clone does not take packages: {names}.", names=", ".join(packages)),
            hint=tr(
                "Clone first, then: envtool install -n {name} {names}",
                name=shlex.quote(str(where)),
                names=shlex.join(packages),
            ),
            code=ExitCode.USAGE,
        )
    return clone_to(source, where, dry_run=dry_run)
