"""uv: the settings in force, and ``uv.toml`` edited. uv reads none of pip's settings."""

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.clients import pip, toml_text
from envtool.clients.protocol import (
    Client,
    Edited,
    Endpoints,
    InForce,
    RunSettings,
    Scope,
    Setting,
    SettingsFiles,
    SiteMatcher,
    Surroundings,
)
from envtool.clients.toml_text import Table, is_mirror, put, without_mirrors
from envtool.errors import EnvtoolError
from envtool.files import read_text
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_DEFAULT_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")  # variables; the second is the older name
_REGISTRY = re.compile(r'^source = \{ registry = "([^"]+)"', re.MULTILINE)  # of a package in uv.lock
_OVERRIDES = (*_DEFAULT_INDEX, "UV_CONFIG_FILE", "UV_NO_CONFIG")


def files(host: Host, scope: Scope) -> SettingsFiles | None:
    """Return the files of a scope; uv has none for one environment."""
    if scope.kind == "user":
        if host.system == "Windows":
            base = Path(host.environ.get("APPDATA") or host.home / "AppData/Roaming")
        else:
            base = Path(host.environ.get("XDG_CONFIG_HOME") or host.home / ".config")
    elif scope.kind == "system":
        windows = Path(host.environ.get("PROGRAMDATA") or "C:/ProgramData")
        base = windows if host.system == "Windows" else Path("/etc")
    else:
        return None
    path = base / "uv" / "uv.toml"
    return SettingsFiles((path,), path)


# -- settings in force ------------------------------------------------------------------------------------------------
def in_force(where: Surroundings, sites: SiteMatcher) -> InForce:  # noqa: ARG001 - the clients' common shape
    """Return uv's settings: those of its files, then of variables, and what the project's lock file was made with."""
    found = InForce()
    ruling = ""
    for path in _existing_files(where.host):
        for key, value, default in _lines(toml_text.values(path)):
            ruling = value if default else ruling
            found.settings.append(Setting(str(path), key, value, "wins" if default else "merged"))
    for name in (*_DEFAULT_INDEX, "UV_INDEX", "UV_PYTHON_INSTALL_MIRROR"):
        if said := where.host.environ.get(name):
            ruling = said if name in _DEFAULT_INDEX else ruling
            found.settings.append(Setting(name, name, said, "wins"))
    found.resolved["uv pip install x"] = (ruling or tr("the default index"),)
    with suppress(EnvtoolError):  # pip's own view shows what is wrong with its settings
        if not ruling and pip.in_force(where.host).index:
            found.warnings.append(tr("uv reads none of pip's settings: it uses the default index."))
    found.warnings += _locked_elsewhere(where.folder / "uv.lock", ruling)
    return found


def _existing_files(host: Host) -> Iterator[Path]:
    for scope in (Scope("system"), Scope("user")):
        places = files(host, scope)
        yield from (path for path in (places.paths if places else ()) if path.is_file())


