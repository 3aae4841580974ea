"""``envtool rename``: an environment under another name or at another place, without a second copy of it."""

import errno
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.engines.cloning.rename import Move
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps import guards
from envtool.operations.steps.location import Destination, name_of, place, refuse_existing, refuse_same_name
from envtool.operations.steps.prefix_lock import holding
from envtool.prefix import environments_txt


@dataclass(frozen=True)
class RenameRequest:
    """What to rename, and to what. ``command`` is the user's command line, for the records.

    ``override_frozen`` renames an environment that its owner has frozen.
    """

    source: Environment
    where: Destination
    command: str = "envtool rename"
    override_frozen: bool = False


@dataclass(frozen=True)
class RenamePlan:
    """An environment as it would be called, and ``source``, as it is called."""

    environment: Environment
    source: Environment

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return {
            "name": self.environment.name,
            "prefix": str(self.environment.prefix),
            "source": str(self.source.prefix),
            "rewritten": 0,
            "dry_run": True,
        }


@dataclass(frozen=True)
class Renamed:
    """A rename that was carried out; ``rewritten`` counts the files that mentioned the old place."""

    plan: RenamePlan
    rewritten: int

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return self.plan.as_dict() | {"rewritten": self.rewritten, "dry_run": False}


def plan(context: Context, request: RenameRequest) -> RenamePlan:
    """Return the environment under its new name. Raises EnvtoolError where it may not be renamed, or not to that."""
    source, where = request.source, request.where
    refuse_same_name(where, source.name)
    guards.refuse_installation(source)
    guards.refuse_own(source)
    guards.refuse_active(context, source)
    guards.refuse_frozen(source, override=request.override_frozen)
    # An environment that goes by a name stays in its folder when it gets another one.
    beside = source.prefix.parent if source.name else None
    prefix = place(context, where, source.kind, beside)
    return RenamePlan(Environment(name_of(where), prefix, source.kind, source.engine), source)


def rename(context: Context, request: RenameRequest) -> Renamed:
    """Rename an environment. Raises EnvtoolError; it lies at its old place then, with its old files."""
    planned = plan(context, request)
    source, new, reporter = request.source, planned.environment, context.reporter
    with holding(source.prefix, request.command, reporter), holding(new.prefix, request.command, reporter):
        guards.require_environment(source.prefix)
        guards.refuse_unfinished(source)
        refuse_existing(new.prefix, new.name)
        rewritten = _move(context, source.prefix, new.prefix, request.command)
    return Renamed(planned, rewritten)


def _move(context: Context, old: Path, new: Path, command: str) -> int:
    """Move an environment and return how many files were rewritten."""
    move = Move(old, new, command)
    registered = environments_txt.is_registered(context.host, old)
    try:
        with context.reporter.bar(tr("Finding files that contain its path"), unit="files") as bar:
            count, warnings = move.prepare(bar.update)
        if registered:
            environments_txt.register(context.host, new, context.reporter)
        move.carry_out()
    except BaseException as error:
        if not new.exists():
            move.abandon()
            environments_txt.unregister(context.host, new, context.reporter)
        if isinstance(error, OSError):
            raise _failure(error, old, new) from error
        raise
    environments_txt.unregister(context.host, old, context.reporter)
    for warning in warnings:
        context.reporter.warn(warning)
    return count


def _failure(error: OSError, old: Path, new: Path) -> EnvtoolError:
    if error.errno == errno.EXDEV:
        return EnvtoolError(
            tr("{new} is on another file system than {old}.", new=new, old=old),
            hint=tr(
                "Clone it there, then remove the old one: envtool clone {old} {new}",
                old=shlex.quote(str(old)),
                new=shlex.quote(str(new)),
            ),
        )
    return EnvtoolError(
        tr("{old} could not be renamed: {file}: {reason}.", old=old, file=error.filename or new, reason=error.strerror),
        hint=tr("`envtool list` shows where it is; if it is unfinished, `envtool resume` finishes the rename."),
    )
