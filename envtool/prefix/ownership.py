"""Files of packages, told from envtool's own: what a package's list names was put there by the package."""

import os
from collections.abc import Iterator
from pathlib import Path

from envtool.documents import parse_json
from envtool.files import read_file
from envtool.prefix import conda_meta, site_packages

_RECORDS = ("lib*/python*/site-packages/*.dist-info/RECORD", "Lib/site-packages/*.dist-info/RECORD")


def is_listed(prefix: Path, path: Path) -> bool:
    """Return whether the list of an installed package leads to a file in an environment, by whatever spelling."""
    real = os.path.realpath(path)
    same = (listed for listed in _listed(prefix) if os.path.basename(listed) == path.name)  # noqa: PTH119
    return any(os.path.realpath(os.path.join(prefix, listed)) == real for listed in same)  # noqa: PTH118


def _listed(prefix: Path) -> Iterator[str]:
    """Yield the paths in all lists, from the prefix. One that is cut off yields what can be read of it."""
    for record in conda_meta.record_files(prefix):
        yield from _of_conda(record)
    for record in (found for pattern in _RECORDS for found in prefix.glob(pattern)):
        try:
            data = read_file(record)
        except OSError:
            continue
        yield from site_packages.recorded_files(record.relative_to(prefix).as_posix(), data)


def _of_conda(record: Path) -> Iterator[str]:
    try:
        text = read_file(record).decode("utf-8", "replace")
    except OSError:
        return
    try:
        content = parse_json(text)
        files = content.get("files") or ()
        paths = (entry.get("_path") for entry in (content.get("paths_data") or {}).get("paths") or ())
        yield from (path for path in (*files, *paths) if isinstance(path, str))
    except (ValueError, TypeError, AttributeError):
        yield from text.split('"')
