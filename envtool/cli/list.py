"""``envtool list``: the environments on this machine, or the packages of one of them."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from envtool.cli.app import app
from envtool.cli.options import Json
from envtool.cli.output import out
from envtool.model import Environment, Origin, Package
from envtool.operations.list_environments import Listed, list_environments, list_packages
from envtool.paths import Host
from envtool.words import tr

NOTHING = "-"  # an empty cell, so that a table on a pipe still splits into columns


@app.command("list")
def list_(
    name: Annotated[
        str | None, typer.Argument(help="Show the packages of this environment (a name or a path).")
    ] = None,
    json: Json = False,  # noqa: ARG001 - acted on by the output
) -> None:
    """List the environments on this machine, or the packages of one."""
    host = Host.here()
    if name is None:
        _show_environments(list_environments(host))
    else:
        environment, contents = list_packages(host, name)
        if environment.unfinished:
            out.warn(tr("{path} is unfinished: what is shown is what is there now.", path=environment.prefix))
        for remark in contents.remarks:
            out.warn(remark)
        both = sorted((*contents.conda, *contents.pip), key=lambda package: (package.name, package.manager))
        _show_packages(environment, both)


def _show_environments(listed: Sequence[Listed]) -> None:
    rows = [
        (
            item.environment.name or NOTHING,
            item.environment.engine or item.environment.kind,
            item.python or NOTHING,
            _state(item) or NOTHING,
            str(item.environment.prefix),
        )
        for item in listed
    ]
    if not listed:
        out.note(tr("There are no environments yet: envtool create NAME makes one."))
    data = {
        "environments": [_environment_data(i.environment) | {"python": i.python, "active": i.active} for i in listed]
    }
    out.result(data, out.table(("name", "engine", "python", "state", "path"), rows) if rows else "")


def _state(item: Listed) -> str:
    words = ((item.active, tr("active")), (item.environment.unfinished, tr("unfinished")))
    return ",".join(word for applies, word in words if applies)


def _show_packages(environment: Environment, packages: Sequence[Package]) -> None:
    rows = [(p.name, p.version, p.build or NOTHING, _source(p)) for p in packages]
    data = {"environment": _environment_data(environment), "packages": [_package_data(p) for p in packages]}
    out.result(data, out.table(("name", "version", "build", "source"), rows) if rows else "")


def _source(package: Package) -> str:
    if package.manager == "conda":
        return package.channel or NOTHING
    return f"pip {_address(package.origin)}" if package.origin else "pip"


def _address(origin: Origin) -> str:
    if origin.kind == "vcs":
        return f"{origin.vcs}+{origin.url}@{origin.commit}"
    return f"-e {origin.url}" if origin.kind == "editable" else origin.url


def _environment_data(environment: Environment) -> dict[str, Any]:
    return {
        "name": environment.name,
        "path": str(environment.prefix),
        "kind": environment.kind,
        "engine": environment.engine,
        "unfinished": environment.unfinished,
    }


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
