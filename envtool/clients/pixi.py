"""pixi: ``config.toml`` read and edited. Its ``[mirrors]`` are fallback lists; its lock files keep upstream URLs."""

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envtool.clients import toml_text
from envtool.clients.protocol import (
    COMMON,
    Client,
    Edited,
    Endpoints,
    InForce,
    Scope,
    Setting,
    SettingsFiles,
    SiteMatcher,
    Surroundings,
)
from envtool.clients.toml_text import Table, is_mirror, put, without_mirrors
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact


def files(host: Host, scope: Scope) -> SettingsFiles | None:
    """Return the files of a scope, lowest precedence first; pixi has none for one conda environment."""
    if scope.kind == "system":
        windows = Path(host.environ.get("PROGRAMDATA") or "C:/ProgramData")
        path = windows / "pixi/config.toml" if host.system == "Windows" else Path("/etc/pixi/config.toml")
        return SettingsFiles((path,), path)
    if scope.kind != "user":
        return None
    home = Path(host.environ.get("PIXI_HOME") or host.home / ".pixi")
    xdg = host.environ.get("XDG_CONFIG_HOME")
    folders = [host.home / ".config/pixi", *([Path(xdg) / "pixi"] if xdg else []), host.home / ".pixi", home]
    return SettingsFiles(tuple(dict.fromkeys(folder / "config.toml" for folder in folders)), home / "config.toml")


def in_force(where: Surroundings, sites: SiteMatcher) -> InForce:  # noqa: ARG001 - the clients' common shape
    """Return the fallback lists and the Python index of the user's files."""
    found = InForce()
    places = files(where.host, Scope("user"))
    for path in places.paths if places else ():
        data = toml_text.values(path)
        _check(data, str(path))
        for key, urls in data.get("mirrors", {}).items():
            found.resolved[key] = tuple(urls)
            found.settings += [Setting(str(path), f"mirrors.{key}", url, "merged") for url in urls]
        if index := data.get("pypi-config", {}).get("index-url"):
            found.settings.append(Setting(str(path), "pypi-config.index-url", index, "merged"))
    return found


def switched(
    text: str,
    source: str,
    endpoints: Endpoints,
    sites: SiteMatcher,
    *,
    clean: bool,
    where: Surroundings,  # noqa: ARG001 - the clients' common shape
) -> Edited:
    """Return a ``config.toml`` under which channels come from the mirror first and from upstream after it."""
    _check(toml_text.parsed(text, source), source)
    edited = Edited(text)
    document = toml_text.parse(text, source)
    names = [name for name in (*COMMON, "pkgs/main", "pkgs/r") if name in endpoints.parents]
    lists = {endpoints.upstream_of(name): endpoints.channel(name) for name in names}
    for key, urls in document.get("mirrors", {}).items():
        found = sites.match(key)
        if found and found.service == "conda" and key not in lists and not found.mirror:
            dead = [url for url in urls if (other := sites.match(url)) and other.mirror and not other.alive]
            edited.stale += dead
            if clean and dead:
                put(document["mirrors"], key, [url for url in urls if url not in dead])
    for key, url in lists.items():
        own = [old for old in document.get("mirrors", {}).get(key, []) if sites.match(old) is None]
        # the first that answers is used; upstream has to be named to stay the last resort
        put(_table(document, "mirrors"), key, [*own, url, key])
    _move_index(document, endpoints, sites, edited)
    edited.text = toml_text.finished(document, text, source)
    return edited


def unset(
    text: str,
    source: str,
    sites: SiteMatcher,
    *,
    where: Surroundings,  # noqa: ARG001 - the clients' common shape
    original: str | None = None,  # noqa: ARG001 - the clients' common shape
) -> Edited:
    """Return a ``config.toml`` without any mirror's entries."""
    _check(toml_text.parsed(text, source), source)
    document = toml_text.parse(text, source)
    mirrors = document.get("mirrors", {})
    for key in list(mirrors):
        kept = without_mirrors(sites, mirrors[key])
        if kept in ([], [key]):
            del mirrors[key]
        else:
            put(mirrors, key, kept)
    if "mirrors" in document and not mirrors:
        del document["mirrors"]
    pypi = document.get("pypi-config", {})
    if is_mirror(sites, str(pypi.get("index-url", ""))):
        del pypi["index-url"]
        if not pypi:
            del document["pypi-config"]
    return Edited(toml_text.finished(document, text, source))


def _move_index(document: Table, endpoints: Endpoints, sites: SiteMatcher, edited: Edited) -> None:
    if not endpoints.index:
        return
    old = str(document.get("pypi-config", {}).get("index-url", ""))
    if old and sites.match(old) is None:
        edited.own.append(old)
        edited.notes.append(tr("pixi's index {url} is your own and was not changed.", url=redact(old)))
        return
    put(_table(document, "pypi-config"), "index-url", endpoints.index)
    edited.notes.append(tr("pixi uses the Python index of its settings for new manifests only."))


def _check(values: Mapping[str, Any], source: str) -> None:
    """Raise EnvtoolError (BAD_INPUT) where a setting that is read here has a form that pixi refuses."""
    mirrors = values.get("mirrors", {})
    lists = mirrors.values() if isinstance(mirrors, dict) else (None,)
    if not all(isinstance(urls, list) and all(isinstance(url, str) for url in urls) for urls in lists):
        raise _refused(source, tr("`mirrors` must map addresses to lists of addresses"))
    pypi = values.get("pypi-config", {})
    if not isinstance(pypi, dict) or not isinstance(pypi.get("index-url", ""), str):
        raise _refused(source, tr("`pypi-config` must be a table, and its `index-url` text"))


def _refused(source: str, reason: str) -> EnvtoolError:
    return EnvtoolError(
        tr("pixi stops on its settings file {path}: {reason}.", path=source, reason=reason),
        hint=tr("Correct or remove it; nothing was written to it."),
        code=ExitCode.BAD_INPUT,
    )


def _table(document: Table, name: str) -> Table:
    if name not in document:
        document[name] = {}
    table: Table = document[name]  # as the document holds it, not what was put in
    return table


CLIENT = Client(
    name="pixi",
    tested_for="conda",
    keyword="mirrors",
    programs=("pixi",),
    marks=(b"", codecs.BOM_UTF8),
    files=files,
    switched=switched,
    unset=unset,
    in_force=in_force,
)
