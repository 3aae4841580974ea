"""The paths of an unpacked conda package, and the check that none of them leaves the environment."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envtool.documents import parse_json
from envtool.files import read_file
from envtool.prefix.containment import is_reserved, leading_out


@dataclass
class PackagePaths:
    """The paths of packages, relative to the prefix, and their links: path -> target."""

    files: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)

    def __ior__(self, other: "PackagePaths") -> "PackagePaths":
        self.files += other.files
        self.links |= other.links
        return self

    def refused(self, prefix: Path, links: Mapping[str, str] = {}) -> str:
        """Return a path that leads out of the environment or is envtool's own, ``""`` without one.

        ``links`` are those of other packages that come along.
        """
        wrong = (*filter(is_reserved, self.files), *leading_out(prefix, self.files, {**links, **self.links}))
        return next(iter(wrong), "")


def read(folder: Path) -> PackagePaths:
    """Return the paths that an unpacked package lists, and those of the scripts that linking creates.

    Raises OSError and ValueError where it cannot be read.
    """
    found = PackagePaths()
    for path in _listed(folder / "info"):
        found.files.append(path)
        try:
            found.links[path] = os.readlink(folder / path)  # noqa: PTH115 - thousands of times
        except OSError:
            continue  # most are no links
    found.files += _scripts(folder / "info" / "link.json")
    return found


def _listed(info: Path) -> Iterable[str]:
    if (info / "paths.json").is_file():
        return [str(entry["_path"]) for entry in parse_json(read_file(info / "paths.json"))["paths"]]
    # Packages older than paths.json list one path per line.
    return [line for line in read_file(info / "files").decode("utf-8", "replace").splitlines() if line]


def _scripts(link: Path) -> list[str]:
    if not link.is_file():
        return []
    noarch = parse_json(read_file(link)).get("noarch") or {}
    entries = noarch.get("entry_points") or () if isinstance(noarch, dict) else ()
    return [f"bin/{entry.partition('=')[0].strip()}" for entry in entries]
