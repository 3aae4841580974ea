"""The edits that move one ``.condarc`` to a mirror: only what is there is moved, and what stays is said."""

from collections.abc import Sequence
from pathlib import Path

from envtool.clients import conda
from envtool.clients.conda.condarc import CondaLayer, layers
from envtool.clients.conda.entries import entries, lists, name_of, texts, unquoted
from envtool.clients.conda.program import implicit_channels
from envtool.clients.protocol import COMMON, Edited, Endpoints, SiteMatcher, Surroundings, UrlMatch
from envtool.clients.yaml_text import YamlText
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.redaction import redact

_PARTS = ("pkgs/main", "pkgs/r", "pkgs/msys2", "pkgs/free")
_FROZEN = ("pkgs/free", "pkgs/pro", "pkgs/mro", "pkgs/mro-archive")  # no longer updated by upstream, and not needed


class CondaSwitch:
    """One file on its way to a mirror. Every method is one kind of edit; ``finished`` returns all of them."""

    def __init__(
        self,
        document: YamlText,
        source: str,
        endpoints: Endpoints,
        sites: SiteMatcher,
        where: Surroundings,
        *,
        clean: bool,
    ) -> None:
        self.document, self.endpoints, self.sites, self.clean = document, endpoints, sites, clean
        self._source, self._where = source, where
        self.settings = self._merged()
        self.edited = Edited(document.text)
        self._left_out: list[str] = []
        self._named_parts: list[str] = []  # the parts of `defaults` whose addresses `channels` named, without the word

    def finished(self) -> Edited:
        """Return the file as it is to be written."""
        self.edited.text = self.document.text
        return self.edited

    def channels(self) -> None:
        """Replace URLs of mirrors and of upstream by channel names: only names can be moved."""
        old = texts(self.document, "channels")
        new: list[str] = []
        for item in old:
            new += self._channel(item)
        if "defaults" in old:
            self._named_parts.clear()
        if old != new:
            self.document.put(("channels",), list(dict.fromkeys(new)) or [self._first_channel()])

    def _channel(self, item: str) -> list[str]:
        if (bare := unquoted(item)) != item:
            self.edited.notes.append(
                tr("The quotes in {entry} are part of it for conda: they are removed.", entry=redact(item))
            )
            found = self.sites.match(bare) if "://" in bare else None
            return self._named(found.channel) if found and found.channel and found.channel not in _FROZEN else [bare]
        found = self.sites.match(item) if "://" in item else None
        if found and found.channel in self.endpoints.parents:
            return self._named(found.channel)
        if found and not found.alive:
            if not self._dead(item):
                return [item]
            return [] if found.channel in _FROZEN else _living_name(found.channel)
        if item == "nodefaults":
            return [] if self._dead(item) else [item]
        if found:
            self._stays(item, found)
        elif "://" in item:
            self._is_own(item)
        elif item in conda.SLIPS:
            self.edited.notes.append(conda.slip(item))
        return [item]

    def _named(self, channel: str) -> list[str]:
        self._named_parts += [channel] if channel.startswith("pkgs/") else []
        return [name_of(channel)]

    def defaults(self) -> None:
        """Move what ``defaults`` stands for, and nothing that it does not stand for."""
        if "defaults" in self.settings.custom_multichannels:
            self.edited.notes.append(
                tr("`custom_multichannels.defaults` in your settings overrides `default_channels`.")
            )
        old = texts(self.document, "default_channels")
        if not old and self._defaults_are_unwanted():
            return
        new = self._moved(old) if old else self._moved_from_elsewhere()
        if old and not new:  # there was nothing but what is gone
            new = [url for part in self._parts() if (url := self.endpoints.channel(part))]
        if new != old:
            if new:
                self.document.put(("default_channels",), new)
            else:
                self.document.remove(("default_channels",))
        if "defaults" in self.settings.channels and old != new and new and self._loses_identity(new):
            self.edited.notes.append(
                tr("Packages installed from upstream's `defaults` will count as another channel's.")
            )

    def _defaults_are_unwanted(self) -> bool:
        """Return whether the settings shut ``defaults`` out, or give the word another meaning."""
        return (
            self.document.get("default_channels") is not None
            or "defaults" in self.settings.custom_multichannels
            or ("nodefaults" in self.settings.channels and not self.clean)
            or "defaults" in self.settings.denylist_channels
        )

    def _parts(self) -> tuple[str, ...]:
        windows = self._where.host.system == "Windows"
        return ("pkgs/main", "pkgs/r", "pkgs/msys2") if windows else ("pkgs/main", "pkgs/r")

    def _moved_from_elsewhere(self) -> list[str]:
        """Return the parts that another file, or conda itself, sets, as far as the mirror serves them."""
        new = []
        in_force = self.settings.default_channels
        if self._named_parts and "default_channels" not in self.settings.origins:
            in_force = tuple(self.endpoints.upstream_of(part) for part in self._named_parts)
        for item in in_force:
            found = self._part(item)
            if found is None:
                self._is_own(item)
            elif found.channel in self.endpoints.parents:
                new.append(self.endpoints.channel(found.channel))
            elif found.alive:
                self._left_out.append(found.channel)
        if self._left_out and new:
            note = tr(
                "{mirror} does not serve {parts}: left out of `defaults`.",
                mirror=self.endpoints.mirror,
                parts=", ".join(self._left_out),
            )
            self.edited.notes.append(note)
        elif self._left_out and "defaults" in (*self.settings.channels, *texts(self.document, "channels")):
            self.edited.notes.append(
                tr(
                    "{mirror} does not serve `defaults`: they still come from {url}.",
                    mirror=self.endpoints.mirror,
                    url=in_force[0],
                )
            )
        return list(dict.fromkeys(new))

    def multichannels(self) -> None:
        """Move the parts of the user's own multichannels."""
        for name, old in lists(self.document, "custom_multichannels").items():
            new = self._moved(old)
            if new and new != old:
                self.document.put(("custom_multichannels", name), new)

    def alias(self) -> None:
        """Remove a mirror's ``channel_alias``: it would also move channels that the mirror does not serve."""
        alias = self.document.get("channel_alias")
        found = self.sites.match(alias) if isinstance(alias, str) else None
        if found and found.mirror:
            self.document.remove(("channel_alias",))
            self.edited.notes.append(
                tr(
                    "`channel_alias: {url}` is removed: it sends even channels there that the site does not serve.",
                    url=alias,
                )
            )

    def entries(self) -> None:
        """Point the entries of ``custom_channels`` at the mirror, where they are public and it serves them."""
        for name, url in entries(self.document).items():
            found = self.sites.match(f"{url}/{name}")
            if found is None:
                self._is_own(f"{url}/{name}")
            elif name in self.endpoints.parents:
                self.document.put(("custom_channels", name), self.endpoints.parents[name])
            elif found.alive and found.mirror:
                self._stays(name, found)
            elif found.mirror and self._dead(f"{name}: {url}"):
                self.document.remove(("custom_channels", name))

    def named(self) -> None:
        """Point the channels that are used by name at the mirror, where it serves them."""
        asked = dict.fromkeys((*self.settings.channels, *texts(self.document, "channels")))
        multi = {"defaults", *self.settings.custom_multichannels, *conda.SLIPS}
        names = [name.partition("/label/")[0] for name in asked if "://" not in name and name not in multi]
        alias = self.sites.match(self.settings.channel_alias)
        if alias is None:
            if all(name in COMMON for name in names):  # without the alias any other would be looked for at upstream
                self.edited.own.append(self.settings.channel_alias)
            self.edited.notes.append(
                tr(
                    "`channel_alias` is your own ({url}): other channels stay there.",
                    url=redact(self.settings.channel_alias),
                )
            )
            return
        for name in dict.fromkeys((*COMMON, *names)):
            placed = {**self.settings.custom_channels, **entries(self.document)}
            if name in entries(self.document) or (name in placed and not self.sites.match(f"{placed[name]}/{name}")):
                continue
            if name in self.endpoints.parents and name not in self.settings.custom_multichannels:
                self.document.put(("custom_channels", name), self.endpoints.parents[name])
            elif name in names and name not in placed:
                self.edited.notes.append(
                    tr(
                        "{name} still comes from upstream: {mirror} does not serve it.",
                        name=name,
                        mirror=self.endpoints.mirror,
                    )
                )

    def at_least_one_channel(self) -> None:
        """Name a channel where none is configured: since 25.9 conda has no default one, before that `defaults`."""
        if not self.settings.channels and not texts(self.document, "channels"):
            if implicit_channels(self._where.root):
                return
            self.document.put(("channels",), [self._first_channel()])

    def refuse_unless_allowed(self) -> None:
        """Raise EnvtoolError where conda's allow or deny list would refuse a channel that was moved."""
        settings = self._merged()
        ours = tuple(f"{parent}/" for parent in self.endpoints.parents.values())
        for url, key in conda.refused_channels(settings):
            if url.startswith(ours):
                places = ", ".join(settings.origins.get(key, ()))
                allowed = ", ".join(map(redact, getattr(settings, key)))
                raise EnvtoolError(
                    tr("conda would refuse {url}: {key} allows only {allowed}.", url=url, key=key, allowed=allowed)
                    if key == "allowlist_channels"
                    else tr("conda would refuse {url}: {key} names {allowed}.", url=url, key=key, allowed=allowed),
                    hint=tr("Ask whoever keeps {places}; nothing was written for conda.", places=places),
                )

    def _merged(self) -> conda.CondaSettings:
        """Return the settings in force for this account, with the file as it is now."""
        found = list(layers(self._where.host, self._where.root, self._where.prefix))
        for position, layer in enumerate(found):
            if layer.source == self._source:
                found[position] = CondaLayer(
                    layer.source, layer.path, self.document.data, layer.final, layer.top, layer.bottom
                )
                break
        else:
            found.append(CondaLayer(self._source, Path(self._source), self.document.data))
        return conda.merge(self._where.host, found)

    def _first_channel(self) -> str:
        return "conda-forge" if "conda-forge" in self.endpoints.parents else "defaults"

    def _part(self, item: str) -> UrlMatch | None:
        """Return what is known about a part of `defaults`; a bare `main`, which conda misreads, means pkgs/main.

        Any other name is one below the alias here: `custom_channels` does not count for it.
        """
        part = item if "/" in item else f"pkgs/{item}"
        if part in _PARTS:
            return self.sites.match(self.endpoints.upstream_of(part))
        bare = unquoted(item)
        return self.sites.match(bare if "://" in bare else f"{self.settings.channel_alias}/{bare}")

    def _moved(self, old: Sequence[str]) -> list[str]:
        new: list[str] = []
        for item in old:
            found = self._part(item)
            if found and found.channel in self.endpoints.parents:
                new.append(self.endpoints.channel(found.channel))
            elif found and (found.channel in _FROZEN or not found.alive) and self._dead(item):
                continue
            else:
                if found is None:
                    self._is_own(item)
                elif found.alive and found.channel not in _FROZEN:
                    self._part_stays(found)
                new.append(item)
        return list(dict.fromkeys(new))

    def _part_stays(self, found: UrlMatch) -> None:
        self.edited.notes.append(
            tr(
                "{mirror} does not serve {part}: it still comes from {where}.",
                mirror=self.endpoints.mirror,
                part=found.channel,
                where=found.mirror or tr("upstream"),
            )
        )

    def _loses_identity(self, new: Sequence[str]) -> bool:
        moved = conda.CondaSettings(default_channels=tuple(new))
        old = conda.channel_urls(moved, self.endpoints.upstream_of("pkgs/main"))[0][0]
        return old != "defaults"

    def _dead(self, entry: str) -> bool:
        """Record a stale entry; return whether to remove it."""
        self.edited.stale.append(entry)
        return self.clean

    def _is_own(self, url: str) -> None:
        self.edited.own.append(url)
        self.edited.notes.append(tr("conda's {url} is your own and was not changed.", url=redact(url)))

    def _stays(self, entry: str, found: UrlMatch) -> None:
        if found.mirror:
            note = tr(
                "{entry} stays on {mirror}: {site} does not serve it.",
                entry=entry,
                mirror=found.mirror,
                site=self.endpoints.mirror,
            )
        else:
            note = tr(
                "{name} still comes from upstream: {mirror} does not serve it.",
                name=redact(entry),
                mirror=self.endpoints.mirror,
            )
        self.edited.notes.append(note)


def _living_name(channel: str) -> list[str]:
    return [name_of(channel)] if channel in (*COMMON, "pkgs/main", "pkgs/r", "pkgs/msys2") else []
