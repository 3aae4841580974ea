"""Wheels as index pages, folders and their own metadata describe them. Pure text work: nothing is fetched here.

Pages: PEP 503 (HTML) and PEP 691 (JSON) project pages, and flat listings, which are HTML with wheels of anything.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

JSON_PAGE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class Wheel:
    """One wheel that can be had. ``url`` is absolute, or a path; ``size`` in bytes, None where the page has none.

    ``metadata`` says that its METADATA lies beside it, under the same address with ``.metadata`` appended (PEP 658).
    """

    filename: str
    url: str
    version: Version
    tags: frozenset[Tag]
    requires_python: str = ""
    sha256: str = ""
    size: int | None = None
    metadata: bool = False

    def fits(self, python: str, tags: frozenset[Tag]) -> bool:
        """Whether a Python (``3.12``) that accepts ``tags`` takes it."""
        if self.tags.isdisjoint(tags):
            return False
        try:
            return SpecifierSet(self.requires_python).contains(f"{python}.99")
        except InvalidSpecifier:
            return True  # as pip has it: what cannot be understood forbids nothing


def read(page: str, content_type: str, url: str, name: str) -> tuple[Wheel, ...]:
    """Return the wheels of one project that a page offers, without those withdrawn (yanked)."""
    files = _from_json(page) if content_type.startswith(JSON_PAGE) else _from_html(page)
    found = (wheel(href, urljoin(url, href), name, attributes) for href, attributes in files)
    return tuple(item for item in found if item)


def wheel(href: str, url: str, name: str, attributes: Mapping[str, str | None]) -> Wheel | None:
    """Return the wheel of project ``name`` that a link means, or None where it is anything else."""
    filename = attributes.get("filename") or unquote(urlsplit(href).path.rpartition("/")[2])
    if not filename.endswith(".whl") or "yanked" in attributes:
        return None
    try:
        distribution, version, _, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return None
    if distribution != canonicalize_name(name):
        return None
    address, _, fragment = url.partition("#")
    size = attributes.get("size") or ""
    return Wheel(
        filename,
        address,
        version,
        tags,
        requires_python=attributes.get("requires-python") or "",
        sha256=fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else attributes.get("sha256") or "",
        size=int(size) if size.isdecimal() else None,
        metadata=(attributes.get("core-metadata") or attributes.get("dist-info-metadata") or "false") != "false",
    )


def _from_json(page: str) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Yield address and attributes of each file on a PEP 691 page."""
    for file in json.loads(page).get("files", ()):
        attributes: dict[str, str | None] = {
            "filename": file["filename"],
            "requires-python": file.get("requires-python"),
            "sha256": file.get("hashes", {}).get("sha256"),
            "size": str(file.get("size", "")),
        }
        if file.get("core-metadata") or file.get("dist-info-metadata"):
            attributes["core-metadata"] = "true"
        if file.get("yanked"):
            attributes["yanked"] = "true"
        yield file["url"], attributes


def _from_html(page: str) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Yield address and attributes (without their ``data-``) of each link on a page."""
    parser = _Links()
    parser.feed(page)
    parser.close()
    for link in parser.links:
        href = link.get("href")
        if href:
            attributes = {key.removeprefix("data-"): value for key, value in link.items() if key.startswith("data-")}
            yield urljoin(parser.base, href), attributes


class _Links(HTMLParser):
    """Collects the attributes of every link, and the page's ``<base href>``."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)  # some listings write `+` as `&#43;`
        self.base = ""
        self.links: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "base":
            self.base = self.base or dict(attrs).get("href") or ""
        elif tag == "a":
            self.links.append(dict(attrs))


def tags_of(python: str, platforms: Iterable[str]) -> frozenset[Tag]:
    """Return the wheel tags that CPython ``python`` (``3.12``) accepts on the given platforms."""
    major, minor = map(int, python.split(".")[:2])
    interpreter, places = f"cp{major}{minor}", list(platforms)
    return frozenset(
        (
            *cpython_tags((major, minor), abis=[interpreter], platforms=places),
            *compatible_tags((major, minor), interpreter=interpreter, platforms=places),
        )
    )


def build_of(metadata: str, machine: str) -> str:
    """Return which build of torch a Linux wheel is, from what it requires: ``cu130``, or ``cpu`` where nothing of CUDA.

    Holds for torch 2.0 and newer; wheels before 1.13 carried their CUDA libraries inside. Requirements that do not
    apply on Linux on ``machine`` do not count.
    """
    environment = {"platform_system": "Linux", "sys_platform": "linux", "platform_machine": machine, "extra": ""}
    for requirement in _requirements(metadata):
        name = canonicalize_name(requirement.name)
        if name != "cuda-toolkit" and not name.startswith(("nvidia-cuda-runtime", "nvidia-cuda-nvrtc")):
            continue
        if requirement.marker and not requirement.marker.evaluate(environment):
            continue
        for specifier in requirement.specifier:
            if specifier.operator == "==":
                version = Version(specifier.version.removesuffix(".*"))
                return f"cu{version.major}{version.minor}"
    return "cpu"


def _requirements(metadata: str) -> Iterator[Requirement]:
    from email.parser import HeaderParser

    for line in HeaderParser().parsestr(metadata).get_all("Requires-Dist", ()):
        with suppress(InvalidRequirement):
            yield Requirement(line)
