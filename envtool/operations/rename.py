"""``envtool rename``: an environment under another name or at another place, without a second copy of it."""

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.engines.cloning import rename as in_place
from envtool.engines.cloning.rename import Move
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps import names
from envtool.operations.steps.location import is_installation, place, refuse_taken
from envtool.operations.steps.prefix_lock import holding, refuse_unfinished, require_environment
from envtool.prefix import environments_txt


@dataclass(frozen=True)
class RenameRequest:
    """What is to be renamed, and to what: ``name`` or ``prefix``. ``command`` is the user's command line."""

    source: Environment
    name: str = ""
    prefix: Path | None = None
    command: str = "envtool rename"
    dry_run: bool = False


@dataclass(frozen=True)
class Renamed:
    """What was renamed, or with ``dry_run`` would be; ``rewritten`` counts the files that mentioned the old place."""

    environment: Environment
    source: Environment
    dry_run: bool
    rewritten: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return {
            "name": self.environment.name,
            "prefix": str(self.environment.prefix),
            "source": str(self.source.prefix),
            "rewritten": self.rewritten,
            "dry_run": self.dry_run,
        }


def rename(context: Context, request: RenameRequest) -> Renamed:
    """Rename an environment and return it. Raises EnvtoolError; it lies at its old place then, as it was."""
    source = request.source
    names.refuse_own(request.name, source.name)
    _refuse(context, source)
    new = _place(context, request)
    environment = Environment(request.name, new, source.kind, source.engine)
    if request.dry_run:
        return Renamed(environment, source, dry_run=True)
    with holding(source.prefix, request.command, context.reporter), holding(new, request.command, context.reporter):
        require_environment(source.prefix)
        refuse_unfinished(source)
        names.refuse_existing(new, request.name)
        count = _move(context, Move(source.prefix, new, request.command), source.prefix, new)
    return Renamed(environment, source, dry_run=False, rewritten=count)


def _refuse(context: Context, source: Environment) -> None:
    if is_installation(source):
        raise EnvtoolError(
            tr("{prefix} is conda's own installation, not one of its environments.", prefix=source.prefix),
            hint=tr("Its environment can be cloned: envtool clone base NAME"),
            code=ExitCode.USAGE,
        )
    active = context.active
    if active and active.prefix == source.prefix:
        raise EnvtoolError(
            tr("The environment {name} is active in this shell.", name=source.name or source.prefix),
            hint=tr("Leave it first: conda deactivate, or deactivate for a venv."),
            code=ExitCode.USAGE,
        )


def _place(context: Context, request: RenameRequest) -> Path:
    """Return the new place: beside the old one, where an environment that goes by a name gets another name."""
    if request.prefix is None and request.source.name:
        refuse_taken(context, request.name)
        new = request.source.prefix.parent / request.name
        names.refuse_existing(new, request.name)
        return new
    return place(context, request.name, request.prefix, request.source.kind)


def _move(context: Context, move: Move, old: Path, new: Path) -> int:
    registered = environments_txt.is_registered(context.host, old)
    try:
        with context.reporter.bar(tr("Looking for its path"), unit="files") as bar:
            count, warnings = move.prepare(bar.update)
        if registered:
            environments_txt.register(context.host, new)
        move.carry_out()
    except BaseException as error:
        if not new.exists():
            in_place.abandon(old)
            environments_txt.unregister(context.host, new)
        if isinstance(error, OSError):
            raise _failure(error, old, new) from error
        raise
    environments_txt.unregister(context.host, old)
    for warning in warnings:
        context.reporter.warn(warning)
    return count


def _failure(error: OSError, old: Path, new: Path) -> EnvtoolError:
    if error.errno == errno.EXDEV:
        return EnvtoolError(
            tr("{new} lies on another file system than {old}.", new=new, old=old),
            hint=tr("Clone it there and remove the old one: envtool clone {old} {new}", old=old, new=new),
        )
    return EnvtoolError(
        tr("{old} could not be renamed: {file}: {reason}.", old=old, file=error.filename or new, reason=error.strerror),
        hint=tr("`envtool list` shows where it is; where it is unfinished, the next command finishes it."),
    )
