"""conda's configuration files and variables: the layers that conda merges, each with what it sets.

The search path and the flags are those of conda 26.7 (``conda/base/constants.py``, ``conda/common/configuration.py``).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envtool.clients.yaml_parts import NotAMappingError, load_mapping
from envtool.encoding import decode_with_form
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import SETTINGS_LIMIT, read_file
from envtool.i18n import tr
from envtool.paths import Host

_SYSTEM = ("/etc/conda", "/var/lib/conda")
_WINDOWS = ("C:/ProgramData/conda",)
_NAMES = (".condarc", "condarc", "condarc.d")
_SUFFIXES = (".yml", ".yaml")
_PREFIX = "CONDA_"
# conda obeys a marker in the comment behind a key or a list item: `channels:  #!final`, `- mine  #!top`.
_MARKER = re.compile(r"#[!#]*(final|top|bottom)[!#]*\s*$")


@dataclass(frozen=True)
class CondaLayer:
    """One place that sets conda's settings: a file, or the ``CONDA_*`` variables (``path`` None).

    ``final`` names the keys that no later layer may change; ``top`` and ``bottom`` the list items that go to the ends.
    """

    source: str
    path: Path | None
    values: Mapping[str, Any]
    final: frozenset[str] = frozenset()
    top: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bottom: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def config_files(host: Host, root: Path | None = None, prefix: Path | None = None) -> tuple[Path, ...]:
    """Return the existing files that conda reads, lowest precedence first.

    ``root`` is the installation's root prefix, ``prefix`` the environment that the command is about (default: the
    active one, else the root).
    """
    found: dict[Path, None] = {}
    for place in search_path(host, root, prefix):
        for path in _files_at(place):
            found.setdefault(path)
    return tuple(found)


def search_path(host: Host, root: Path | None = None, prefix: Path | None = None) -> Iterator[Path]:
    """Yield every place where conda looks for its settings, lowest precedence first, existing or not."""
    active = host.environ.get("CONDA_PREFIX")
    target = prefix or (Path(active) if active else root)
    system = _WINDOWS if host.system == "Windows" else _SYSTEM
    folders = [Path(folder) for folder in system]
    folders += [root] if root else []
    if xdg := host.environ.get("XDG_CONFIG_HOME"):
        folders.append(Path(xdg) / "conda")
    folders += [host.home / ".config" / "conda", host.home / ".conda"]
    for folder in folders:
        yield from (folder / name for name in _NAMES)
    yield host.home / ".condarc"
    if target:
        yield from (target / name for name in _NAMES)
    if condarc := host.environ.get("CONDARC"):
        yield expand_path(host, condarc)


def expand_path(host: Host, text: str) -> Path:
    """Return the absolute path that ``~/...`` or a relative path stands for in this account."""
    if text == "~" or text.startswith(("~/", "~\\")):
        return host.home / text[2:]
    return Path(text).absolute()


def _files_at(place: Path) -> Iterator[Path]:
    # The suffix decides, in condarc.d, too: conda ignores every other file.
    if place.is_dir():
        yield from sorted(entry for entry in place.iterdir() if entry.suffix in _SUFFIXES and entry.is_file())
    elif place.is_file() and (place.name in _NAMES or place.suffix in _SUFFIXES):
        yield place


def read_layer(path: Path) -> CondaLayer:
    """Return the settings of one file. Raises EnvtoolError (BAD_INPUT) with file and line."""
    try:
        text, _ = decode_with_form(read_file(path, limit=SETTINGS_LIMIT))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _broken(path, tr("the text is neither UTF-8 nor UTF-16"), line) from None
    except OSError as error:
        raise _broken(path, error.strerror or str(error)) from None
    try:
        values = load_mapping(text)
    except NotAMappingError as error:
        raise _broken(path, error.reason, error.line) from None
    marks = _marks(text, values) if _MARKER.search(text) or "#!" in text else {}
    return CondaLayer(str(path), path, values, **marks)


def layers(
    host: Host,
    root: Path | None = None,
    prefix: Path | None = None,
    read_layer: Callable[[Path], CondaLayer] = read_layer,
) -> tuple[CondaLayer, ...]:
    """Return every layer of settings, lowest precedence first. Raises EnvtoolError on a file that is not YAML."""
    read = [read_layer(path) for path in config_files(host, root, prefix)]
    return (*read, *_variables(host))


def _broken(path: Path, reason: str, line: int | None = None) -> EnvtoolError:
    return EnvtoolError(
        tr(
            "conda's configuration file {path} cannot be read: line {line}: {reason}.",
            path=path,
            line=line,
            reason=reason,
        )
        if line
        else tr("conda's configuration file {path} cannot be read: {reason}.", path=path, reason=reason),
        hint=tr("Correct or remove it: conda stops on it, too."),
        code=ExitCode.BAD_INPUT,
    )


def _marks(text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys and items that conda's markers in comments apply to."""
    final: set[str] = set()
    ends: dict[str, dict[str, list[str]]] = {"top": {}, "bottom": {}}
    key = ""
    for line in text.splitlines():
        marker = _MARKER.search(line)
        content = line[: marker.start()].strip() if marker else line.strip()
        if line[:1].strip() and not content.startswith(("#", "-")):
            key = content.partition(":")[0].strip("'\" ")
            if marker and marker[1] == "final" and key in values:
                final.add(key)
        elif marker and marker[1] in ends and content.startswith("-"):
            ends[marker[1]].setdefault(key, []).append(content[1:].strip("'\" "))
    frozen = {name: {k: tuple(v) for k, v in items.items()} for name, items in ends.items()}
    return {"final": frozenset(final), **frozen}


def _variables(host: Host) -> Iterator[CondaLayer]:
    values = {name[len(_PREFIX) :].lower(): value for name, value in host.environ.items() if name.startswith(_PREFIX)}
    if values:
        yield CondaLayer("CONDA_*", None, values)
