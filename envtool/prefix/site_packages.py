"""The Python distributions in a site-packages folder, read from their metadata: nothing is imported or started."""

import csv
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envtool.clients.conda import split_login
from envtool.i18n import tr
from envtool.model import Origin, Package

_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True)
class Distribution:
    """One installed distribution: ``anchor`` is the entry of site-packages that makes it one."""

    anchor: str
    package: Package


def normalized(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def is_anchor(entry: str) -> bool:
    """Return whether an entry of site-packages is a distribution's metadata."""
    return entry.endswith((".dist-info", ".egg-info", ".egg", ".egg-link"))


def read_all(folder: Path) -> tuple[list[Distribution], list[str]]:
    """Return the distributions in a site-packages folder, and a warning for each that cannot be understood."""
    found, warnings = [], []
    # pip renames what it is about to delete to ~name; such a rest is no distribution.
    for entry in (e for e in _entries(folder) if is_anchor(e) and not e.startswith("~")):
        package = _read(folder / entry)
        if package:
            found.append(Distribution(entry, package))
        else:
            warnings.append(tr("{path} has no metadata that can be read; it is left out.", path=folder / entry))
    return found, warnings


def files_of(folder: Path, anchor: str, prefix: Path) -> set[str]:
    """Return the paths below ``prefix`` that belong to the distribution of a site-packages entry.

    By its RECORD (PEP 376), or, where it has none (an egg, a link to sources), by what its entry and the names of its
    modules say.
    """
    below = folder.relative_to(prefix).as_posix()
    record = folder / anchor / "RECORD"
    if record.is_file():
        with record.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = [row[0] for row in csv.reader(file) if row]
        paths = {os.path.normpath(f"{below}/{path}") for path in rows if not path.startswith("/")}
        return {path for path in paths if not path.startswith("..")} | {f"{below}/{anchor}/RECORD"}
    modules = _text(folder / anchor / "top_level.txt").split()
    roots = [folder / anchor, *(folder / name for name in modules), *(folder / f"{name}.py" for name in modules)]
    found = {path for root in roots for path in ([root, *root.rglob("*")] if root.is_dir() else [root])}
    return {path.relative_to(prefix).as_posix() for path in found if path.is_file()}


def _entries(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries)
    except OSError:
        return []


def _read(path: Path) -> Package | None:
    if path.suffix == ".dist-info":
        return _dist_info(path)
    if path.suffix == ".egg-link":
        return _egg_link(path)
    # egg-info is a folder (setuptools) or a single file (distutils); an egg is a folder with one inside.
    inside = path / "EGG-INFO" / "PKG-INFO" if path.suffix == ".egg" else path / "PKG-INFO"
    return _metadata(path if path.is_file() else inside)


def _dist_info(path: Path) -> Package | None:
    package = _metadata(path / "METADATA")
    if package is None:
        return None
    installer = _text(path / "INSTALLER").strip()
    return replace(
        package,
        installer=installer,
        requested=(path / "REQUESTED").exists(),
        # conda keeps the address of the folder it was built from, on a machine that nobody else has.
        origin=None if installer == "conda" else _origin(_text(path / "direct_url.json")),
    )


def _egg_link(path: Path) -> Package | None:
    """Read ``setup.py develop``'s mark: a file whose first line is the folder that holds the sources."""
    source = path.parent / next(iter(_text(path).splitlines()), "").strip()
    package = next((p for entry in source.glob("*.egg-info") if (p := _metadata(entry / "PKG-INFO"))), None)
    return package and replace(package, origin=Origin("editable", source.as_uri()), requested=True)


def _metadata(path: Path) -> Package | None:
    """Read the headers of core metadata. By hand: the standard parser takes longer than all the rest together."""
    name, version, depends = "", "", []
    for key, value in _headers(path):
        if key == "name":
            name = value
        elif key == "version":
            version = value
        elif key == "requires-dist":
            depends.append(value)
    return Package(normalized(name), version, "pip", depends=tuple(depends)) if name and version else None


def _headers(path: Path) -> Iterator[tuple[str, str]]:
    head = re.split(r"\r?\n\r?\n", _text(path), maxsplit=1)[0]
    for line in re.sub(r"\r?\n[ \t]+", " ", head).splitlines():
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _origin(text: str) -> Origin | None:
    """Return where a direct_url.json (PEP 610) says that a distribution came from."""
    try:
        content = json.loads(text)
        return _origin_of(content, _public(str(content["url"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _origin_of(content: dict[str, Any], url: str) -> Origin:
    subdirectory = str(content.get("subdirectory") or "")
    if vcs := content.get("vcs_info"):
        commit, revision = vcs.get("commit_id") or "", vcs.get("requested_revision") or ""
        return Origin("vcs", url, str(vcs["vcs"]), str(commit), str(revision), "", subdirectory)
    if "dir_info" in content:
        editable = bool(content["dir_info"].get("editable"))
        return Origin("editable" if editable else "local", url, subdirectory=subdirectory)
    archive = content.get("archive_info") or {}
    sha256 = (archive.get("hashes") or {}).get("sha256") or str(archive.get("hash") or "").removeprefix("sha256=")
    return Origin("archive", url, sha256=sha256, subdirectory=subdirectory)


def _public(url: str) -> str:
    """Return an address without its login, as PEP 610 demands; ``git@`` of an ssh address is no secret but needed."""
    plain, login, _ = split_login(url)
    return url if login == "git" or url.startswith("ssh:") else plain
