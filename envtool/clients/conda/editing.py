"""``.condarc`` edited: channels moved to a mirror and back, every other line left as it is."""

from collections.abc import Sequence
from pathlib import Path

from envtool.clients import conda
from envtool.clients.conda import mirrored_channels
from envtool.clients.conda.condarc import CondaLayer, layers
from envtool.clients.protocol import COMMON, Edited, Endpoints, Scope, SettingsFiles, SiteMatcher, UrlMatch
from envtool.clients.yaml_text import YamlText
from envtool.i18n import tr
from envtool.paths import Host

_PARTS = ("pkgs/main", "pkgs/r", "pkgs/msys2", "pkgs/free")
_FROZEN = ("pkgs/free", "pkgs/pro", "pkgs/mro", "pkgs/mro-archive")  # no longer updated by upstream, and not needed


def files(host: Host, scope: Scope) -> SettingsFiles | None:
    """Return the files of a scope, or None where conda has none such."""
    if scope.kind == "user":
        default = host.home / ".condarc"
        names = (".condarc", "condarc")
        xdg = host.environ.get("XDG_CONFIG_HOME")
        folders = [*([Path(xdg) / "conda"] if xdg else []), host.home / ".config" / "conda", host.home / ".conda"]
        paths = dict.fromkeys((*(folder / name for folder in folders for name in names), default))
        return SettingsFiles(tuple(paths), default)
    if scope.kind == "system":
        default = Path("C:/ProgramData/conda/.condarc" if host.system == "Windows" else "/etc/conda/.condarc")
        return SettingsFiles((default,), default)
    folder = scope.prefix if scope.kind == "env" else scope.root
    return SettingsFiles((folder / ".condarc",), folder / ".condarc") if folder else None


def switched(text: str, source: str, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool, host: Host) -> Edited:
    """Return a ``.condarc`` under which conda's channels come from a mirror, as far as it serves them."""
    if not endpoints.parents:
        return Edited(text, [tr("{mirror} serves no conda channels.", mirror=endpoints.mirror)])
    switch = _Switch(YamlText(text, source), source, endpoints, sites, clean, host)
    switch.channels()
    switch.at_least_one_channel()
    switch.defaults()
    switch.alias()
    switch.entries()
    switch.named()
    mirrored_channels.move(switch.document, endpoints, sites, switch.stale, clean=clean)
    return Edited(switch.document.text, switch.notes, switch.stale)


def moved(text: str, source: str, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool, host: Host) -> Edited:
    """Return a file in which the channels that it places are moved to a mirror, and none is added."""
    switch = _Switch(YamlText(text, source), source, endpoints, sites, clean, host)
    switch.channels()
    if _texts(switch.document, "default_channels"):
        switch.defaults()
    switch.alias()
    switch.entries()
    return Edited(switch.document.text, switch.notes, switch.stale)


def unset(text: str, source: str, sites: SiteMatcher) -> Edited:
    """Return a ``.condarc`` without any mirror's lines."""
    document = YamlText(text, source)
    channels = _texts(document, "channels")
    own = [item for item in channels if not _mirrored(sites, item)]
    if channels != own:
        seen = (sites.match(item) for item in channels)
        names = [_name(found.channel) for found in seen if found and found.channel and found.alive]
        document.put(("channels",), own or list(dict.fromkeys(names)) or ["conda-forge"])
    defaults = _texts(document, "default_channels")
    if kept := [item for item in defaults if not _mirrored(sites, item)]:
        document.put(("default_channels",), kept)
    elif defaults:
        document.remove(("default_channels",))
    for name, url in _entries(document).items():
        if _mirrored(sites, f"{url}/{name}"):
            document.remove(("custom_channels", name))
    alias = document.get("channel_alias")
    if isinstance(alias, str) and _mirrored(sites, alias):
        document.remove(("channel_alias",))
    mirrored_channels.unset(document, sites)
    return Edited(document.text)


