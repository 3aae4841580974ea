"""The packages of an environment, both halves, read from its files without starting or changing anything."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from envtool.files import read_text
from envtool.i18n import tr
from envtool.model import Environment, Package
from envtool.prefix import conda_meta, site_packages
from envtool.prefix.conda_meta import Record
from envtool.prefix.layout import kind_of, site_packages_dir

_VENV_VERSION = re.compile(r"^\s*version(?:_info)?\s*=\s*(\d+(?:\.\d+){1,2})", re.MULTILINE)


@dataclass(frozen=True)
class Contents:
    """The packages of both halves by name, and a warning for everything that is wrong with them.

    ``inside`` are the Python distributions that conda packages brought, under the names that pip knows;
    ``owners`` says which package brought each: ``torch`` came with conda's ``pytorch``.
    """

    conda: tuple[Package, ...] = ()
    pip: tuple[Package, ...] = ()
    inside: tuple[Package, ...] = ()
    owners: Mapping[str, Package] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read(environment: Environment | Path) -> Contents:
    """Return the packages of an environment: what conda's records own is conda's, the rest is pip's.

    A conda package whose Python distribution pip has replaced or removed counts as gone, as it does for conda, but its
    record stays where it is: conda deletes it while listing.
    """
    prefix = environment if isinstance(environment, Path) else environment.prefix
    conda, warnings = conda_meta.read_packages(prefix)
    folder = _site_packages(prefix, conda)
    if folder is None:
        return Contents(tuple(record.package for record in conda), warnings=tuple(warnings))
    found, unclear = site_packages.read_distributions(folder)
    start = folder.relative_to(prefix).as_posix() + "/"
    owned = [(record.package, _anchors(record, start)) for record in conda]
    theirs = {anchor for _, anchors in owned for anchor in anchors}
    pip = {d.package.name: d.package for d in found if d.anchor not in theirs}
    # What pip installed over a conda package shadows it, even where the old metadata still lies beside the new.
    valid = {d.anchor: d.package for d in found if d.anchor in theirs and d.package.name not in pip}
    clobbered = [package for package, anchors in owned if anchors and valid.keys().isdisjoint(anchors)]
    return Contents(
        conda=tuple(package for package, _ in owned if package not in clobbered),
        pip=tuple(pip[name] for name in sorted(pip)),
        inside=tuple(replace(package, manager="conda", origin=None) for package in valid.values()),
        owners={valid[anchor].name: package for package, anchors in owned for anchor in anchors if anchor in valid},
        warnings=(*warnings, *unclear, *(_clobbered(package, pip) for package in clobbered)),
    )


def python_version(environment: Environment) -> str:
    """Return the version of an environment's Python, or ``""`` where it has none."""
    if environment.kind == "conda":
        return conda_meta.version_of(environment.prefix, "python")
    try:
        match = _VENV_VERSION.search(read_text(environment.prefix / "pyvenv.cfg"))
    except OSError:
        return ""
    return match[1] if match else ""


def _site_packages(prefix: Path, conda: Iterable[Record]) -> Path | None:
    if kind_of(prefix) != "conda":
        return site_packages_dir(prefix)
    # Folders of an older Python may be left after an update: python's own record names the one in use.
    python = next((record for record in conda if record.package.name == "python"), None)
    if python is None:
        return None
    if python.site_packages:
        return prefix / python.site_packages
    if python.package.subdir.startswith("win"):
        return prefix / "Lib" / "site-packages"
    return prefix / "lib" / f"python{'.'.join(python.package.version.split('.')[:2])}" / "site-packages"


def _anchors(record: Record, start: str) -> frozenset[str]:
    """Return the entries of site-packages (below ``start``) that are metadata of a package's Python distributions."""
    inside = (file[len(start) :] for file in record.files if file.startswith(start))
    return frozenset(entry for file in inside if site_packages.is_anchor(entry := file.partition("/")[0]))


def _clobbered(package: Package, pip: Mapping[str, Package]) -> str:
    from packaging.utils import canonicalize_name

    if other := pip.get(canonicalize_name(package.name)):
        return tr(
            "pip replaced conda's {name} {version} with {other}.",
            name=package.name,
            version=package.version,
            other=other.version,
        )
    return tr(
        "conda's {name} {version} is recorded, but pip has removed or replaced its Python distribution.",
        name=package.name,
        version=package.version,
    )
