"""Wheels: which Python and platform one is for, and which build of torch it is. Nothing is fetched here."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from envtool.index_page import File


@dataclass(frozen=True)
class Wheel:
    """One wheel on offer. ``size`` is in bytes, None if not stated.

    ``has_metadata`` says that its METADATA lies at the same URL with ``.metadata`` appended (PEP 658).
    """

    filename: str
    url: str
    version: Version
    tags: frozenset[Tag]
    requires_python: str = ""
    sha256: str = ""
    size: int | None = None
    has_metadata: bool = False

    def fits(self, python: str, tags: frozenset[Tag]) -> bool:
        """Whether a Python (``3.12``) that accepts ``tags`` can install it."""
        if self.tags.isdisjoint(tags):
            return False
        try:
            return SpecifierSet(self.requires_python).contains(f"{python}.99")
        except InvalidSpecifier:
            return True  # like pip: an invalid specifier excludes nothing


def wheels_of(project: str, files: Iterable[File]) -> tuple[Wheel, ...]:
    """Return the wheels of one project among the files of a page, without the yanked ones."""
    found = (_wheel(file, canonicalize_name(project)) for file in files if not file.is_yanked)
    return tuple(wheel for wheel in found if wheel)


def _wheel(file: File, project: str) -> Wheel | None:
    if not file.filename.endswith(".whl"):
        return None
    try:
        name, version, _, tags = parse_wheel_filename(file.filename)
    except InvalidWheelFilename:
        return None
    if name != project:
        return None
    return Wheel(
        file.filename,
        file.url,
        version,
        tags,
        requires_python=file.requires_python,
        sha256=file.hashes.get("sha256", ""),
        size=file.size,
        has_metadata=file.has_metadata,
    )


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
    """Return which build of torch a Linux wheel is, by its requirements: ``cu130``, or ``cpu`` if it needs no CUDA.

    Valid for torch 2.0 and newer; wheels before 1.13 contain their CUDA libraries. Requirements whose markers exclude
    Linux on ``machine`` are ignored.
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
