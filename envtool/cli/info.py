"""``envtool info``: one environment on one screen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.formatting import amount, moment
from envtool.cli.options import EnvironmentOrActive, Name, Prefix
from envtool.cli.output import Result, out
from envtool.cli.which import chosen
from envtool.i18n import tr

if TYPE_CHECKING:  # they import the engines, which --help does not need
    from envtool.operations.info import Info
    from envtool.prefix.history import Revision


def command(
    name: EnvironmentOrActive = "",
    option: Name = "",
    prefix: Prefix = None,
    show: Annotated[bool, typer.Option("--show", help="Show the values of secret variables, too.")] = False,
) -> Result:
    from envtool.operations import info as operation
    from envtool.operations.context import Context
    from envtool.operations.steps.target import target

    context = Context.here(out)
    found = operation.info(context, target(context, chosen(name, option, prefix)), show=show)
    return Result(found.as_dict(), _screen(found))


def _screen(info: "Info") -> str:
    rows = [(label, line) for label, lines in _facts(info) for line in lines]
    labels = ["" if number and rows[number - 1][0] == label else label for number, (label, _) in enumerate(rows)]
    width = max(map(len, labels))
    return "\n".join(f"{label:{width}}  {line}" for label, (_, line) in zip(labels, rows, strict=True))


def _facts(info: "Info") -> Iterator[tuple[str, list[str]]]:
    """Yield a label and its lines for every fact; one without lines is left out."""
    environment = info.environment
    kind = (
        environment.kind
        if environment.engine in ("", environment.kind)
        else f"{environment.engine} ({environment.kind})"
    )
    yield tr("name"), [environment.name] if environment.name else []
    yield tr("path"), [str(environment.prefix)]
    yield tr("engine"), [kind]
    yield tr("state"), list(_state(info))
    yield tr("python"), [info.python] if info.python else []
    yield tr("torch"), [info.torch] if info.torch else []
    yield tr("packages"), [tr("{conda} conda, {pip} pip", conda=info.conda, pip=info.pip)]
    yield (
        tr("channels"),
        [", ".join(f"{name} ({count})" for name, count in info.channels.items())] if info.channels else [],
    )
    yield tr("size"), list(_size(info))
    yield tr("variables"), [f"{name}={value}" for name, value in info.variables.items()]
    yield tr("pins"), list(info.pins)
    yield tr("changed"), [moment(info.changed)] if info.changed else []
    yield tr("history"), [_revision(revision) for revision in reversed(info.revisions)]
    yield tr("bootstrap"), list(_bootstrap(info))


def _state(info: "Info") -> Iterator[str]:
    if info.active:
        yield tr("active")
    if info.frozen is not None:
        yield tr("frozen: {message}", message=info.frozen) if info.frozen else tr("frozen")
    if worker := info.environment.worker:
        yield tr("at work ({pid}, {command})", pid=worker.pid, command=f"envtool {worker.command}")
    yield from info.unfinished
    yield from (tr("broken: {reason}", reason=reason) for reason in info.broken)


def _size(info: "Info") -> Iterator[str]:
    size = info.size
    yield tr(
        "{unique} of its own, {shared} shared with others by hard links; {files:,} files",
        unique=amount(size.unique),
        shared=amount(size.shared),
        files=size.files,
    )
    if size.unread:
        yield tr("{count} folders could not be read", count=size.unread)


def _revision(revision: "Revision") -> str:
    return f"{revision.date}  +{len(revision.added)} -{len(revision.removed)}  {revision.command}".rstrip()


def _bootstrap(info: "Info") -> Iterator[str]:
    if info.bootstrap:
        yield tr(
            "{torch}: {reason}", torch=info.bootstrap.get("requirement", "?"), reason=info.bootstrap.get("reason", "?")
        )
