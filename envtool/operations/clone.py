"""``envtool clone``: an environment a second time, both halves and the user's own files, without any network."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envtool import __version__
from envtool.engines.cloning.clone import Original, look
from envtool.engines.cloning.clone import clone as copy
from envtool.engines.cloning.copying import Copied
from envtool.environments import packages
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Environment, Package
from envtool.operations.context import Context
from envtool.operations.steps import names
from envtool.operations.steps.location import is_installation, place
from envtool.operations.steps.prefix_lock import holding, new_prefix, refuse_unfinished, require_environment
from envtool.prefix import environments_txt, history
from envtool.prefix.marks import OWN, record_maker
from envtool.redaction import redact
from envtool.reporter import Reporter

# What makes a base more than an environment: its package cache, its environments, the ways into conda itself.
_OF_BASE = ("pkgs", "envs", "condabin", "shell", "_conda", "conda-bld")


@dataclass(frozen=True)
class CloneRequest:
    """What is to be cloned, and where to: ``name`` or ``prefix``. ``command`` is the user's command line."""

    source: Environment
    name: str = ""
    prefix: Path | None = None
    command: str = "envtool clone"
    dry_run: bool = False


@dataclass(frozen=True)
class Cloned:
    """What was made, or with ``dry_run`` would be. Counts are files; ``left_out`` are packages that stay behind."""

    environment: Environment
    source: Environment
    conda: int
    pip: int
    files: int
    own_files: tuple[str, ...]
    left_out: tuple[str, ...]
    dry_run: bool
    linked: int = 0
    reflinked: int = 0
    rewritten: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return {
            "name": self.environment.name,
            "prefix": str(self.environment.prefix),
            "source": str(self.source.prefix),
            "conda": self.conda,
            "pip": self.pip,
            "files": self.files,
            "linked": self.linked,
            "reflinked": self.reflinked,
            "rewritten": self.rewritten,
            "own_files": list(self.own_files),
            "left_out": list(self.left_out),
            "dry_run": self.dry_run,
        }


def clone(context: Context, request: CloneRequest) -> Cloned:
    """Make the clone and return it. Raises EnvtoolError; nothing is left behind then, nor after Ctrl-C."""
    source = request.source
    names.refuse_own(request.name, source.name)
    prefix = place(context, request.name, request.prefix, source.kind)
    with _reading(source, request.command, context.reporter, dry_run=request.dry_run):
        original = _look(source, prefix, context.reporter)
        contents = packages.read(source)
        for warning in contents.warnings:
            context.reporter.warn(warning)
        cloned = Cloned(
            environment=Environment(request.name, prefix, source.kind, source.engine),
            source=source,
            conda=len(contents.conda) - len(original.ledger.packages),
            pip=len(contents.pip),
            files=len(original.survey.files),
            own_files=tuple(original.own_files),
            left_out=original.ledger.packages,
            dry_run=request.dry_run,
        )
        if request.dry_run:
            return cloned
        stays = [package for package in contents.conda if package.name in original.ledger.packages]
        copied = _carry_out(context, request, cloned, original, stays)
    return replace(cloned, linked=copied.linked, reflinked=copied.reflinked, rewritten=len(copied.rewritten))


@contextmanager
def _reading(source: Environment, command: str, reporter: Reporter, *, dry_run: bool) -> Iterator[None]:
    """Keep other envtools from changing an environment while it is read. Raises EnvtoolError where it is half-made.

    Somebody else's environment, in a folder where we may not write, is read without a lock: there we cannot have one.
    """
    lock: AbstractContextManager[object] = nullcontext()
    if not dry_run and os.access(source.prefix.parent, os.W_OK):
        lock = holding(source.prefix, command, reporter)
    with lock:
        require_environment(source.prefix)
        refuse_unfinished(source)
        yield


def _look(source: Environment, prefix: Path, reporter: Reporter) -> Original:
    if not is_installation(source):
        return look(source.prefix)
    behind = list(_OF_BASE)
    if source.prefix in prefix.parents:
        beside = prefix.relative_to(source.prefix).parent
        behind += [str(beside / prefix.name), str(beside / OWN)]
    original = look(source.prefix, without="conda", left_behind=behind)
    reporter.note(
        tr(
            "Left behind: conda itself, its package cache and its environments ({packages}).",
            packages=", ".join((*original.ledger.packages, *(part for part in _OF_BASE if _exists(source, part)))),
        )
    )
    return original


def _exists(source: Environment, part: str) -> bool:
    return (source.prefix / part).exists()


def _carry_out(
    context: Context, request: CloneRequest, cloned: Cloned, original: Original, stays: Sequence[Package]
) -> Copied:
    """Build the clone beside its place, for its place, and rename it in: the one step that cannot be half done."""
    prefix = cloned.environment.prefix
    with new_prefix(
        prefix,
        request.name,
        request.command,
        context.reporter,
        lambda gone: environments_txt.unregister(context.host, gone),
    ) as scratch:
        stage = scratch / "stage"
        stage.mkdir()
        try:
            copied = copy(original, stage, prefix, context.reporter)
        except OSError as error:
            raise EnvtoolError(
                tr(
                    "{source} could not be cloned: {file}: {reason}.",
                    source=cloned.source.prefix,
                    file=error.filename or prefix,
                    reason=error.strerror,
                ),
                hint=tr("Nothing was left of the clone; the source is as it was."),
            ) from error
        if cloned.environment.kind == "conda":
            history.append(stage, redact(request.command), unlinked=stays)
        record_maker(stage, cloned.source.engine, __version__)
        stage.replace(prefix)
        if cloned.environment.kind == "conda":
            environments_txt.register(context.host, prefix)
    return copied
