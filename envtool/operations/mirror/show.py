"""What is in force for every client, and why: each file and variable in order, which wins, and what hides what."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envtool.clients import conda, mamba, pip, pixi, toml_text, uv
from envtool.clients.client import Known, Scope
from envtool.clients.conda.condarc import Layer, layers
from envtool.clients.ini_text import IniText
from envtool.encoding import decode_with_form
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.mirrors import catalogue, fallbacks, url_matching
from envtool.operations.context import Context
from envtool.redaction import redact

_CONDA_KEYS = ("channels", "default_channels", "custom_channels", "custom_multichannels", "channel_alias")
_PIP_KEYS = ("index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "proxy", "cert")


@dataclass(frozen=True)
class Line:
    """One setting where it is written. ``effect`` is ``wins``, ``merged`` or ``hidden``; ``site`` names the mirror."""

    source: str
    key: str
    value: str
    effect: str
    site: str = ""


@dataclass
class View:
    """One client: what its words resolve to, the lines behind that in order of precedence, and what to look at.

    ``broken`` says why nothing is known: a file that the client itself stops on.
    """

    client: str
    resolved: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    broken: str = ""


def show(context: Context, folder: Path) -> tuple[View, ...]:
    """Return every client's view; ``folder`` is the current one, whose uv.lock counts.

    A file that one client stops on hides nothing of the others. Raises EnvtoolError where the catalogue is broken.
    """
    seer = _Seer(context)
    active = context.host.environ.get("CONDA_PREFIX") or context.host.environ.get("VIRTUAL_ENV")
    prefix = Path(active) if active else None
    views: dict[str, Callable[[], View]] = {
        "conda": lambda: seer.of_conda(prefix),
        "pip": lambda: seer.of_pip(prefix),
        "uv": lambda: seer.of_uv(folder),
        "mamba": seer.of_mamba,
        "pixi": seer.of_pixi,
        "envtool": seer.of_envtool,
    }
    return tuple(_seen(client, look) for client, look in views.items())


def _seen(client: str, look: Callable[[], View]) -> View:
    try:
        return look()
    except EnvtoolError as error:
        return View(client, broken=error.message)


class _Seer:
    def __init__(self, context: Context) -> None:
        self._host, self._root, self._catalogue = context.host, context.root, context.catalogue
        self._recogniser = url_matching.Recogniser(context.catalogue)

    # -- conda ------------------------------------------------------------------------------------------------------
    def of_conda(self, prefix: Path | None) -> View:
        view = View("conda")
        root = self._root
        stack = layers(self._host, root, prefix)
        settings = conda.merge(self._host, stack)
        for name in dict.fromkeys((*settings.channels, "defaults", "conda-forge")):
            view.resolved[redact(name)] = tuple(redact(url) for _, url in conda.channel_urls(settings, name))
        for layer in stack:
            for key, value in _items(layer):
                effect = "merged" if key != "channel_alias" else "wins"
                if key == "channel_alias" and settings.origins[key][-1] not in (layer.source, "CONDA_CHANNEL_ALIAS"):
                    effect = "hidden"
                view.lines.append(self._line(layer.source, key, value, effect, view))
        self._about_conda(view, settings, stack, root)
        return view

    def _about_conda(
        self, view: View, settings: conda.CondaSettings, stack: Sequence[Layer], root: Path | None
    ) -> None:
        if not settings.channels:
            view.warnings.append(tr("No channel is configured: conda 25.9 and later has none of its own."))
        sites = {
            found.mirror
            for url in settings.default_channels
            if (found := self._recogniser.url(url)) and found.channel.startswith("pkgs/")
        }
        if len(sites) > 1:
            names = ", ".join(sorted(site or tr("upstream") for site in sites))
            view.warnings.append(tr("`defaults` is read from several sites at once: {names}.", names=names))
        alias = self._recogniser.url(settings.channel_alias)
        if alias and alias.mirror:
            view.warnings.append(
                tr("`channel_alias` sends every channel to {mirror}, also those it lacks.", mirror=alias.mirror)
            )
        if "nodefaults" in settings.channels:
            view.warnings.append(tr("`nodefaults` is a word of environment.yml; here conda looks for such a channel."))
        for layer in stack:
            if root and layer.path and layer.path.is_relative_to(root) and layer.values.get("channels"):
                view.warnings.append(tr("The installation's own {path} adds its channels to yours.", path=layer.path))

    # -- pip --------------------------------------------------------------------------------------------------------
    def of_pip(self, prefix: Path | None) -> View:
        view = View("pip")
        stack = pip.layers(self._host, prefix)
        merged = pip.settings(stack)
        for layer in stack:
            for key, value in layer.values.items():
                option = key.rpartition(".")[2]
                if option in _PIP_KEYS and value.strip():
                    ruling = merged.get(option)
                    wins = ruling is not None and ruling.key == key and ruling.value == value
                    source = layer.source if layer.path else "PIP_" + option.replace("-", "_").upper()
                    view.lines.append(self._line(source, key, value, "wins" if wins else "hidden", view))
            if layer.path:
                self._about_pip_file(layer.path, view)
        index = merged.get("index-url")
        view.resolved["pip install x"] = (redact(index.value.strip()) if index else tr("the default index"),)
        if index and index.key.startswith(":env:") and any("index-url" in line.key for line in view.lines[:-1]):
            view.warnings.append(tr("PIP_INDEX_URL in the shell beats every file."))
        if index and prefix and index.source.startswith(str(prefix)):
            view.warnings.append(tr("The environment's own {path} beats the user's.", path=index.source))
        return view

    def _about_pip_file(self, path: Path, view: View) -> None:
        text, form = decode_with_form(path.read_bytes(), any_bytes=True)
        if form.mark:
            view.warnings.append(
                tr("{path} begins with a byte-order mark: pip cannot read it. Save it as plain UTF-8.", path=path)
            )
        for number in IniText(text, str(path)).broken_headers():
            view.warnings.append(
                tr("{path}, line {line}: pip ignores what follows the [section] on that line.", path=path, line=number)
            )
        if not text.isascii():
            view.warnings.append(tr("{path} is not plain ASCII: pip reads it in the system's encoding.", path=path))
        for option in IniText(text, str(path)).options():
            if option.name == "index-url" and re.search(r"[\"'\s]", option.value.strip()):
                view.warnings.append(tr("{path}: pip takes quotes and what follows a URL for a part of it.", path=path))
            if option.name == "trusted-host" and "://" in option.value:
                view.warnings.append(tr("{path}: a URL as trusted-host does nothing; pip wants a host.", path=path))

    # -- uv, mamba, pixi --------------------------------------------------------------------------------------------
    def of_uv(self, folder: Path) -> View:
        view = View("uv")
        ruling: str = ""
        for scope in (Scope("system"), Scope("user")):
            places = uv.places(self._host, scope)
            for path in places.paths if places else ():
                for key, value, default in _uv_lines(path):
                    ruling = value if default else ruling
                    view.lines.append(self._line(str(path), key, value, "wins" if default else "merged", view))
        for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_PYTHON_INSTALL_MIRROR"):
            if said := self._host.environ.get(name):
                ruling = said if name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL") else ruling
                view.lines.append(self._line(name, name, said, "wins", view))
        view.resolved["uv pip install x"] = (redact(ruling) if ruling else tr("the default index"),)
        with suppress(EnvtoolError):  # pip's own view says so
            if not ruling and pip.in_force(self._host).index:
                view.warnings.append(tr("uv reads nothing of pip's settings: here it goes to the default index."))
        self._about_lock(folder / "uv.lock", ruling, view)
        return view

    def _about_lock(self, lock: Path, ruling: str, view: View) -> None:
        if not lock.is_file():
            return
        data = toml_text.parse(decode_with_form(lock.read_bytes(), any_bytes=True)[0], str(lock)).unwrap()
        used = {str(package.get("source", {}).get("registry", "")) for package in data.get("package", [])} - {""}
        if others := sorted(url for url in used if url.rstrip("/") != ruling.rstrip("/")):
            view.warnings.append(
                tr(
                    "{path} was locked to {urls}: that is where uv sync goes.",
                    path=lock,
                    urls=redact(", ".join(others)),
                )
            )

    def of_mamba(self) -> View:
        view = View("mamba")
        places = mamba.places(self._host, Scope("user"))
        for path in places.paths if places else ():
            if path.is_file():
                from envtool.clients.conda.condarc import read_layer

                layer = read_layer(path)
                view.lines += [self._line(str(path), key, value, "merged", view) for key, value in _items(layer)]
                mirrored = layer.values.get("mirrored_channels")
                for name, urls in (mirrored if isinstance(mirrored, dict) else {}).items():
                    view.resolved[str(name)] = tuple(redact(str(url)) for url in urls or ())
                    for url in urls or ():
                        view.lines.append(self._line(str(path), f"mirrored_channels.{name}", str(url), "merged", view))
        return view

    def of_pixi(self) -> View:
        view = View("pixi")
        places = pixi.places(self._host, Scope("user"))
        for path in places.paths if places else ():
            if path.is_file():
                data = toml_text.parse(decode_with_form(path.read_bytes())[0], str(path)).unwrap()
                for key, urls in data.get("mirrors", {}).items():
                    view.resolved[redact(key)] = tuple(redact(url) for url in urls)
                    for url in urls:
                        view.lines.append(self._line(str(path), f"mirrors.{redact(key)}", url, "merged", view))
                if index := data.get("pypi-config", {}).get("index-url"):
                    view.lines.append(self._line(str(path), "pypi-config.index-url", index, "merged", view))
        return view

    def of_envtool(self) -> View:
        """Return what envtool itself adds: where it looks for PyTorch wheels after upstream."""
        known = self._catalogue
        view = View(
            "envtool", {"PyTorch wheels": (known.torch, *(url for _, url in fallbacks.for_torch(known, "BUILD")))}
        )
        if known.preferred_torch:
            source = str(catalogue.own_file(self._host))
            view.lines.append(Line(source, "torch", known.preferred_torch, "wins", known.preferred_torch))
        return view

    # -- shared -----------------------------------------------------------------------------------------------------
    def _line(self, source: str, key: str, value: str, effect: str, view: View) -> Line:
        sites = []
        for word in value.split():
            if "://" in word and (found := self._recogniser.url(_whole(key, word))):
                sites.append(found.mirror or tr("upstream"))
                self._about(source, word, found, view)
        return Line(source, key, redact(" ".join(value.split())), effect, " ".join(dict.fromkeys(sites)))

    def _about(self, source: str, url: str, found: Known, view: View) -> None:
        if not found.mirror:
            return
        mirror = self._catalogue.mirrors[found.mirror]
        if not mirror.usable:
            view.warnings.append(
                tr(
                    "{source}: {mirror} is retired ({date}); use {other}: envtool mirror set {other}",
                    source=source,
                    mirror=mirror.title,
                    date=mirror.date,
                    other=mirror.replacement,
                )
            )
        elif not found.alive:
            view.warnings.append(
                tr("{source}: {mirror} does not serve {what}.", source=source, mirror=mirror.title, what=redact(url))
            )
        elif url.startswith("http://"):
            view.warnings.append(
                tr("{source}: {url} is not encrypted; https works there.", source=source, url=redact(url))
            )


def _whole(key: str, url: str) -> str:
    """Return the address that a setting leads to: an entry of ``custom_channels`` gives the part above the name."""
    return f"{url.rstrip('/')}/{key.partition('.')[2]}" if key.startswith("custom_channels.") else url


def _items(layer: Layer) -> Iterator[tuple[str, str]]:
    for key in _CONDA_KEYS:
        value: Any = layer.values.get(key)
        if isinstance(value, dict):
            for name, content in value.items():
                yield f"{key}.{name}", " ".join(map(str, content)) if isinstance(content, list) else str(content)
        elif isinstance(value, list):
            yield key, " ".join(str(item) for item in value)
        elif value is not None:
            yield key, str(value).replace(",", " ")


def _uv_lines(path: Path) -> Iterator[tuple[str, str, bool]]:
    if not path.is_file():
        return
    data = toml_text.parse(decode_with_form(path.read_bytes())[0], str(path)).unwrap()
    for index in data.get("index", []):
        yield "index", str(index.get("url", "")), index.get("default") is True
    pip = data.get("pip", {})
    for url in (*data.get("extra-index-url", []), *pip.get("extra-index-url", [])):
        yield "extra-index-url", str(url), False
    for key in ("index-url", "python-install-mirror"):
        if key in data:
            yield key, str(data[key]), key == "index-url"
    if "index-url" in pip:  # the last word for `uv pip`
        yield "pip.index-url", str(pip["index-url"]), True
