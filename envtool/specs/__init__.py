"""Text to model and back, pure: one file per format."""

import re
from pathlib import Path

from envtool.model import Reading
from envtool.specs import conda_list, explicit, match_spec, references, requirements, table

__all__ = ["read"]

_YAML_KEY = re.compile(r"""^["']?(?:name|channels|dependencies|variables|prefix)["']?[ \t]*:(?:\s|$)""", re.MULTILINE)


def read(text: str, filename: str = "", *, base: Path | None = None) -> Reading:
    """Return what a file asks for, whatever its format: what it holds decides, then its name.

    ``base`` is its folder: other requirements files that it names are taken in and paths made absolute; without it both
    stay as they are. Raises EnvtoolError (BAD_INPUT) with the line.
    """
    reading = _read(text, filename, base)
    if base is None:
        return reading
    return references.followed(reading, base / filename, base if _is_environment(text, filename) else Path.cwd())


def _read(text: str, filename: str, base: Path | None) -> Reading:
    if explicit.is_explicit(text):
        return explicit.read(text, filename, base=base)
    if table.is_table(text):
        return table.read(text, filename)
    if _is_environment(text, filename):
        from envtool.specs import environment_yml

        return environment_yml.read(text, filename)
    first = next((line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if conda_list.is_line(first):
        return conda_list.read(text, filename)
    if match_spec.is_list(text, filename):
        return match_spec.read(text, filename)
    return requirements.read(text, filename)


def _is_environment(text: str, filename: str) -> bool:
    return bool(_YAML_KEY.search(text)) or filename.endswith((".yml", ".yaml"))
