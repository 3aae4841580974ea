"""``envtool list``: the environments on this machine, or the packages of one of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from envtool.cli.parser import app
from envtool.cli.listing import (
    NOTHING,
    environment_data,
    listed_data,
    say_there_are_none,
    show_environments,
    state_of,
)
from envtool.cli.options import Json
from envtool.cli.output import out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment, Origin, Package
from envtool.operations.list import list_packages
from envtool.paths import Host

if TYPE_CHECKING:
    from envtool.operations.list import Surveyed


@app.command("list")
def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show the packages of this environment (a name or a path).")
    ] = None,
    size: Annotated[
        bool, typer.Option("--size", help="Look into every environment: size, torch, last change, what is broken.")
    ] = False,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """List the environments on this machine, or the packages of one."""
    host = Host.here()
    if size:
        _show_sizes(host, name)
    elif name is None:
        show_environments(host)
    else:
        environment, contents = list_packages(host, name)
        if environment.unfinished:
            out.warn(tr("{path} is unfinished: what is shown is what is there now.", path=environment.prefix))
        for warning in contents.warnings:
            out.warn(warning)
        both = sorted((*contents.conda, *contents.pip), key=lambda package: (package.name, package.manager))
        _show_packages(environment, both)


def _show_sizes(host: Host, name: str | None) -> None:
    from envtool.cli.formatting import amount, moment
    from envtool.operations.list import survey

    if name is not None:
        raise EnvtoolError(
            tr("--size is about all environments, and {name} was named.", name=name),
            hint=tr("envtool info {name} shows the size of that one.", name=name),
            code=ExitCode.USAGE,
        )
    rows, data = [], []
    for item in survey(host, out):
        for reason in item.broken:
            out.warn(reason)
        environment, size = item.listed.environment, item.size
        if size.unread:
            out.warn(tr("{count} folders of {path} could not be read.", count=size.unread, path=environment.prefix))
        rows.append(
            (
                environment.name or NOTHING,
                environment.engine or environment.kind,
                item.listed.python or NOTHING,
                item.torch.replace(" ", "_") or NOTHING,
                amount(size.unique).replace(" ", ""),
                amount(size.shared).replace(" ", ""),
                str(size.files),
                moment(item.changed).replace(" ", "T") if item.changed else NOTHING,
                state_of(item.listed, frozen=item.frozen is not None, broken=bool(item.broken)) or NOTHING,
                str(environment.prefix),
            )
        )
        data.append(listed_data(item.listed) | _survey_data(item))
    if not rows:
        say_there_are_none()
    columns = ("name", "engine", "python", "torch", "own", "shared", "files", "changed", "state", "path")
    out.result({"environments": data}, out.table(columns, rows) if rows else "")


def _survey_data(item: "Surveyed") -> dict[str, Any]:
    return {
        "torch": item.torch,
        "unique_bytes": item.size.unique,
        "shared_bytes": item.size.shared,
        "files": item.size.files,
        "changed": item.changed,
        "frozen": item.frozen,
        "broken": list(item.broken),
    }


def _show_packages(environment: Environment, packages: Sequence[Package]) -> None:
    rows = [(p.name, p.version, p.build or NOTHING, _source(p)) for p in packages]
    data = {"environment": environment_data(environment), "packages": [_package_data(p) for p in packages]}
    out.result(data, out.table(("name", "version", "build", "source"), rows) if rows else "")


def _source(package: Package) -> str:
    if package.manager == "conda":
        return package.channel or NOTHING
    return f"pip {_address(package.origin)}" if package.origin else "pip"


def _address(origin: Origin) -> str:
    if origin.kind == "vcs":
        return f"{origin.vcs}+{origin.url}@{origin.commit}"
    return f"-e {origin.url}" if origin.kind == "editable" else origin.url


def _package_data(package: Package) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "manager": package.manager,
        "build": package.build,
        "channel": package.channel,
        "subdir": package.subdir,
        "url": package.url,
        "requested": package.requested,
        "installer": package.installer,
        "origin": _address(package.origin) if package.origin else "",
    }
