"""The ``channels`` list of one ``.condarc``: what it says and on which line, and its text with entries changed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from envtool.clients.yaml_parts import entry_lines
from envtool.clients.yaml_text import YamlText

_KEYS = ("channels", "channel")  # conda reads either


class ChannelEntry(NamedTuple):
    """One entry as it is written, which may hold a login, and its line (from 1)."""

    channel: str
    line: int


def entries(text: str, source: str) -> tuple[ChannelEntry, ...]:
    """Return the entries of a file, first one first. Raises EnvtoolError where the file is not YAML."""
    document = YamlText(text, source)
    key = _key(document)
    return tuple(map(ChannelEntry, _listed(document, key), entry_lines(text, key)))


def with_added(text: str, source: str, names: Sequence[str], *, last: bool) -> str:
    """Return the text with channels at the beginning of the list, or at its end; entries that are there move."""
    document = YamlText(text, source)
    key = _key(document)
    others = [item for item in _listed(document, key) if not _contains(names, item)]
    document.put((key,), [*others, *names] if last else [*names, *others])
    return document.text


def with_moved(text: str, source: str, name: str, place: int) -> str:
    """Return the text with an entry at another place; ``place`` counts from 0 among the other entries."""
    document = YamlText(text, source)
    key = _key(document)
    others = [item for item in _listed(document, key) if not same(item, name)]
    document.put((key,), [*others[:place], *_found(document, key, name), *others[place:]])
    return document.text


def without(text: str, source: str, names: Sequence[str]) -> str:
    """Return the text without these entries; a list in which none is left is removed."""
    document = YamlText(text, source)
    key = _key(document)
    document.put((key,), [item for item in _listed(document, key) if not _contains(names, item)])
    return document.text


def same(one: str, other: str) -> bool:
    """Return whether two entries are the same to conda as they are written."""
    return one.rstrip("/") == other.rstrip("/")


def _contains(names: Sequence[str], item: str) -> bool:
    return any(same(name, item) for name in names)


def _found(document: YamlText, key: str, name: str) -> Iterator[str]:
    return (item for item in _listed(document, key) if same(item, name))


def _key(document: YamlText) -> str:
    return next((key for key in _KEYS if document.get(key) is not None), _KEYS[0])


def _listed(document: YamlText, key: str) -> list[str]:
    value = document.get(key)
    return [str(item) for item in value if item is not None] if isinstance(value, list) else []
