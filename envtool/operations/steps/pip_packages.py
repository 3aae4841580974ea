"""The pip half of an environment: resolved, installed, foreseen, and kept off what conda installed."""

import re
from collections.abc import Iterable, Set
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.engines import installers
from envtool.engines.installers import DEFAULTS, InstallOptions, PipHalf
from envtool.environments import packages
from envtool.environments.packages import Contents
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Package, Sources
from envtool.operations.context import Context
from envtool.operations.steps import index_fallback
from envtool.prefix import conda_meta, site_packages
from envtool.prefix.layout import python_of, site_packages_dir
from envtool.prefix.snapshot import Footprint

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet


def half(
    lines: Iterable[str],
    conda: Iterable[Package] = (),
    *,
    force: bool = False,
    compile_bytecode: bool = False,
) -> PipHalf:
    """Return the pip half to install, held to the versions that conda installed unless ``force`` is given."""
    return PipHalf(tuple(lines), () if force else constraints(conda), force, compile_bytecode)


def resolve(context: Context, half: PipHalf, python: str, sources: Sources) -> tuple[tuple[str, ...], Sources]:
    """Return the pins of a pip half, and the sources that have them: a replica where the configured index fails."""
    offline = sources.offline
    with context.reporter.bar(tr("Solving pip packages")):
        pins, used = index_fallback.attempt(
            context,
            sources.pip,
            lambda places: installers.resolve(half, python, places, offline=offline),
            offline=offline,
        )
    return pins, replace(sources, pip=used)


def install(
    context: Context,
    half: PipHalf,
    prefix: Path,
    sources: Sources,
    options: InstallOptions = DEFAULTS,
) -> None:
    """Install a pip half into an environment, held to what conda has installed there by now unless it is forced."""
    half = half if half.force else replace(half, constraints=constraints(held(prefix)))
    options = replace(options, offline=sources.offline)
    index_fallback.attempt(
        context,
        sources.pip,
        lambda places: installers.install(half, interpreter(prefix), places, context.reporter, options),
        offline=sources.offline,
    )


def foreseen(
    half: PipHalf, pins: Iterable[str], there: Iterable[Package], *, upgrade: bool = False
) -> tuple[tuple[Package, ...], tuple[Package, ...]]:
    """Return the packages that installing a pip half would remove and add, by its pins and the packages ``there``.

    A package that is there stays, unless ``upgrade`` is given or the request excludes its version.
    """
    asked = _specifiers(half.lines)
    old = {package.name: package for package in there}
    removed, added = [], []
    for pin in pins:
        name, _, rest = pin.partition("==")
        version = re.split(r"[\s;]", rest, maxsplit=1)[0]
        before = old.get(name)
        excluded = before and name in asked and not asked[name].contains(before.version, prereleases=True)
        if before is None or (before.version != version and (upgrade or excluded)):
            removed += [before] if before else []
            added.append(Package(name, version, "pip"))
    return tuple(removed), tuple(added)


def _specifiers(lines: Iterable[str]) -> "dict[str, SpecifierSet]":
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, SpecifierSet] = {}
    for text in lines:
        with suppress(InvalidRequirement):  # options and paths say nothing about a version
            requirement = Requirement(text)
            found[canonicalize_name(requirement.name)] = requirement.specifier
    return found


def footprint(prefix: Path, there: Contents, half: PipHalf, pins: Iterable[str], *, upgrade: bool = False) -> Footprint:
    """Return the paths that installing a pip half may meet.

    Where pins are known, those of their packages that they leave as they are may still give way to another's needs.
    Without pins every package may.
    """
    if not half.lines:
        return Footprint()
    pinned = {pin.partition("==")[0] for pin in pins}
    installed = (*there.pip, *(there.inside if half.force else ()))
    if not pinned or any(line.startswith("-e") or "@" in line or "/" in line for line in half.lines):
        return Footprint(possible=files_of(prefix, {package.name for package in installed}))
    going, _ = foreseen(half, pins, installed, upgrade=upgrade)
    names = {package.name for package in going}
    return Footprint(files_of(prefix, names), possible=files_of(prefix, pinned - names))


def files_of(prefix: Path, names: Set[str]) -> frozenset[str]:
    """Return the paths of the Python distributions with these names, as their own lists and conda's tell them."""
    folder = site_packages_dir(prefix)
    if folder is None:
        return frozenset()
    found: set[str] = set()
    for distribution in site_packages.read_distributions(folder)[0]:
        if distribution.package.name in names:
            found |= site_packages.files_of(folder, distribution.anchor, prefix)
    records = (record for record in conda_meta.records(prefix) if record["name"] in names)
    return frozenset(found | conda_meta.owned_files(records))


def constraints(conda: Iterable[Package]) -> tuple[str, ...]:
    """Return ``name==version`` lines for Python distributions that conda installed: pip must not overwrite them."""
    from packaging.version import InvalidVersion, Version

    lines = []
    for package in conda:
        try:
            lines.append(f"{package.name}=={Version(package.version)}")
        except InvalidVersion:
            continue  # conda allows versions that pip cannot parse, and so cannot have
    return tuple(lines)


def held(prefix: Path) -> tuple[Package, ...]:
    """Return the Python distributions in an environment that belong to conda."""
    return packages.read(prefix).inside


def interpreter(prefix: Path) -> Path:
    """Return an environment's Python. Raises EnvtoolError where it has none: pip packages need one."""
    python = python_of(prefix)
    if python is None:
        raise EnvtoolError(
            tr("pip packages need Python, and {prefix} has none.", prefix=prefix),
            hint=tr("Install it: envtool install -p {prefix} python", prefix=prefix),
            code=ExitCode.MISSING,
        )
    return python
