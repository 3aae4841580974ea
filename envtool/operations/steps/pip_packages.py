"""The pip half of an environment: resolved, installed, foreseen, and kept off what conda installed."""

import re
import shlex
from collections.abc import Iterable, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from envtool.engines import installers
from envtool.engines.installers import DEFAULTS, InstallOptions, PipHalf
from envtool.environments import packages
from envtool.environments.packages import Contents
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Package, Sources, Spec
from envtool.operations.context import Context
from envtool.operations.steps import alternatives, index_fallback
from envtool.prefix import conda_meta, site_packages
from envtool.prefix.layout import python_of, site_packages_dir
from envtool.prefix.snapshot import Footprint
from envtool.specs import pip_options

_PIP = re.compile(r"pip\s*(?:[=<>!~@;\[]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Foreseen:
    """What installing a pip half would change: packages of both halves that go and come, and the lines to install.

    ``exact`` is the half that brings exactly these; None where the request is resolved again when it is installed.
    ``cached`` says that nothing has to be fetched for it.
    """

    removed: tuple[Package, ...] = ()
    added: tuple[Package, ...] = ()
    exact: PipHalf | None = None
    cached: bool = False


def half(spec: Spec, conda: Iterable[Package] = (), *, force: bool = False) -> PipHalf:
    """Return the pip half to install, held to the versions that conda installed unless ``force`` is given."""
    return PipHalf(spec.pip, () if force else constraints(conda, spec.pip), force, places=spec.places)


def refuse_removed_options(half: PipHalf, there: Iterable[Package]) -> None:
    """Raise EnvtoolError (BAD_INPUT) for an option that the environment's pip, one of the packages, has no longer."""
    release = next((_release(package.version) for package in there if package.name == "pip"), (9999,))
    for line in half.lines:
        for option, until in pip_options.REMOVED:
            if re.search(rf"\s{option}(?:=|\s)", line) and release >= until:
                raise EnvtoolError(
                    tr(
                        "{place}: pip no longer has the option {option}.",
                        place=half.places.get(line) or line,
                        option=option,
                    ),
                    hint=tr(
                        "Its successor is --config-settings. Or request a pip from before {release}: 'pip<{release}'.",
                        release=".".join(map(str, until)),
                    ),
                    code=ExitCode.BAD_INPUT,
                )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def names_pip(lines: Iterable[str]) -> bool:
    """Return whether pip itself is among the requirements, as in the output of ``pip list --format=freeze``."""
    return any(_PIP.match(line) for line in lines)


def resolve(context: Context, half: PipHalf, python: str, sources: Sources) -> tuple[tuple[str, ...], Sources]:
    """Return the pins of a pip half, and the sources that have them: a replica where the configured index fails."""
    offline = sources.offline
    _say_why_pip(context, half, sources)
    with alternatives.named_for_pip(context, half.lines, sources), context.reporter.bar(tr("Solving pip packages")):
        pins, used = index_fallback.attempt(
            context,
            sources.pip,
            lambda places: installers.resolve(half, python, places, offline=offline),
            offline=offline,
        )
    return pins, replace(sources, pip=used)


def _say_why_pip(context: Context, half: PipHalf, sources: Sources) -> None:
    if reason := installers.why_pip(half, sources.pip):
        context.reporter.note(tr("pip installs the pip packages: {reason}.", reason=reason))


def install(
    context: Context,
    half: PipHalf,
    prefix: Path,
    sources: Sources,
    options: InstallOptions = DEFAULTS,
) -> None:
    """Install a pip half into an environment, held to what conda has installed there by now unless it is forced."""
    if not half.force and options.dependencies:
        half = replace(half, constraints=constraints(held(prefix), half.lines))
    options = replace(options, offline=sources.offline)
    index_fallback.attempt(
        context,
        sources.pip,
        lambda places: installers.install(half, interpreter(prefix), places, context.reporter, options),
        offline=sources.offline,
    )


def install_exactly(context: Context, half: PipHalf, prefix: Path, sources: Sources, *, cached: bool) -> None:
    """Install the packages of a resolved half as they are, without asking any index where all are ``cached``."""
    options = InstallOptions(dependencies=False)
    if cached:
        with suppress(EnvtoolError):  # the cache may have been emptied since
            offline = replace(options, offline=True)
            installers.install(half, interpreter(prefix), sources.pip, context.reporter, offline)
            return
    install(context, half, prefix, sources, options)


def foretell(
    context: Context,
    half: PipHalf,
    prefix: Path,
    sources: Sources,
    there: Iterable[Package],
    options: InstallOptions = DEFAULTS,
) -> tuple[Foreseen | None, Sources]:
    """Return what a pip half would change in an environment with the packages ``there``, and the sources that have it.

    None where the environment's pip is too old to tell. Raises EnvtoolError where the half cannot be installed.
    """
    options = replace(options, offline=sources.offline)
    _say_why_pip(context, half, sources)
    with alternatives.named_for_pip(context, half.lines, sources), context.reporter.bar(tr("Solving pip packages")):
        told, used = index_fallback.attempt(
            context,
            sources.pip,
            lambda places: installers.foretell(half, interpreter(prefix), places, options),
            offline=sources.offline,
        )
    sources = replace(sources, pip=used)
    if told is None:
        return None, sources
    return replace(_compared(told.pins, there), exact=told.exact, cached=told.cached), sources


def foreseen_without_environment(pins: Iterable[str], there: Iterable[Package]) -> Foreseen:
    """Return what the pins of a pip half would change, where the environment's Python is yet to come."""
    return _compared(pins, there)


def _compared(pins: Iterable[str], there: Iterable[Package]) -> Foreseen:
    old = {package.name: package for package in there}
    removed, added = [], []
    for pin in pins:
        name, _, rest = pin.partition("==")
        version = re.split(r"[\s;]", rest, maxsplit=1)[0]
        before = old.get(name)
        if before is None or before.version != version:
            removed += [before] if before else []
            added.append(Package(name, version, "pip"))
    return Foreseen(tuple(removed), tuple(added))


def footprint(prefix: Path, there: Contents, half: PipHalf, foreseen: Foreseen | None) -> Footprint:
    """Return the paths that installing a pip half may meet.

    Where exactly what was foreseen is installed, those are the files of the packages that go. Otherwise every package
    of pip may have to give way, too.
    """
    if not half.lines:
        return Footprint()
    going = files_of(prefix, {package.name for package in foreseen.removed}) if foreseen else frozenset[str]()
    if foreseen and foreseen.exact:
        return Footprint(going)
    installed = (*there.pip, *(there.inside if half.force else ()))
    return Footprint(going, possible=files_of(prefix, {package.name for package in installed}))


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


def constraints(conda: Iterable[Package], requested: Iterable[str] = ()) -> tuple[str, ...]:
    """Return ``name==version`` lines for Python distributions that conda installed: pip must not overwrite them.

    pip itself may be replaced if it is among those ``requested``: envtool adds conda's pip to every environment.
    """
    from packaging.version import InvalidVersion, Version

    replaced = {"pip"} if names_pip(requested) else set()
    lines = []
    for package in (each for each in conda if each.name not in replaced):
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
            hint=tr("Install it: envtool install -p {prefix} python", prefix=shlex.quote(str(prefix))),
            code=ExitCode.MISSING,
        )
    return python
