"""``mirrored_channels``: the fallback lists that mamba reads, in its own files and in conda's; conda ignores them."""

from envtool.clients.client import Recogniser, Wanted
from envtool.clients.yaml_text import YamlText

_KEY = "mirrored_channels"


def move(document: YamlText, wanted: Wanted, known: Recogniser, stale: list[str], *, clean: bool) -> None:
    """Put the wanted site in the place of other mirrors; what is stale goes only with ``clean``."""
    for name, old in _lists(document).items():
        new: list[str] = []
        for url in old:
            found = known.url(url)
            if found and found.mirror and name in wanted.parents:
                new.append(wanted.channel(name))
            elif found and not found.alive:
                stale.append(url)
                new += [] if clean else [url]
            else:
                new.append(url)
        _put(document, name, old, new)


def unset(document: YamlText, known: Recogniser) -> None:
    """Take every mirror out; a list that has only upstream left says nothing and goes."""
    for name, old in _lists(document).items():
        new = [url for url in old if not ((found := known.url(url)) and found.mirror)]
        if new != old:
            alone = len(new) == 1 and known.url(new[0]) is not None
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
