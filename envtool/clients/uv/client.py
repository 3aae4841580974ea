"""uv as a client: its settings in force, what overrides a file of them, and its registration."""

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from envtool.clients import pip, uv
from envtool.clients.protocol import (
    Client,
    Effect,
    Endpoints,
    InForce,
    RunSettings,
    Scope,
    Setting,
    SiteMatcher,
    Surroundings,
)
from envtool.clients.uv import editing, refusal
from envtool.encoding import decode_with_form
from envtool.errors import EnvtoolError
from envtool.files import SETTINGS_LIMIT, read_file, read_text
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact

_OVERRIDES = (*uv.DEFAULT_INDEX, "UV_CONFIG_FILE", "UV_NO_CONFIG")
_BESIDE = ("python-install-mirror", "http-proxy", "https-proxy", "no-proxy", "allow-insecure-host")
_REGISTRY = re.compile(r'^source = \{ registry = "([^"]+)"', re.MULTILINE)  # of a package in uv.lock
_PYTHON = "UV_PYTHON_INSTALL_MIRROR"


def in_force(where: Surroundings, sites: SiteMatcher) -> InForce:  # noqa: ARG001 - the clients' common shape
    """Return the indexes that uv asks, in its order, the settings behind that, and warnings about them."""
    found = InForce()
    stack = uv.layers(where.host, where.folder)
    for layer in stack:
        if layer.source.endswith("uv.toml"):
            text = decode_with_form(read_file(Path(layer.source), limit=SETTINGS_LIMIT))[0]
            refusal.check(layer.values, text, layer.source, where.host)
    indexes = uv.indexes(stack, where.host.environ)
    for index in reversed(indexes.written):
        effect: Effect = "wins" if index is indexes.default else "merged" if index in indexes.asked else "hidden"
        found.settings.append(Setting(index.source, index.key, index.url, effect))
    for layer in reversed(stack):
        for key in _BESIDE:
            if (value := layer.values.get(key)) is not None:
                text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
                hidden = key == "python-install-mirror" and where.host.environ.get(_PYTHON)
                found.settings.append(Setting(layer.source, key, text, "hidden" if hidden else "merged"))
    if said := where.host.environ.get(_PYTHON):
        found.settings.append(Setting(_PYTHON, _PYTHON, said, "wins"))
    asked = [index.url for index in indexes.asked]
    if indexes.uses_any and indexes.default is None:
        asked.append(tr("the default index"))
    found.resolved["uv pip install x"] = tuple(asked)
    if not indexes.uses_any:
        found.warnings.append(tr("`no-index` is set: uv asks no index."))
    with suppress(EnvtoolError):  # pip's own view shows what is wrong with its settings
        if indexes.default is None and pip.in_force(where.host).index:
            found.warnings.append(tr("uv reads none of pip's settings: it uses the default index."))
    found.warnings += _locked_elsewhere(where.folder / "uv.lock", indexes.default.url if indexes.default else "")
    return found


def _locked_elsewhere(lock: Path, ruling: str) -> Iterator[str]:
    try:
        used = set(_REGISTRY.findall(read_text(lock)))
    except OSError:
        return
    if others := sorted(url for url in used if url.rstrip("/") != ruling.rstrip("/")):
        urls = redact(", ".join(others))
        yield tr("{path} was locked to {urls}, and uv sync downloads from there.", path=lock, urls=urls)


def overrides(where: Surroundings, scope: Scope, sites: SiteMatcher) -> Iterator[str]:  # noqa: ARG001 - the clients' common shape
    """Yield a sentence for each variable that overrides uv's files, and for the project's own settings."""
    for name in _OVERRIDES:
        if where.host.environ.get(name):
            yield tr("{variable} is set in this shell and overrides every file: unset it.", variable=name)
    own = {str(path) for path in _edited(where.host, scope)}
    with suppress(EnvtoolError):
        for layer in uv.layers(where.host, where.folder):
            if layer.source in own:
                return
            if written := uv.indexes([layer], {}).written:
                path, url = layer.source, redact(written[0].url)
                yield tr("In this folder {path} comes first: uv takes {url} from it.", path=path, url=url)


def _edited(host: Host, scope: Scope) -> tuple[Path, ...]:
    places = uv.files(host, scope)
    return places.paths if places else ()


def for_run(host: Host, endpoints: Endpoints, sites: SiteMatcher) -> RunSettings:
    """Return the variables that put one command under a mirror; a private index stays in force."""
    found = RunSettings()
    index = _default_index(host)
    if index and sites.match(index) is None:
        found.notes.append(tr("uv's default index {url} is your own and stays in force.", url=redact(index)))
    elif endpoints.index and not pip.own_index(host, sites):
        found.variables["UV_DEFAULT_INDEX"] = endpoints.index
    if endpoints.python:
        found.variables[_PYTHON] = endpoints.python
    return found


def _default_index(host: Host) -> str:
    """Return the default index that is configured, or "". A file that uv cannot read configures none."""
    try:
        stack = uv.layers(host)
    except EnvtoolError:
        stack = ()
    default = uv.indexes(stack, host.environ).default
    return default.url if default else ""


CLIENT = Client(
    name="uv",
    tested_for="pip",
    keyword="index",
    programs=("uv",),
    marks=(b"", codecs.BOM_UTF8),
    files=uv.files,
    switched=editing.switched,
    unset=editing.unset,
    in_force=in_force,
    overrides=overrides,
    for_run=for_run,
)
