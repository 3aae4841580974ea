"""Alternatives to conda packages that no channel has: the versions that there are, similar names, the pip index."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from envtool.engines import availability
from envtool.engines.availability import Missing
from envtool.engines.errors import unsatisfiable
from envtool.engines.protocol import UnsatisfiableError
from envtool.errors import EnvtoolError, ExitCode
from envtool.http.errors import RequestError
from envtool.i18n import tr
from envtool.model import PipSources, Sources
from envtool.operations.context import Context
from envtool.operations.steps import pypi_names
from envtool.specs import match_spec

if TYPE_CHECKING:
    from packaging.version import Version

_SHOWN = 5  # versions
_LACKING = re.compile(  # how uv and pip say it
    r"no versions? of ([\w.-]+)|([\w.-]+) was not found in|No matching distribution found for ([\w.-]+)"
)


@contextmanager
def named(context: Context, specs: Sequence[str], sources: Sources) -> Iterator[None]:
    """Solve in this block: an UnsatisfiableError says what no channel has, whatever the engine, and what there is."""
    try:
        yield
    except UnsatisfiableError as error:
        found = _missing(context, specs, sources)
        if not found.specs:
            raise
        told = error if error.unavailable else unsatisfiable(error.message, found.specs)
        if hints := [hint for spec in found.similar if (hint := _hint(context, spec, found.similar[spec], sources))]:
            told.hint = " ".join(hints)
        raise told from (None if told is error else error)


@contextmanager
def named_for_pip(context: Context, lines: Sequence[str], sources: Sources) -> Iterator[None]:
    """Resolve a pip half in this block: where the index lacks a package of its lines, the hint says what there is."""
    try:
        yield
    except EnvtoolError as error:
        if error.code == ExitCode.FAILED and not sources.offline:
            lacking = {canonicalize_name(name) for name in _lacking(error.message)}
            hints = [_hint_for_pip(context, name, sources) for name in _names(lines) if name in lacking]
            error.hint = " ".join(filter(None, hints)) or error.hint
        raise


def _lacking(message: str) -> Iterator[str]:
    return (next(filter(None, found.groups())) for found in _LACKING.finditer(message))


def _names(lines: Sequence[str]) -> Iterator[str]:
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lines:
        with suppress(InvalidRequirement):  # options, paths
            yield canonicalize_name(Requirement(line).name)


def _hint_for_pip(context: Context, name: str, sources: Sources) -> str:
    """Return the newest versions of a package on the pip index, or the names that may be meant; ``""`` for nothing."""
    if versions := _on_the_index(context, name, sources.pip):
        return tr("{name} is on the pip index in {versions}.", name=name, versions=", ".join(versions[:_SHOWN]))
    meant = pypi_names.meant(name)
    return tr("Did you mean {names}?", names=", ".join(meant)) if meant else ""


def _missing(context: Context, specs: Sequence[str], sources: Sources) -> Missing:
    with suppress(EnvtoolError):
        return availability.missing(context.host, context.conda_settings(), specs, sources)
    return Missing({}, {})


def _hint(context: Context, spec: str, similar: Sequence[str], sources: Sources) -> str:
    """Return what there is in place of a package that no channel knows, as one sentence; ``""`` for nothing."""
    name = match_spec.name(spec)
    if not sources.offline and (versions := _on_the_index(context, name, sources.pip)):
        return tr("{name} is on the pip index, in {version}: --pip {name}", name=name, version=versions[0])
    return tr("Did you mean {names}?", names=", ".join(similar)) if similar else ""


def _on_the_index(context: Context, name: str, where: PipSources) -> tuple[str, ...]:
    """Return the versions of a package that pip's index and its other places have, the newest first."""
    from envtool.operations.steps import torch_sources

    client = torch_sources.indexes(context, where)
    indexes = () if where.no_index else (where.index or torch_sources.default_index(), *where.extra_indexes)
    pages = [*where.find_links, *(f"{index.rstrip('/')}/{name}/" for index in indexes if index)]
    found: set[Version] = set()
    for page in pages:
        with suppress(RequestError, ValueError):
            found.update(filter(None, (_version(file.filename, name) for file in client.files(page))))
    finished = {version for version in found if not version.is_prerelease} or found
    return tuple(map(str, sorted(finished, reverse=True)))


def _version(filename: str, name: str) -> "Version | None":
    from packaging.utils import parse_sdist_filename, parse_wheel_filename

    with suppress(ValueError):
        parsed = parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
        return parsed[1] if parsed[0] == name else None
    return None