class _Switch:
    """The edits that move one file to a mirror."""

    def __init__(
        self, document: YamlText, source: str, endpoints: Endpoints, sites: SiteMatcher, clean: bool, host: Host
    ) -> None:
        self.document, self.endpoints, self.sites, self.clean = document, endpoints, sites, clean
        self.windows = host.system == "Windows"
        self.settings = conda.merge(host, _layers_with(host, document, source))
        self.notes: list[str] = []
        self.stale: list[str] = []

    def channels(self) -> None:
        """Replace URLs of mirrors and of upstream by channel names: only names can be moved."""
        old = _texts(self.document, "channels")
        new: list[str] = []
        for item in old:
            found = self.sites.match(item) if "://" in item else None
            if found and found.channel in self.endpoints.parents:
                new.append(_name(found.channel))
            elif found and not found.alive and self._dead(item):
                new += [] if found.channel in _FROZEN else self._living_name(found.channel)
            elif item == "nodefaults" and self._dead(item):
                continue
            else:
                if found and found.mirror and found.alive:
                    self._stays(item, found.mirror)
                new.append(item)
        if old != new:
            self.document.put(("channels",), list(dict.fromkeys(new)) or [self._first_channel()])

    def defaults(self) -> None:
        """Move what ``defaults`` stands for."""
        old = _texts(self.document, "default_channels")
        parts = [part for part in ("main", "r", "msys2") if f"pkgs/{part}" in self.endpoints.parents]
        if not parts:
            self._defaults_elsewhere(old)
            return
        if "defaults" in self.settings.custom_multichannels:
            self.notes.append(tr("`custom_multichannels.defaults` in your settings overrides `default_channels`."))
        wanted = [part for part in parts if part != "msys2" or self.windows]
        new = self._moved(old)
        foreign = [item for item in (*old, *self.settings.default_channels) if self._part(item) is None]
        if foreign and not any(self._part(item) for item in old):
            self.notes.append(tr("`default_channels` is your own ({url}) and was not changed.", url=foreign[0]))
            return
        new += [url for part in wanted if (url := self.endpoints.channel(f"pkgs/{part}")) not in new]
        self.document.put(("default_channels",), new)
        if "defaults" in self.settings.channels and old != new and self._loses_identity(new):
            self.notes.append(tr("Packages installed from upstream's `defaults` will count as another channel's."))

    def alias(self) -> None:
        """Remove a mirror's ``channel_alias``: it would also move channels that the mirror does not serve."""
        alias = self.document.get("channel_alias")
        found = self.sites.match(alias) if isinstance(alias, str) else None
        if found and found.mirror:
            self.document.remove(("channel_alias",))
            self.notes.append(
                tr(
                    "`channel_alias: {url}` is removed: it sends even channels there that the site does not serve.",
                    url=alias,
                )
            )

    def entries(self) -> None:
        """Point the entries of ``custom_channels`` at the mirror, where they are public and it serves them."""
        for name, url in _entries(self.document).items():
            found = self.sites.match(f"{url}/{name}")
            if found is None:
                continue
            if name in self.endpoints.parents:
                self.document.put(("custom_channels", name), self.endpoints.parents[name])
            elif found.alive and found.mirror:
                self._stays(name, found.mirror)
            elif found.mirror and self._dead(f"{name}: {url}"):
                self.document.remove(("custom_channels", name))

    def named(self) -> None:
        """Point the channels that are used by name at the mirror, where it serves them."""
        alias = self.sites.match(self.settings.channel_alias)
        if alias is None:
            self.notes.append(
                tr(
                    "`channel_alias` is your own ({url}): other channels stay there.",
                    url=self.settings.channel_alias,
                )
            )
            return
        asked = dict.fromkeys((*self.settings.channels, *_texts(self.document, "channels")))
        names = [name.partition("/label/")[0] for name in asked if "://" not in name and name != "defaults"]
        for name in dict.fromkeys((*COMMON, *names)):
            placed = {**self.settings.custom_channels, **_entries(self.document)}
            if name in _entries(self.document) or (name in placed and not self.sites.match(f"{placed[name]}/{name}")):
                continue
            if name in self.endpoints.parents:
                self.document.put(("custom_channels", name), self.endpoints.parents[name])
            elif name in names and name not in placed:
                self.notes.append(
                    tr(
                        "{name} still comes from upstream: {mirror} does not serve it.",
                        name=name,
                        mirror=self.endpoints.mirror,
                    )
                )

    def at_least_one_channel(self) -> None:
        """Name a channel where none is configured: since 25.9 conda has no default one."""
        if not self.settings.channels and not _texts(self.document, "channels"):
            self.document.put(("channels",), [self._first_channel()])

    def _first_channel(self) -> str:
        return "conda-forge" if "conda-forge" in self.endpoints.parents else "defaults"

    def _part(self, item: str) -> UrlMatch | None:
        """Return what is known about a part of `defaults`; a bare `main`, which conda misreads, means pkgs/main."""
        part = item if "/" in item else f"pkgs/{item}"
        return self.sites.match(self.endpoints.upstream_of(part) if part in _PARTS else item)

    def _moved(self, old: Sequence[str]) -> list[str]:
        new: list[str] = []
        for item in old:
            found = self._part(item)
            if found and found.channel in self.endpoints.parents:
                new.append(self.endpoints.channel(found.channel))
            elif found and (found.channel in _FROZEN or not found.alive) and self._dead(item):
                continue
            else:
                new.append(item)
        return list(dict.fromkeys(new))

    def _defaults_elsewhere(self, old: Sequence[str]) -> None:
        """Leave `defaults`, which the site does not serve, where they are, unless they are dead there."""
        kept = [
            item for item in old if not ((found := self.sites.match(item)) and not found.alive and self._dead(item))
        ]
        if kept != list(old):
            if kept:
                self.document.put(("default_channels",), kept)
            else:
                self.document.remove(("default_channels",))
        if "defaults" in (*self.settings.channels, *_texts(self.document, "channels")):
            where = kept[0] if kept else self.endpoints.upstream_defaults
            self.notes.append(
                tr(
                    "{mirror} does not serve `defaults`: they still come from {url}.",
                    mirror=self.endpoints.mirror,
                    url=where,
                )
            )

    def _loses_identity(self, new: Sequence[str]) -> bool:
        moved = conda.CondaSettings(default_channels=tuple(new))
        old = conda.channel_urls(moved, self.endpoints.upstream_of("pkgs/main"))[0][0]
        return old != "defaults"

    def _living_name(self, channel: str) -> list[str]:
        return [_name(channel)] if channel in (*COMMON, "pkgs/main", "pkgs/r", "pkgs/msys2") else []

    def _dead(self, entry: str) -> bool:
        """Record a stale entry; return whether to remove it."""
        self.stale.append(entry)
        return self.clean

    def _stays(self, entry: str, mirror: str) -> None:
        note = tr(
            "{entry} stays on {mirror}: {site} does not serve it.",
            entry=entry,
            mirror=mirror,
            site=self.endpoints.mirror,
        )
        self.notes.append(note)


def _layers_with(host: Host, document: YamlText, source: str) -> tuple[CondaLayer, ...]:
    """Return the layers in force for this account, with this file on top where it is not one of them."""
    found = layers(host)
    if any(layer.source == source for layer in found):
        return found
    return (*found, CondaLayer(source, Path(source), document.data))


def _texts(document: YamlText, key: str) -> list[str]:
    value = document.get(key)
    return [str(item) for item in value if item is not None] if isinstance(value, list) else []


def _entries(document: YamlText) -> dict[str, str]:
    value = document.get("custom_channels")
    return {str(name): str(url).rstrip("/") for name, url in value.items()} if isinstance(value, dict) else {}


def _mirrored(sites: SiteMatcher, url: str) -> bool:
    found = sites.match(url) if "://" in url else None
    return bool(found and found.mirror)


def _name(channel: str) -> str:
    return "defaults" if channel.startswith("pkgs/") else channel
