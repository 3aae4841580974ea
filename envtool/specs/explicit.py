"""Explicit lists (CEP 23): ``@EXPLICIT``, then the URL of one archive per line, with its hash; installed unsolved.

conda-lock writes the pip half into comments: ``# pip NAME @ URL#sha256=...``.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from envtool.i18n import tr
from envtool.model import Archive, Reading, Spec
from envtool.specs.format import Format
from envtool.specs.problem import Place, problem

MARKER = "@EXPLICIT"
_LINE = re.compile(
    r"(?P<url>[^#]+?\.(?:conda|tar\.bz2))(?:#(?:(?P<md5>[0-9a-fA-F]{32})|(?:sha256:)?(?P<sha256>[0-9a-fA-F]{64})))?"
)
_PIP = re.compile(r"#\s*pip (?P<requirement>[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*(?:@|==)\s*\S.*)")
# As `conda export` writes them where conda-pypi installed wheels.
_WHEEL = re.compile(
    r"(?P<url>[a-z][a-z0-9+]*://[^#\s]+/(?P<name>[A-Za-z0-9_.]+)-[^-/#]+(?:-\d[^-/#]*)?-[^-/#]+-[^-/#]+-[^-/#]+\.whl)"
    r"(?:#(?:(?P<md5>[0-9a-fA-F]{32})|(?:sha256:)?(?P<sha256>[0-9a-fA-F]{64})))?"
)
_SCHEME = re.compile(r"[a-z][a-z0-9+]{1,11}://")
_PLATFORM = re.compile(r"#\s*platform:\s*(\S+)")
_SUBDIR = re.compile(r"/(noarch|[a-z]+-(?:32|64|[a-z]+[a-z0-9]*))/[^/]+$")


def is_explicit(text: str) -> bool:
    """Return whether a text is an explicit list: one line that is the marker makes it one."""
    return any(line.strip() == MARKER for line in text.splitlines())


def read(text: str, filename: str = "", *, base: Path | None = None) -> Reading:
    """Return the archives that an explicit list names; paths are taken from ``base``. Raises EnvtoolError."""
    from envtool.specs.requirement_line import corrected

    archives: list[Archive] = []
    pip: dict[str, str] = {}
    warnings: list[str] = []
    platform = ""
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        place = Place(filename, number)
        if header := _PLATFORM.fullmatch(line):
            platform = header[1]
        elif comment := _PIP.fullmatch(line):
            usable = corrected(comment["requirement"], place)
            pip |= dict.fromkeys(usable.lines, place.full)
            warnings += usable.warnings
        elif wheel := _WHEEL.fullmatch(line):
            pip[_requirement(wheel["name"], wheel["url"], wheel["md5"], wheel["sha256"])] = place.full
        elif line and line != MARKER and not line.startswith("#"):
            archives.append(_archive(line, place, base, platform))
    if pip:
        warnings.append(tr("Lines that are packages for pip: {count}.", count=len(pip)))
    return Reading(Spec(explicit=tuple(archives), pip=tuple(pip), places=pip), tuple(warnings))


def platform_of(url: str) -> str:
    """Return the platform in an archive's URL or path (``linux-64``, ``noarch``), or "" if it has none."""
    found = _SUBDIR.search(url)
    return found[1] if found else ""


def write(archives: Iterable[Archive], subdir: str) -> str:
    """Return the explicit list of these archives, in the order given, for one platform (``linux-64``)."""
    head = [
        "# This file may be used to create an environment using:",
        "# $ envtool create <env> --file <this file>",
        "# $ conda create --name <env> --file <this file>",
        f"# platform: {subdir}",
        MARKER,
    ]
    return "\n".join([*head, *map(_line, archives)]) + "\n"


def _line(archive: Archive) -> str:
    if wheel := _WHEEL.fullmatch(archive.url):
        # conda has no such line. It skips a comment, which envtool reads.
        return f"# pip {_requirement(wheel['name'], archive.url, archive.md5, archive.sha256)}"
    # Every conda of the last ten years reads md5; sha256 came late, and in two spellings.
    return archive.url + (f"#{archive.md5}" if archive.md5 else f"#sha256:{archive.sha256}" if archive.sha256 else "")


def _requirement(name: str, url: str, md5: str | None, sha256: str | None) -> str:
    """Return the line for pip that installs a wheel, with its hash if one is known."""
    digest = f"#sha256={sha256.lower()}" if sha256 else f"#md5={md5.lower()}" if md5 else ""
    return f"{name.replace('_', '-').lower()} @ {url}{digest}"


def _archive(line: str, place: Place, base: Path | None, listed: str) -> Archive:
    match = _LINE.fullmatch(line)
    if match is None:
        raise problem(
            place,
            tr("{text} is not the URL of a conda archive.", text=repr(line)),
            tr("An explicit list holds URLs of .conda and .tar.bz2 files only, each with its hash."),
        )
    url = match["url"]
    if not _SCHEME.match(url):
        url = (base or Path.cwd()).absolute().joinpath(Path(url).expanduser()).as_uri()
    platform = platform_of(url)
    if listed and platform not in ("", "noarch", listed):
        raise problem(
            place,
            tr("The list is for {listed}, but this archive is for {platform}.", listed=listed, platform=platform),
            tr("Create the list again on the machine that it is for."),
        )
    md5, sha256 = (match["md5"] or "").lower(), (match["sha256"] or "").lower()
    return Archive(url, md5, sha256, listed or platform, place)


FORMAT = Format(
    name="explicit",
    recognises=lambda text, _: is_explicit(text),
    read=lambda text, filename, base: read(text, filename, base=base),
    write=lambda environment: write(environment.archives, environment.subdir),
)
