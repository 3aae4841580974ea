"""uv: its settings files and variables, and the indexes that they add up to, in uv's order. uv reads none of pip's.

The order is that of uv 0.13 (``IndexLocations``), as ``uv pip compile --verbose`` shows it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.clients import toml_text
from envtool.clients.protocol import Scope, SettingsFiles
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.paths import Host

DEFAULT_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")  # variables; the second is the older name


@dataclass(frozen=True)
class Index:
    """One index where it is written: its file or variable, key, address, and the name that others may shadow."""

    source: str
    key: str
    url: str
    name: str = ""
    default: bool = False
    explicit: bool = False  # asked only for packages that a project pins to it


@dataclass(frozen=True)
class Indexes:
    """Every index that is written, and of these the ones that uv asks, in its order.

    ``default`` is the default index among them; None is uv's own. Without ``uses_any`` uv asks no index.
    """

    written: tuple[Index, ...]
    asked: tuple[Index, ...]
    default: Index | None
    uses_any: bool = True


@dataclass(frozen=True)
class Layer:
    """The settings of one file, as uv sees them."""

    source: str
    values: Mapping[str, Any]


def files(host: Host, scope: Scope) -> SettingsFiles | None:
    """Return the files of a scope; uv has none for one environment."""
    if scope.kind == "user":
        if host.system == "Windows":
            base = Path(host.environ.get("APPDATA") or host.home / "AppData/Roaming")
        else:
            base = Path(host.environ.get("XDG_CONFIG_HOME") or host.home / ".config")
        path = base / "uv" / "uv.toml"
    elif scope.kind == "system":
        path = _system_file(host)
    else:
        return None
    return SettingsFiles((path,), path)


def _system_file(host: Host) -> Path:
    if host.system == "Windows":
        return Path(host.environ.get("PROGRAMDATA") or "C:/ProgramData") / "uv" / "uv.toml"
    folders = (Path(folder) for folder in host.environ.get("XDG_CONFIG_DIRS", "").split(":") if folder)
    paths = (folder / "uv" / "uv.toml" for folder in folders)
    return next((path for path in paths if path.is_file()), Path("/etc/uv/uv.toml"))


def layers(host: Host, folder: Path | None = None) -> tuple[Layer, ...]:
    """Return the settings of the project in ``folder``, of the user and of the machine, highest precedence first.

    Raises EnvtoolError (BAD_INPUT) on a file that uv cannot read.
    """
    if host.environ.get("UV_NO_CONFIG", "").lower() in ("1", "true", "yes", "on", "t", "y"):
        return ()
    if named := host.environ.get("UV_CONFIG_FILE"):
        paths = [Path(named).absolute()]
        return tuple(_layer(path) for path in paths if path.is_file())
    found = [] if folder is None else list(_of_project(folder.absolute()))
    for scope in (Scope("user"), Scope("system")):
        places = files(host, scope)
        found += [_layer(path) for path in (places.paths if places else ()) if path.is_file()]
    return tuple(found)


def _layer(path: Path) -> Layer:
    values = toml_text.values(path)
    check_shape(values, str(path))
    return Layer(str(path), values)


def _of_project(folder: Path) -> Iterator[Layer]:
    """Yield the settings of the nearest folder, from this one upwards, that has any."""
    for place in (folder, *folder.parents):
        if (place / "uv.toml").is_file():
            yield _layer(place / "uv.toml")
            return
        project = place / "pyproject.toml"
        if project.is_file():
            try:
                tool = toml_text.values(project).get("tool")
            except EnvtoolError:
                return  # uv stops on it in this folder only; what is wrong there is no matter of uv's settings
            values = tool.get("uv") if isinstance(tool, dict) else None
            if isinstance(values, dict):
                check_shape(values, str(project))
                yield Layer(str(project), values)
                return


def indexes(stack: Sequence[Layer], environ: Mapping[str, str]) -> Indexes:
    """Return the indexes of settings and variables together, and the order in which uv asks them."""
    of_pip = [Layer(layer.source, layer.values.get("pip") or {}) for layer in stack]
    variables = list(_variables(environ))
    listed = [index for layer in stack for index in _listed(layer)]
    extra = [index for layer in of_pip for index in _extra(layer, "pip.")]
    extra += [index for layer in stack for index in _extra(layer, "")]
    single = [index for layer in of_pip for index in _single(layer, "pip.")]
    single += [index for layer in stack for index in _single(layer, "")]
    default_variables = [index for index in variables if index.default][:1]
    asked_first = [index for index in variables if not index.default]
    # of a single setting the highest one counts: the others do not even get into uv's list
    order = [*default_variables, *asked_first, *listed, *extra, *single[:1]]
    written = (*variables, *listed, *extra, *single)
    uses_any = not next((layer.values["no-index"] for layer in (*of_pip, *stack) if "no-index" in layer.values), False)
    if not uses_any:
        return Indexes(written, (), None, uses_any=False)
    known = list(_unshadowed(order))
    default = next((index for index in known if index.default), None)
    asked = {index.url.rstrip("/"): index for index in reversed(known) if not (index.default or index.explicit)}
    before = [index for index in known if asked.get(index.url.rstrip("/")) is index]
    if default and default.url.rstrip("/") not in asked:
        before.append(default)
    return Indexes(written, tuple(before), default)


def _unshadowed(order: Sequence[Index]) -> Iterator[Index]:
    """Yield the indexes whose name no earlier one has."""
    seen = set()
    for index in order:
        if index.name and index.name in seen:
            continue
        seen.add(index.name)
        yield index


def _variables(environ: Mapping[str, str]) -> Iterator[Index]:
    for name in DEFAULT_INDEX:
        if said := environ.get(name):
            yield _named(name, said, default=True)
    for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL"):
        yield from (_named(name, word) for word in environ.get(name, "").split())


def _named(variable: str, text: str, *, default: bool = False) -> Index:
    """Return the index that ``URL`` or ``name=URL`` means."""
    name, equals, url = text.partition("=")
    if equals and name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return Index(variable, variable, url, name, default=default)
    return Index(variable, variable, text, default=default)


def _listed(layer: Layer) -> Iterator[Index]:
    for entry in layer.values.get("index", []):
        yield Index(
            layer.source,
            "index",
            str(entry.get("url", "")),
            str(entry.get("name", "")),
            default=entry.get("default") is True,
            explicit=entry.get("explicit") is True,
        )


def _extra(layer: Layer, prefix: str) -> Iterator[Index]:
    for url in layer.values.get("extra-index-url", []):
        yield Index(layer.source, f"{prefix}extra-index-url", str(url))


def _single(layer: Layer, prefix: str) -> Iterator[Index]:
    if url := layer.values.get("index-url"):
        yield Index(layer.source, f"{prefix}index-url", str(url), default=True)


# -- shapes that uv refuses -------------------------------------------------------------------------------------------
def check_shape(values: Mapping[str, Any], source: str) -> None:
    """Raise EnvtoolError (BAD_INPUT) where a setting that is read here has a form that uv refuses."""
    for prefix, table in (("", values), ("pip.", values.get("pip", {}))):
        if not isinstance(table, dict):
            raise refused(source, tr("`pip` must be a table: [pip]"))
        _check_table(table, prefix, source)
    entries = values.get("index", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise refused(source, tr("`index` must be a list of tables: [[index]]"))
    for entry in entries:
        if not isinstance(entry.get("url"), str):
            raise refused(source, tr("every [[index]] needs a `url`"))
        for key in ("default", "explicit"):
            if not isinstance(entry.get(key, False), bool):
                raise refused(source, tr("`{key}` must be true or false", key=f"index.{key}"))


def _check_table(table: Mapping[str, Any], prefix: str, source: str) -> None:
    for key in ("index-url", "python-install-mirror"):
        if not isinstance(table.get(key, ""), str):
            raise refused(source, tr("`{key}` must be text", key=prefix + key))
    for key in ("extra-index-url", "find-links"):
        urls = table.get(key, [])
        if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
            raise refused(source, tr("`{key}` must be a list of addresses", key=prefix + key))
    if not isinstance(table.get("no-index", False), bool):
        raise refused(source, tr("`{key}` must be true or false", key=f"{prefix}no-index"))


def refused(source: str, reason: str) -> EnvtoolError:
    """Return the error for a file that uv stops on."""
    return EnvtoolError(
        tr("uv stops on its settings file {path}: {reason}.", path=source, reason=reason),
        hint=tr("Correct or remove it; nothing was written to it."),
        code=ExitCode.BAD_INPUT,
    )
