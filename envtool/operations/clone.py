"""``envtool clone``: a copy of an environment, both halves and the user's own files, without network access."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool import __version__
from envtool.engines.cloning.clone import Original, read_original
from envtool.engines.cloning.clone import clone as copy
from envtool.engines.cloning.copying import Copied
from envtool.environments import packages
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Environment, Package
from envtool.operations.context import Context
from envtool.operations.steps import guards
from envtool.operations.steps.location import Destination, name_of, place, refuse_same_name
from envtool.operations.steps.prefix_lock import holding
from envtool.operations.steps.reservation import reserved
from envtool.prefix import environments_txt, history
from envtool.prefix.marks import OWN, record_maker
from envtool.redaction import redact
from envtool.reporter import Reporter

# The parts of an installation that are no part of its environment: caches, environments, conda's own entry points.
_OF_INSTALLATION = ("pkgs", "envs", "condabin", "shell", "_conda", "conda-bld")


@dataclass(frozen=True)
class CloneRequest:
    """What to clone, and where to. ``command`` is the user's command line, for the records."""

    source: Environment
    where: Destination
    command: str = "envtool clone"


@dataclass(frozen=True)
class ClonePlan:
    """A clone to be made. Counts are files; ``left_out`` are packages that stay behind."""

    environment: Environment
    source: Environment
    conda: int
    pip: int
    files: int
    own_files: tuple[str, ...]
    left_out: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return {
            "name": self.environment.name,
            "prefix": str(self.environment.prefix),
            "source": str(self.source.prefix),
            "conda": self.conda,
            "pip": self.pip,
            "files": self.files,
            "linked": 0,
            "reflinked": 0,
            "rewritten": 0,
            "own_files": list(self.own_files),
            "left_out": list(self.left_out),
            "dry_run": True,
        }


@dataclass(frozen=True)
class Cloned:
    """A clone that was made, as ``plan`` said, and how its files came to it."""

    plan: ClonePlan
    linked: int
    reflinked: int
    rewritten: int

    @property
    def environment(self) -> Environment:
        """The clone."""
        return self.plan.environment

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        figures = {"linked": self.linked, "reflinked": self.reflinked, "rewritten": self.rewritten}
        return self.plan.as_dict() | figures | {"dry_run": False}


@dataclass(frozen=True)
class _Draft:
    """A source that has been looked through, and the clone to be made of it; ``staying`` are packages left out."""

    plan: ClonePlan
    original: Original
    staying: tuple[Package, ...]


def plan(context: Context, request: CloneRequest) -> ClonePlan:
    """Return the clone that would be made. Raises EnvtoolError where it could not be."""
    clone = _place(context, request)
    guards.require_environment(request.source.prefix)
    guards.refuse_unfinished(request.source)
    return _drafted(context, request.source, clone).plan


def clone(context: Context, request: CloneRequest) -> Cloned:
    """Make the clone. Raises EnvtoolError; nothing is left behind then, nor after Ctrl-C."""
    clone = _place(context, request)
    with _reading(context, request):
        draft = _drafted(context, request.source, clone)
        copied = _carry_out(context, request.command, draft)
    return Cloned(draft.plan, copied.linked, copied.reflinked, len(copied.rewritten))


def _place(context: Context, request: CloneRequest) -> Environment:
    """Return the clone to be. Raises EnvtoolError where its place cannot be had."""
    source = request.source
    refuse_same_name(request.where, source.name)
    return Environment(name_of(request.where), place(context, request.where, source.kind), source.kind, source.engine)


@contextmanager
def _reading(context: Context, request: CloneRequest) -> Iterator[None]:
    """Keep other envtools from changing the source while it is read. Raises EnvtoolError where it is unfinished.

    Another account's environment, in a folder that is closed to us, is read without a lock: there we cannot have one.
    """
    source = request.source
    lock: AbstractContextManager[object] = nullcontext()
    if os.access(source.prefix.parent, os.W_OK):
        lock = holding(source.prefix, request.command, context.reporter)
    with lock:
        guards.require_environment(source.prefix)
        guards.refuse_unfinished(source)
        yield


def _drafted(context: Context, source: Environment, clone: Environment) -> _Draft:
    original = _look(context, source, clone.prefix)
    contents = packages.read(source)
    for warning in contents.warnings:
        context.reporter.warn(warning)
    left_out = original.conda_files.left_out_packages
    return _Draft(
        ClonePlan(
            clone,
            source,
            conda=len(contents.conda) - len(left_out),
            pip=len(contents.pip),
            files=len(original.tree.files),
            own_files=tuple(original.own_files),
            left_out=left_out,
        ),
        original,
        tuple(package for package in contents.conda if package.name in left_out),
    )


def _look(context: Context, source: Environment, prefix: Path) -> Original:
    """Return the files to copy to ``prefix``: of an installation its environment alone, without conda."""
    if not guards.is_installation(source):
        return read_original(source.prefix)
    behind = [*_OF_INSTALLATION]
    if source.prefix in prefix.parents:
        beside = prefix.relative_to(source.prefix).parent
        behind += [str(beside / prefix.name), str(beside / OWN)]
    original = read_original(source.prefix, without="conda", without_folders=behind)
    parts = [part for part in _OF_INSTALLATION if (source.prefix / part).exists()]
    context.reporter.note(
        tr(
            "Left out: conda itself, its package cache and its environments ({packages}).",
            packages=", ".join((*original.conda_files.left_out_packages, *parts)),
        )
    )
    return original


def _carry_out(context: Context, command: str, draft: _Draft) -> Copied:
    """Build the clone beside its place, for its place, and rename it in: the one step that cannot be half done."""
    host, reporter = context.host, context.reporter
    clone, source = draft.plan.environment, draft.plan.source

    def unregister(prefix: Path, reporter: Reporter) -> None:
        environments_txt.unregister(host, prefix, reporter)

    with reserved(clone.prefix, clone.name, command, reporter, unregister) as scratch:
        stage = scratch / "stage"
        stage.mkdir()
        try:
            copied = copy(draft.original, stage, clone.prefix, reporter)
        except OSError as error:
            raise EnvtoolError(
                tr(
                    "{source} could not be cloned: {file}: {reason}.",
                    source=source.prefix,
                    file=error.filename or clone.prefix,
                    reason=error.strerror,
                )
            ) from error
        if clone.kind == "conda":
            history.append(stage, redact(command), unlinked=draft.staying)
        record_maker(stage, source.engine, __version__)
        stage.replace(clone.prefix)
        if clone.kind == "conda":
            environments_txt.register(host, clone.prefix, reporter)
    return copied
