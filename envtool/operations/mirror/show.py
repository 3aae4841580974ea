"""``envtool mirror show``: every client's settings in force, where each is written, and what overrides what."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from envtool.clients import CLIENTS, client
from envtool.clients.protocol import Effect, InForce, Setting, SiteMatcher, Surroundings, UrlMatch
from envtool.errors import EnvtoolError
from envtool.http.proxies import proxy_variables
from envtool.i18n import tr
from envtool.mirrors import catalogue, fallbacks, url_matching
from envtool.mirrors.catalogue import Catalogue
from envtool.operations.context import Context
from envtool.redaction import redact


@dataclass(frozen=True)
class Line:
    """One setting where it is written, without logins; ``site`` names the mirrors that it leads to."""

    source: str
    key: str
    value: str
    effect: Effect
    site: str = ""


@dataclass
class View:
    """One client: what its words resolve to, the lines behind that in order of precedence, and warnings.

    ``broken`` says why nothing is known: a file that the client itself cannot read.
    """

    client: str
    resolved: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    broken: str = ""


def show(context: Context, folder: Path) -> tuple[View, ...]:
    """Return every client's view; ``folder`` is the current one, whose uv.lock counts.

    A broken file of one client leaves the views of the others whole. Raises EnvtoolError where the catalogue is broken.
    """
    known = context.catalogue
    sites = url_matching.UrlMatcher(known)
    active = context.host.environ.get("CONDA_PREFIX") or context.host.environ.get("VIRTUAL_ENV")
    where = Surroundings(context.host, context.root, Path(active) if active else None, folder)
    viewer = _Viewer(known, sites)
    views = [viewer.view(name, partial(_of_client, name, where, sites)) for name in CLIENTS]
    return (*views, viewer.view("envtool", lambda: _of_envtool(context)))


def _of_client(name: str, where: Surroundings, sites: SiteMatcher) -> InForce:
    """Return a client's settings in force, with the proxies of the environment by which it reaches the network."""
    found = client(name).in_force(where, sites)
    keys = {setting.key for setting in found.settings}
    # pip looks at its own proxy only where it has one; of conda's settings the environment's proxy takes the place
    hidden = name == "pip" and any(key.endswith(".proxy") for key in keys)
    for kind, variable, value in proxy_variables(where.host.environ):
        found.settings.append(Setting(variable, variable, value, "hidden" if hidden else "merged"))
        if f"proxy_servers.{kind}" in keys:
            key = f"proxy_servers.{kind}"
            found.warnings.append(tr("{variable} in this shell overrides {key}.", variable=variable, key=key))
    return found


def _of_envtool(context: Context) -> InForce:
    """Return what envtool itself adds: where it looks for PyTorch wheels after upstream."""
    known = context.catalogue
    mirrors = (url for _, url in fallbacks.for_torch(known, "BUILD"))
    found = InForce({"PyTorch wheels": (known.torch, *mirrors)})
    if known.preferred_torch:
        mirror = known.mirrors.get(known.preferred_torch)
        urls = (mirror.torch.base,) if mirror and mirror.torch else ()
        source = str(catalogue.own_file(context.host))
        found.settings.append(Setting(source, "torch", known.preferred_torch, "wins", urls))
    return found


class _Viewer:
    """Turns settings into views: names the mirrors behind addresses, warns about them, and removes logins."""

    def __init__(self, known: Catalogue, sites: url_matching.UrlMatcher) -> None:
        self._catalogue, self._sites = known, sites

    def view(self, name: str, look: Callable[[], InForce]) -> View:
        try:
            found = look()
        except EnvtoolError as error:
            return View(name, broken=error.message)
        view = View(name)
        view.resolved = {redact(word): tuple(map(redact, urls)) for word, urls in found.resolved.items()}
        for setting in found.settings:
            matches = self._matches(setting)
            names = dict.fromkeys(match.mirror or tr("upstream") for _, match in matches)
            value = redact(" ".join(setting.value.split()))
            view.lines.append(Line(setting.source, redact(setting.key), value, setting.effect, " ".join(names)))
            view.warnings += (text for url, match in matches for text in self._warnings(setting.source, url, match))
        view.warnings += found.warnings
        return view

    def _matches(self, setting: Setting) -> list[tuple[str, UrlMatch]]:
        urls = setting.urls or [word for word in setting.value.split() if "://" in word]
        return [(url, match) for url in urls if (match := self._sites.match(url))]

    def _warnings(self, source: str, url: str, match: UrlMatch) -> Iterator[str]:
        if not match.mirror:
            return
        mirror = self._catalogue.mirrors[match.mirror]
        if not mirror.usable:
            yield tr(
                "{source}: {mirror} is retired ({date}); use {other}: envtool mirror set {other}",
                source=source,
                mirror=mirror.title,
                date=mirror.date,
                other=mirror.replacement,
            )
        elif not match.alive:
            yield tr("{source}: {mirror} does not serve {what}.", source=source, mirror=mirror.title, what=redact(url))
        elif url.startswith("http://"):
            yield tr("{source}: {url} is not encrypted; https works there.", source=source, url=redact(url))
