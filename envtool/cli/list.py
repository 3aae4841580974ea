"""``envtool list``: the environments on this machine, or the packages in one of them."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from envtool.cli import listing
from envtool.cli.formatting import NOTHING, amount, moment, table
from envtool.cli.options import ByName, Prefix
from envtool.cli.output import Result, out
from envtool.cli.which import chosen
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Origin, Package
from envtool.operations.context import Context
from envtool.operations.list import list_packages, survey

if TYPE_CHECKING:
    from envtool.operations.list import Surveyed


EXAMPLES = {
    "envtool list dl": "the packages of dl",
    "envtool list dl '^torch'": "those whose names match",
    "envtool list --packages": "the packages of the active environment",
}


def command(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Name or path of an environment: list its packages.")
    ] = "",
    pattern: Annotated[
        str,
        typer.Argument(metavar="[PATTERN]", help="Only packages whose names match this regular expression."),
    ] = "",
    option: ByName = "",
    prefix: Prefix = None,
    of_active: Annotated[bool, typer.Option("--packages", help="List the packages of the active environment.")] = False,
    export: Annotated[
        bool, typer.Option("--export", "-e", help="List packages as `conda list --export` does, for create -f.")
    ] = False,
    size: Annotated[
        bool, typer.Option("--size", help="Also show size, torch, last change and what is broken, which takes longer.")
    ] = False,
) -> Result:
    if (option or prefix or of_active) and name and not pattern:
        name, pattern = "", name
    which = chosen(name, option, prefix)
    if not size:
        if export:
            from envtool.cli.export import exported

            return exported(which, "conda-list")
        return _packages(Context.here(out), which, pattern) if which or of_active else listing.command()
    if which or of_active:
        raise EnvtoolError(
            tr("--size lists all environments and takes no name."),
            hint=tr("The size of one: envtool info {name}", name=shlex.quote(which)),
            code=ExitCode.USAGE,
        )
    return _sizes(Context.here(out))


def _packages(context: Context, name: str, pattern: str) -> Result:
    environment, contents = list_packages(context, name)
    if environment.was_interrupted:
        out.warn(tr("{path} is unfinished; this is what is in it now.", path=environment.prefix))
    for warning in contents.warnings:
        out.warn(warning)
    matching = [package for package in (*contents.conda, *contents.pip) if _matches(pattern, package.name)]
    both = sorted(matching, key=lambda package: (package.name, package.manager))
    if pattern and not both:
        out.note(tr("No package of {name} matches {pattern}.", name=environment.title, pattern=pattern))
    rows = [(p.name, p.version, p.build or NOTHING, _source(p)) for p in both]
    data = {"environment": listing.environment_data(environment), "packages": [_package_data(p) for p in both]}
    return Result(data, table(("name", "version", "build", "source"), rows) if rows else "")


def _matches(pattern: str, name: str) -> bool:
    """Return whether a package's name matches, as for `conda list`. Raises EnvtoolError (USAGE)."""
    if not pattern:
        return True
    import re

    try:
        return re.search(pattern, name, re.IGNORECASE) is not None
    except re.error as error:
        raise EnvtoolError(
            tr("{pattern} is not a regular expression: {reason}.", pattern=pattern, reason=error),
            hint=tr("For example: numpy, '^torch', 'nvidia|cuda'."),
            code=ExitCode.USAGE,
        ) from error


def _sizes(context: Context) -> Result:
    surveyed = survey(context)
    for item in surveyed:
        for reason in item.broken:
            out.warn(reason)
        if unread := item.size.unread:
            path = item.listed.environment.prefix
            out.warn(tr("{count} folders of {path} could not be read.", count=unread, path=path))
    if not surveyed:
        listing.note_that_there_are_none()
    columns = ("name", "engine", "python", "torch", "own", "shared", "files", "changed", "state", "path")
    text = table(columns, [_size_row(item) for item in surveyed]) if surveyed else ""
    return Result({"environments": [listing.listed_data(item.listed) | _size_data(item) for item in surveyed]}, text)


def _size_row(item: "Surveyed") -> tuple[str, ...]:
    environment, size = item.listed.environment, item.size
    return (
        environment.name or NOTHING,
        environment.engine or environment.kind,
        item.listed.python or NOTHING,
        item.torch.replace(" ", "_") or NOTHING,
        amount(size.unique).replace(" ", ""),
        amount(size.shared).replace(" ", ""),
        str(size.files),
        moment(item.changed).replace(" ", "T") if item.changed else NOTHING,
        listing.state_of(item.listed, frozen=item.frozen is not None, broken=bool(item.broken)) or NOTHING,
        str(environment.prefix),
    )


def _size_data(item: "Surveyed") -> dict[str, Any]:
    return {
        "torch": item.torch,
        "unique_bytes": item.size.unique,
        "shared_bytes": item.size.shared,
        "files": item.size.files,
        "changed": item.changed,
        "frozen": item.frozen,
        "broken": list(item.broken),
    }


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
