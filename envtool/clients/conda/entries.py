"""Entries of a ``.condarc`` that is being edited: its lists and maps as texts, and names without stray quotes."""

from envtool.clients.yaml_text import YamlText


def texts(document: YamlText, key: str) -> list[str]:
    """Return a list of texts; empty where there is none."""
    value = document.get(key)
    return [str(item) for item in value if item is not None] if isinstance(value, list) else []


def entries(document: YamlText) -> dict[str, str]:
    """Return ``custom_channels``: name -> the URL above it."""
    value = document.get("custom_channels")
    pairs = value.items() if isinstance(value, dict) else ()
    return {str(name): str(url).rstrip("/") for name, url in pairs if url is not None}


def lists(document: YamlText, key: str) -> dict[str, list[str]]:
    """Return a map of lists of texts, such as ``custom_multichannels``."""
    value = document.get(key)
    pairs = value.items() if isinstance(value, dict) else ()
    return {str(name): [str(url) for url in urls if url is not None] for name, urls in pairs if isinstance(urls, list)}


def name_of(channel: str) -> str:
    """Return the name that stands for a channel in ``channels``: the parts of `defaults` have one together."""
    return "defaults" if channel.startswith("pkgs/") else channel


def unquoted(item: str) -> str:
    """Return an entry without quotes that are part of it: shells and copied lines leave them there."""
    return item.strip(" \t\"'`\u2018\u2019\u201c\u201d")
