"""``mirrored_channels``: the fallback lists that mamba reads, in its own files and in conda's; conda ignores them."""

from envtool.clients.protocol import Endpoints, SiteMatcher
from envtool.clients.yaml_text import YamlText

_KEY = "mirrored_channels"


def move(document: YamlText, endpoints: Endpoints, sites: SiteMatcher, stale: list[str], *, clean: bool) -> None:
    """Replace other mirrors by this one; stale entries go only with ``clean``."""
    for name, old in _lists(document).items():
        new: list[str] = []
        for url in old:
            found = sites.match(url)
            if found and found.mirror and name in endpoints.parents:
                new.append(endpoints.channel(name))
            elif found and not found.alive:
                stale.append(url)
                new += [] if clean else [url]
            else:
                new.append(url)
        _put(document, name, old, new)


def unset(document: YamlText, sites: SiteMatcher) -> None:
    """Remove every mirror; a list in which only upstream is left says nothing and is removed, too."""
    for name, old in _lists(document).items():
        new = [url for url in old if not ((found := sites.match(url)) and found.mirror)]
        if new != old:
            alone = len(new) == 1 and sites.match(new[0]) is not None
            _put(document, name, old, [] if alone else new)


def _put(document: YamlText, name: str, old: list[str], new: list[str]) -> None:
    new = list(dict.fromkeys(new))
    if not new:
        document.remove((_KEY, name))
    elif new != old:
        document.put((_KEY, name), new)


def _lists(document: YamlText) -> dict[str, list[str]]:
    value = document.get(_KEY)
    lists = value.items() if isinstance(value, dict) else ()
    return {str(name): [str(url) for url in urls] for name, urls in lists if isinstance(urls, list)}
