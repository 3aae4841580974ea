"""``envtool create``: a new environment."""

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.parser import app
from envtool.cli.options import (
    AcceptTos,
    Channel,
    DryRun,
    Engine,
    ExtraIndex,
    File,
    FindLinks,
    Force,
    Index,
    Json,
    Offline,
    OverrideChannels,
    Pip,
    Prefix,
    Yes,
    command_line,
    read_file,
    together,
)
from envtool.cli.output import out
from envtool.cli.summary import confirm_solution, say_how_to_use, solution_table
from envtool.engines import AUTO
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

_OF_CLONES = ("clone", "name", "packages", "prefix", "offline", "dry_run", "yes", "json")  # parameters of `create`


@app.command()
def create(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="[NAME]", help="What to call it. Default: the name in the file.", show_default=False),
    ] = "",
    packages: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SPECS]...", help="conda packages: numpy, python=3.12, 'scipy>=1.10'."),
    ] = None,
    python: Annotated[str, typer.Option("--python", metavar="VERSION", help="The version of Python, as 3.12.")] = "",
    pip: Pip = [],
    file: File = [],
    channel: Channel = [],
    override_channels: OverrideChannels = False,
    index: Index = "",
    extra_index: ExtraIndex = [],
    find_links: FindLinks = [],
    clone: Annotated[str, typer.Option("--clone", metavar="SOURCE", help="Make it a clone of this environment.")] = "",
    engine: Engine = AUTO,
    prefix: Prefix = None,
    no_pip: Annotated[bool, typer.Option("--no-pip", help="Do not add pip to an environment with Python.")] = False,
    compile_bytecode: Annotated[
        bool, typer.Option("--compile", help="Write .pyc files now, not at first import.")
    ] = False,
    force: Force = False,
    offline: Offline = False,
    accept_tos: AcceptTos = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """Make a new environment.

    [bold]envtool create dl python=3.12 numpy[/bold]             conda packages
    [bold]envtool create dl --pip torch --pip 'numpy<3'[/bold]   pip packages, too
    [bold]envtool create -f environment.yml[/bold]               what a file asks for
    [bold]envtool export dl | envtool create dl2 -f -[/bold]     another environment's packages
    """
    from envtool.model import Spec

    if clone:
        _refuse_beside_clone(context)
        _clone(clone, name, prefix, packages, dry_run=dry_run)
        return
    from envtool.operations.create import CreateRequest
    from envtool.operations.create import create as operation
    from envtool.operations.steps.package_sources import Asked
    from envtool.paths import Host

    readings = [read_file(each) for each in file]
    for warning in (warning for reading in readings for warning in reading.warnings):
        out.warn(warning)
    words = ([f"python={python}"] if python else []) + ([name] if prefix and name else []) + (packages or [])
    spec = together(
        Spec(name="" if prefix else name, conda=tuple(words), pip=tuple(pip)), [reading.spec for reading in readings]
    )
    request = CreateRequest(
        spec=spec,
        name="" if prefix else spec.name,
        prefix=prefix,
        engine=engine,
        sources=Asked(tuple(channel), override_channels, index, tuple(extra_index), tuple(find_links), offline),
        command=command_line(),
        with_pip=not no_pip,
        force=force,
        compile_bytecode=compile_bytecode,
        dry_run=dry_run,
        accept_tos=accept_tos,
    )
    created = operation(Host.here(), request, out, confirm_solution(yes=yes))
    if dry_run:
        out.result(created.as_dict(), solution_table(created.conda, (), created.pip))
        return
    environment = created.environment
    if environment.name:
        out.note(tr("Made {name} at {prefix}.", name=environment.name, prefix=environment.prefix))
    else:
        out.note(tr("Made {prefix}.", prefix=environment.prefix))
    say_how_to_use(environment)
    out.result(created.as_dict())


def _refuse_beside_clone(context: typer.Context) -> None:
    """Raise EnvtoolError for an option that a clone cannot honour: it has its source's packages, as they are."""
    given = (
        p for p in context.command.params if str(context.get_parameter_source(p.name or "")).endswith("COMMANDLINE")
    )
    if others := [p.opts[0] for p in given if p.name not in _OF_CLONES]:
        raise EnvtoolError(
            tr("A clone is what its source is; it does not take {options}.", options=", ".join(others)),
            hint=tr("Clone first, then change the clone: envtool install -n NAME ..."),
            code=ExitCode.USAGE,
        )


def _clone(source: str, name: str, prefix: Path | None, packages: list[str] | None, *, dry_run: bool) -> None:
    from envtool.cli.clone import show_clone
    from envtool.environments import find
    from envtool.operations.clone import CloneRequest
    from envtool.operations.clone import clone as operation
    from envtool.paths import Host

    if packages:
        raise EnvtoolError(
            tr("A clone has its source's packages, and others were asked for: {names}.", names=", ".join(packages)),
            hint=tr("Clone first, then: envtool install -n {name} {names}", name=name, names=" ".join(packages)),
            code=ExitCode.USAGE,
        )
    host = Host.here()
    show_clone(operation(host, CloneRequest(find.resolve(host, source), name, prefix, command_line(), dry_run), out))
