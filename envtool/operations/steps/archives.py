"""Archives named by URL or path: refused before anything is fetched if they cannot make up one environment here."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Archive, Spec
from envtool.operations.context import Context
from envtool.operations.steps import placeholders
from envtool.paths import Host
from envtool.redaction import redact
from envtool.specs import explicit, match_spec
from envtool.specs.problem import Place, problem

_FILE = re.compile(r"(?P<path>[^#:]+\.(?:conda|tar\.bz2))(?P<hash>#\S+)?")


def checked(context: Context, spec: Spec) -> Spec:
    """Return a spec with the variables in its archives' URLs expanded, and each archive once.

    Raises EnvtoolError (BAD_INPUT): for archives of another platform, for two of one name, for a placeholder in a URL.
    """
    for item in spec.conda:
        if "/" in item and (platform := explicit.platform_of(item.partition("#")[0])):
            _require_platform(context.host, Archive(item, platform=platform))
    archives = [_expanded(context.host, archive) for archive in spec.explicit]
    for archive in archives:
        _require_platform(context.host, archive)
    return replace(spec, explicit=tuple(_each_once(archives)))


def absolute(item: str, folder: Path) -> str:
    """Return a match spec, with an archive's path in it made absolute. Raises EnvtoolError if there is no such file."""
    match = _FILE.fullmatch(item)
    if match is None:
        return item
    path = folder.absolute() / Path(match["path"]).expanduser()
    if not path.is_file():
        raise EnvtoolError(
            tr("There is no file {path}.", path=path),
            hint=tr("Name an archive by its path or URL, or a package by its name."),
            code=ExitCode.BAD_INPUT,
        )
    return f"{path}{match['hash'] or ''}"


def _expanded(host: Host, archive: Archive) -> Archive:
    try:
        return replace(archive, url=placeholders.expand(archive.url, host.environ))
    except EnvtoolError as error:
        place = Place(*archive.source)
        raise EnvtoolError(problem(place, error.message).message, hint=error.hint, code=error.code) from None


def _require_platform(host: Host, archive: Archive) -> None:
    # CONDA_SUBDIR: on a Mac with Apple's own processor people run packages for Intel's.
    if archive.platform in ("", "noarch", host.subdir, host.environ.get("CONDA_SUBDIR")):
        return
    _refuse(
        archive,
        tr(
            "{url} is for {platform}, and this machine is {subdir}.",
            url=redact(archive.url),
            platform=archive.platform,
            subdir=host.subdir,
        ),
        tr("Export the environment without --format explicit, to a file for every platform."),
    )


def _each_once(archives: Iterable[Archive]) -> Iterator[Archive]:
    """Yield each archive once. Raises EnvtoolError for two archives of one package."""
    seen: dict[str, Archive] = {}
    for archive in archives:
        name = match_spec.name(archive.url)
        first = seen.setdefault(name, archive)
        if first is archive:
            yield archive
        elif not _agree(first, archive):
            _refuse_two(name, first, archive)


def _agree(first: Archive, second: Archive) -> bool:
    """Return whether two lines name the same archive, with no hash that says otherwise."""
    hashes = ((first.md5, second.md5), (first.sha256, second.sha256))
    return first.url == second.url and not any(one and other and one != other for one, other in hashes)


def _refuse_two(name: str, first: Archive, second: Archive) -> NoReturn:
    _refuse(
        second,
        tr(
            "The list has two archives of {name}: {second}, and {first} ({place}).",
            name=name,
            second=redact(second.url),
            first=redact(first.url),
            place=Place(*first.source).full,
        ),
        tr("Keep one of them."),
    )


def _refuse(archive: Archive, what: str, hint: str) -> NoReturn:
    if archive.source[1]:
        raise problem(Place(*archive.source), what, hint)
    raise EnvtoolError(what, hint=hint, code=ExitCode.BAD_INPUT)