def _lines(data: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield (key, address, whether it becomes the default index), the last one having the last word."""
    for index in data.get("index", []):
        yield "index", str(index.get("url", "")), index.get("default") is True
    pip_table = data.get("pip", {})
    for url in (*data.get("extra-index-url", []), *pip_table.get("extra-index-url", [])):
        yield "extra-index-url", str(url), False
    for key in ("index-url", "python-install-mirror"):
        if key in data:
            yield key, str(data[key]), key == "index-url"
    if "index-url" in pip_table:  # `uv pip` obeys it before all others
        yield "pip.index-url", str(pip_table["index-url"]), True


def _locked_elsewhere(lock: Path, ruling: str) -> Iterator[str]:
    try:
        used = set(_REGISTRY.findall(read_text(lock)))
    except OSError:
        return
    if others := sorted(url for url in used if url.rstrip("/") != ruling.rstrip("/")):
        urls = redact(", ".join(others))
        yield tr("{path} was locked to {urls}, and uv sync downloads from there.", path=lock, urls=urls)


def overrides(where: Surroundings, scope: Scope) -> Iterator[str]:  # noqa: ARG001 - the clients' common shape
    """Yield a sentence for each variable that overrides uv's files."""
    for name in _OVERRIDES:
        if where.host.environ.get(name):
            yield tr("{variable} is set in this shell and overrides every file: unset it.", variable=name)


def for_run(host: Host, endpoints: Endpoints, sites: SiteMatcher) -> RunSettings:
    """Return the variables that put one command under a mirror; a private index stays in force."""
    found = RunSettings()
    index = _default_index(host)
    if index and sites.match(index) is None:
        found.notes.append(tr("uv's default index {url} is your own and stays in force.", url=redact(index)))
    elif endpoints.index and not pip.own_index(host, sites):
        found.variables["UV_DEFAULT_INDEX"] = endpoints.index
    if endpoints.python:
        found.variables["UV_PYTHON_INSTALL_MIRROR"] = endpoints.python
    return found


def _default_index(host: Host) -> str:
    """Return the default index that is configured, or "". A file that uv cannot read configures none."""
    found = ""
    with suppress(EnvtoolError):
        for path in _existing_files(host):
            for _, value, default in _lines(toml_text.values(path)):
                found = value if default else found
    return next((said for name in _DEFAULT_INDEX if (said := host.environ.get(name))), found)


# -- uv.toml edited ---------------------------------------------------------------------------------------------------
def switched(
    text: str,
    source: str,
    endpoints: Endpoints,
    sites: SiteMatcher,
    *,
    clean: bool,
    host: Host,  # noqa: ARG001 - the clients' common shape
) -> Edited:
    """Return a ``uv.toml`` whose default index and source of interpreters are the mirror's; a private index stays."""
    edited = Edited(text)
    document = toml_text.parse(text, source)
    if endpoints.index:
        _move_index(document, endpoints, sites, edited, clean=clean)
        _move_pip(document, endpoints, sites, edited)
    else:
        edited.notes.append(tr("{mirror} has no Python package index.", mirror=endpoints.mirror))
    _move_python(document, endpoints, sites, clean=clean)
    edited.text = toml_text.finished(document, text, source)
    return edited


def unset(text: str, source: str, sites: SiteMatcher) -> Edited:
    """Return a ``uv.toml`` without any mirror's lines."""
    document = toml_text.parse(text, source)
    indexes = document.get("index", [])
    for position in reversed(range(len(indexes))):
        if is_mirror(sites, indexes[position].get("url", "")):
            del indexes[position]
    if "index" in document and not len(indexes):
        del document["index"]
    for key in ("index-url", "python-install-mirror"):
        if is_mirror(sites, str(document.get(key, ""))):
            del document[key]
    for table in _tables(document):
        extra = table.get("extra-index-url", [])
        if kept := without_mirrors(sites, extra):
            put(table, "extra-index-url", kept)
        elif extra:
            del table["extra-index-url"]
    pip_table = document.get("pip", {})
    if is_mirror(sites, str(pip_table.get("index-url", ""))):
        del pip_table["index-url"]
    if "pip" in document and not pip_table:
        del document["pip"]
    return Edited(toml_text.finished(document, text, source))


def _move_index(
    document: "TOMLDocument", endpoints: Endpoints, sites: SiteMatcher, edited: Edited, *, clean: bool
) -> None:
    ruling = next((index for index in document.get("index", []) if index.get("default") is True), None)
    old = str(ruling.get("url", "")) if ruling is not None else str(document.get("index-url", ""))
    if old and sites.match(old) is None:
        edited.notes.append(tr("uv's default index {url} is your own and was not changed.", url=redact(old)))
    elif ruling is not None:
        put(ruling, "url", endpoints.index)
    elif "index-url" in document:
        put(document, "index-url", endpoints.index)
    else:
        _add_index(document, endpoints.index)
    others = [index for index in document.get("index", []) if index is not ruling and index.get("default") is not True]
    public = [str(index["url"]) for index in others if "url" in index and is_mirror(sites, str(index["url"]))]
    # uv stops at the first index that has a project at all: a public mirror beside the default one hides newer versions
    edited.stale += public
    for table in _tables(document):
        extra = [str(url) for url in table.get("extra-index-url", [])]
        kept = without_mirrors(sites, extra)
        edited.stale += [url for url in extra if url not in kept]
        if clean and kept != extra:
            put(table, "extra-index-url", kept)
    if clean and public:
        indexes = document["index"]
        for position in reversed(range(len(indexes))):
            if str(indexes[position].get("url", "")) in public and indexes[position].get("default") is not True:
                del indexes[position]


def _move_pip(document: Table, endpoints: Endpoints, sites: SiteMatcher, edited: Edited) -> None:
    """Move the index of the `[pip]` table, which `uv pip` obeys before all others."""
    old = str(document.get("pip", {}).get("index-url", ""))
    if old and sites.match(old) is None:
        edited.notes.append(tr("The index of `uv pip`, {url}, is your own and was not changed.", url=redact(old)))
    elif old:
        put(document["pip"], "index-url", endpoints.index)


def _tables(document: Table) -> list[Table]:
    """Return the tables that may name indexes beside the default one: the document itself and `[pip]`."""
    return [document, *([document["pip"]] if "pip" in document else [])]


def _move_python(document: Table, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool) -> None:
    old = str(document.get("python-install-mirror", ""))
    found = sites.match(old) if old else None
    if endpoints.python and (not old or found):
        put(document, "python-install-mirror", endpoints.python)
    elif found and not found.alive and clean:
        del document["python-install-mirror"]


def _add_index(document: "TOMLDocument", url: str) -> None:
    import tomlkit

    entry = tomlkit.table()
    entry.add("url", url)
    entry.add("default", value=True)
    if "index" in document:
        document["index"].append(entry)
    else:
        entries = tomlkit.aot()
        entries.append(entry)
        if document.as_string().strip() and not document.as_string().endswith("\n\n"):
            document.add(tomlkit.nl())
        document.append("index", entries)


CLIENT = Client(
    name="uv",
    tested_for="pip",
    keyword="index",
    programs=("uv",),
    marks=(b"", codecs.BOM_UTF8),
    files=files,
    switched=switched,
    unset=unset,
    in_force=in_force,
    overrides=overrides,
    for_run=for_run,
)
