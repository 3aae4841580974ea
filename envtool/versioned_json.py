"""envtool's own state files: JSON objects that carry the version of their form.

The files of 0.1.0 carry none and are read on. A file with a newer version is refused: what it says is not known here,
and to guess could cost an environment.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envtool.documents import parse_json
from envtool.errors import EnvtoolError
from envtool.files import read_file, write_atomically
from envtool.i18n import tr

Json = dict[str, Any]

VERSION = 1  # of each kind of file, until a kind changes its form


class NewerVersionError(EnvtoolError):
    """A state file that a newer envtool wrote."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            tr("{path} was written by a newer envtool, and this one cannot read it.", path=path),
            hint=tr("Update envtool, or use the one that wrote the file."),
        )
        self.path = path


def write(path: Path, content: Mapping[str, Any], *, version: int = VERSION) -> None:
    """Write a state file, whole or not at all. Raises OSError."""
    write_atomically(path, json.dumps({"version": version, **content}, indent=1).encode() + b"\n")


def read(path: Path, *, newest: int = VERSION) -> Json:
    """Return the content of a state file without its version; ``{}`` where there is none, or none that makes sense.

    Raises NewerVersionError where its version is newer than the ``newest`` known.
    """
    try:
        content = parse_json(read_file(path))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    require_known(path, content, newest=newest)
    return {key: value for key, value in content.items() if key != "version"}


def require_known(path: Path, content: Mapping[str, Any], *, newest: int = VERSION) -> None:
    """Raise NewerVersionError where a state file's content has a version other than those up to the ``newest``."""
    version = content.get("version", 0)
    if not isinstance(version, int) or not 0 <= version <= newest:
        raise NewerVersionError(path)
