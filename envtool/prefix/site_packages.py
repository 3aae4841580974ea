"""The Python distributions in a site-packages folder: their metadata, and the RECORD files that list what they own.

Nothing is imported or started.
"""

import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.documents import parse_json
from envtool.files import read_file, read_text
from envtool.i18n import tr
from envtool.model import Origin, Package
from envtool.redaction import split_login

if TYPE_CHECKING:  # hashlib takes as long to import as all of this
    from envtool.prefix.digest import Digest, Rewritten


SETUP_PY = "setup.py"  # the installer of an egg, which does not say where it came from


@dataclass(frozen=True)
class Distribution:
    """One installed distribution: ``anchor`` is the entry of site-packages that makes it one."""

    anchor: str
    package: Package


def is_anchor(entry: str) -> bool:
    """Return whether an entry of site-packages is a distribution's metadata."""
    return entry.endswith((".dist-info", ".egg-info", ".egg", ".egg-link"))


def read_distributions(folder: Path) -> tuple[list[Distribution], list[str]]:
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
    package = _metadata(path if path.is_file() else inside)
    return replace(package, installer=SETUP_PY) if package and path.suffix == ".egg" else package


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
    from packaging.utils import canonicalize_name

    name, version, depends = "", "", []
    for key, value in _headers(path):
        if key == "name":
            name = value
        elif key == "version":
            version = value
        elif key == "requires-dist":
            depends.append(value)
    return Package(canonicalize_name(name), version, "pip", depends=tuple(depends)) if name and version else None


def _headers(path: Path) -> Iterator[tuple[str, str]]:
    head = re.split(r"\r?\n\r?\n", _text(path), maxsplit=1)[0]
    for line in re.sub(r"\r?\n[ \t]+", " ", head).splitlines():
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except OSError:
        return ""


def _origin(text: str) -> Origin | None:
    """Return where a direct_url.json (PEP 610) says that a distribution came from."""
    try:
        content = parse_json(text)
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


# -- RECORD files: what pip installed (PEP 376, PEP 627) ---------------------------------------------------------------


def is_record(path: str) -> bool:
    """Return whether a path is that of a RECORD, which lists a distribution's files with their hashes and sizes."""
    return path.endswith(".dist-info/RECORD")


def recorded_files(record: str, data: bytes) -> Iterator[str]:
    """Yield the paths that a RECORD lists, relative to the same folder as ``record``, its own path."""
    folder = _start(record)
    for line in data.split(b"\n"):
        if path := _split(line)[0]:
            yield _joined(folder, path)


def files_of(folder: Path, anchor: str, prefix: Path) -> set[str]:
    """Return the paths, from ``prefix``, that belong to the distribution of a site-packages entry.

    By its RECORD, which may name files elsewhere: pip deletes them along with the others. Where it has none (an egg, a
    link to sources), by its entry and the names of its modules.
    """
    below = folder.relative_to(prefix).as_posix()
    record = folder / anchor / "RECORD"
    if record.is_file():
        path = f"{below}/{anchor}/RECORD"
        return {*recorded_files(path, read_file(record)), path}
    modules = _text(folder / anchor / "top_level.txt").split()
    # pip takes the line of an egg, or of a link to sources, out of this file.
    roots = [
        folder / anchor,
        folder / "easy-install.pth",
        *(folder / name for name in modules),
        *(folder / f"{name}.py" for name in modules),
    ]
    found = {path for root in roots for path in ([root, *root.rglob("*")] if root.is_dir() else [root])}
    return {path.relative_to(prefix).as_posix() for path in found if path.is_file()}


def with_new_digests(record: str, data: bytes, rewritten: "Rewritten") -> bytes:
    """Return a RECORD with the digests of files that were rewritten; ``record`` is its own path, as in ``rewritten``.

    A digest that did not fit before, since somebody had edited the file, stays: an edited file stays known as one.
    """
    folder, lines = _start(record), data.split(b"\n")
    for index, line in enumerate(lines):
        path, digest, size = _split(line)
        change = rewritten.get(_joined(folder, path)) if digest else None
        if change and digest == _recorded(change[0]):
            kept = line[: len(line) - len(digest) - 1 - len(size)]
            ending = b"\r" if size.endswith(b"\r") else b""
            lines[index] = kept + b"%s,%d%s" % (_recorded(change[1]), change[1].size, ending)
    return b"\n".join(lines)


def damaged(folder: Path) -> set[str]:
    """Return the names of distributions of which a file is missing or has another size than their RECORD says."""
    from packaging.utils import canonicalize_name

    records = folder.glob("*.dist-info/RECORD")
    return {canonicalize_name(record.parent.name.split("-", 1)[0]) for record in records if not _is_whole(record)}


def _is_whole(record: Path) -> bool:
    try:
        for line in read_file(record).split(b"\n"):
            path, _, size = _split(line)
            if not path:
                continue
            found = (record.parent.parent / os.fsdecode(path)).stat().st_size
            if size.strip() and found != int(size):  # RECORD itself and compiled files may have no size
                return False
    except (OSError, ValueError):
        return False
    return True


def _start(record: str) -> str:
    """Return the folder that a RECORD's paths start from."""
    return record.rsplit("/", 2)[0]


def _joined(folder: str, path: bytes) -> str:
    joined = f"{folder}/{os.fsdecode(path)}" if path[:1] != b"/" else os.fsdecode(path)
    return os.path.normpath(joined) if b".." in path else joined


def _split(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the path, hash and size of a RECORD's line. By hand: what is not changed is to stay as it is."""
    rest, _, size = line.rpartition(b",")
    path, _, digest = rest.rpartition(b",")
    return (path[1:-1].replace(b'""', b'"') if path.startswith(b'"') else path), digest, size


def _recorded(digest: "Digest") -> bytes:
    return b"sha256=" + urlsafe_b64encode(digest.sha256).rstrip(b"=")
