"""``.condarc`` edited: channels moved to a mirror and back, every other line left as it is."""

from pathlib import Path

from envtool.clients import conda
from envtool.clients.conda import mirrored_channels
from envtool.clients.conda.condarc import CondaLayer
from envtool.clients.conda.entries import entries, lists, name_of, texts, unquoted
from envtool.clients.conda.switching import CondaSwitch
from envtool.clients.protocol import Edited, Endpoints, Scope, SettingsFiles, SiteMatcher, Surroundings
from envtool.clients.yaml_text import YamlText
from envtool.i18n import tr
from envtool.paths import Host


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


def read(text: str, source: str, host: Host) -> YamlText:
    """Return a file's text, ready to be edited. Raises EnvtoolError (BAD_INPUT) where conda itself refuses it."""
    document = YamlText(text, source)
    conda.merge(host, (CondaLayer(source, Path(source), document.data),))
    return document


def switched(
    text: str, source: str, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool, where: Surroundings
) -> Edited:
    """Return a ``.condarc`` under which conda's channels come from a mirror, as far as it serves them."""
    document = read(text, source, where.host)
    if not endpoints.parents:
        return Edited(text, [tr("{mirror} serves no conda channels.", mirror=endpoints.mirror)])
    switch = CondaSwitch(document, source, endpoints, sites, where, clean=clean)
    switch.channels()
    switch.at_least_one_channel()
    switch.defaults()
    switch.multichannels()
    switch.alias()
    switch.entries()
    switch.named()
    mirrored_channels.move(document, endpoints, sites, switch.edited.stale, clean=clean)
    switch.refuse_unless_allowed()
    return switch.finished()


def moved(
    text: str, source: str, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool, where: Surroundings
) -> Edited:
    """Return a file in which the channels that it places are moved to a mirror, and none is added."""
    switch = CondaSwitch(read(text, source, where.host), source, endpoints, sites, where, clean=clean)
    switch.channels()
    if texts(switch.document, "default_channels"):
        switch.defaults()
    switch.multichannels()
    switch.alias()
    switch.entries()
    return switch.finished()


def unset(text: str, source: str, sites: SiteMatcher, *, where: Surroundings, original: str | None = None) -> Edited:
    """Return a ``.condarc`` without any mirror's lines. What only a mirror's address named is named by its name."""
    document = read(text, source, where.host)
    edited = Edited(text)
    _unset_channels(document, sites, edited)
    defaults = texts(document, "default_channels")
    if kept := [item for item in defaults if not _mirrored(sites, item)]:
        document.put(("default_channels",), kept)
    elif defaults:
        document.remove(("default_channels",))
    for name, urls in lists(document, "custom_multichannels").items():
        new = list(dict.fromkeys(_at_upstream(sites, url) for url in urls))
        if new != urls:
            document.put(("custom_multichannels", name), new)
    for name, url in entries(document).items():
        if _mirrored(sites, f"{url}/{name}"):
            document.remove(("custom_channels", name))
    alias = document.get("channel_alias")
    if isinstance(alias, str) and _mirrored(sites, alias):
        document.remove(("channel_alias",))
    mirrored_channels.unset(document, sites)
    if original is not None and _names_no_channel(original, source) and document.text != text:
        document.remove(("channels",))
    edited.text = document.text
    return edited


def _unset_channels(document: YamlText, sites: SiteMatcher, edited: Edited) -> None:
    old = texts(document, "channels")
    new: list[str] = []
    for item in old:
        found = sites.match(item) if "://" in item else None
        if found and found.mirror:
            new += [name_of(found.channel)] if found.channel and found.alive else []
        else:
            edited.own += [item] if "://" in item and found is None else []
            new.append(item)
    if new != old:
        document.put(("channels",), list(dict.fromkeys(new)) or ["conda-forge"])


def _names_no_channel(original: str, source: str) -> bool:
    return not texts(YamlText(original, source), "channels")


def _at_upstream(sites: SiteMatcher, url: str) -> str:
    found = sites.match(url) if "://" in url else None
    return Endpoints("").upstream_of(found.channel) if found and found.mirror and found.channel else url


def _mirrored(sites: SiteMatcher, url: str) -> bool:
    found = sites.match(unquoted(url)) if "://" in url else None
    return bool(found and found.mirror)
