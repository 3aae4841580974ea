"""pip as a client: its settings in force with what is wrong in its files, what overrides them, and its registration."""

import re
from collections.abc import Iterator
from pathlib import Path

from envtool.clients import pip
from envtool.clients.ini_text import IniText
from envtool.clients.pip import editing
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
from envtool.encoding import decode_with_form
from envtool.files import SETTINGS_LIMIT, read_file
from envtool.i18n import tr
from envtool.paths import Host
from envtool.redaction import redact

_SHOWN = ("index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "proxy", "cert")


def in_force(where: Surroundings, sites: SiteMatcher) -> InForce:  # noqa: ARG001 - the clients' common shape
    """Return pip's settings by precedence, and warnings about its files."""
    found = InForce()
    stack = pip.layers(where.host, where.prefix)
    merged = pip.settings(stack)
    for layer in stack:
        for key, value in layer.values.items():
            option = key.rpartition(".")[2]
            if option in _SHOWN and value.strip():
                ruling = merged.get(option)
                wins = ruling is not None and ruling.key == key and ruling.value == value
                effect: Effect = "wins" if wins else "hidden"
                source = layer.source if layer.path else "PIP_" + option.replace("-", "_").upper()
                found.settings.append(Setting(source, key, value, effect))
        if layer.path:
            found.warnings += _about_file(layer.path)
    index = merged.get("index-url")
    found.resolved["pip install x"] = (index.value.strip() if index else tr("the default index"),)
    if index and index.key.startswith(":env:") and any("index-url" in setting.key for setting in found.settings[:-1]):
        found.warnings.append(tr("PIP_INDEX_URL in this shell overrides every file."))
    if index and where.prefix and index.source.startswith(str(where.prefix)):
        found.warnings.append(tr("The environment's own {path} overrides the user's settings.", path=index.source))
    return found


def _about_file(path: Path) -> Iterator[str]:
    text, form = decode_with_form(read_file(path, limit=SETTINGS_LIMIT), any_bytes=True)
    if form.mark:
        yield tr("{path} begins with a byte order mark, which pip cannot read: save it as plain UTF-8.", path=path)
    document = IniText(text, str(path))
    for number in document.broken_headers():
        yield tr("{path}, line {line}: pip ignores what follows the [section] on that line.", path=path, line=number)
    if not text.isascii():
        yield tr("{path} is not plain ASCII: pip reads it in the system's encoding.", path=path)
    for option in document.options():
        if option.name == "index-url" and re.search(r"[\"'\s]", option.value.strip()):
            yield tr("{path}: pip reads quotes, and anything after a URL, as part of the URL.", path=path)
        if option.name == "trusted-host" and "://" in option.value:
            yield tr("{path}: a URL as trusted-host has no effect; pip expects a host name.", path=path)


def overrides(where: Surroundings, scope: Scope, sites: SiteMatcher) -> Iterator[str]:  # noqa: ARG001 - the clients' common shape
    """Yield a sentence for each variable and each file that overrides the files of a scope."""
    for name in ("PIP_CONFIG_FILE", "PIP_INDEX_URL"):
        if where.host.environ.get(name):
            yield tr("{variable} is set in this shell and overrides every file: unset it.", variable=name)
    if scope.kind != "user" or where.prefix is None:
        return
    for kind, path in pip.config_files(where.host, where.prefix):
        if kind == "site" and path.is_file() and any(k.endswith(".index-url") for k in pip.read_layer(path).values):
            yield tr("The active environment's own {path} overrides this scope.", path=path)


def for_run(host: Host, endpoints: Endpoints, sites: SiteMatcher) -> RunSettings:
    """Return the variable that puts one command under a mirror; a private index stays in force."""
    found = RunSettings()
    if own := pip.own_index(host, sites):
        found.notes.append(tr("pip's index {url} is your own and stays in force.", url=redact(own)))
    elif endpoints.index:
        found.variables["PIP_INDEX_URL"] = endpoints.index
    return found


CLIENT = Client(
    name="pip",
    tested_for="pip",
    keyword="index",
    any_bytes=True,
    files=editing.files,
    switched=editing.switched,
    unset=editing.unset,
    in_force=in_force,
    overrides=overrides,
    for_run=for_run,
)
