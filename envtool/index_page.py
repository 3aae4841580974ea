"""Pages of Python package indexes: PEP 503 (HTML), PEP 691 (JSON), and flat listings of find-links. Pure text work."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from envtool.documents import parse_json

JSON_PAGE = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON_PAGE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


@dataclass(frozen=True)
class File:
    """One file that a page offers. ``url`` is absolute and has no fragment.

    ``hashes`` maps the name of an algorithm to a hexadecimal digest, ``size`` is in bytes (None: not stated),
    ``upload_time`` is ISO 8601 (``""``: not stated), ``requires_python`` a version specifier. ``has_metadata`` says
    that the file's METADATA lies at the same URL with ``.metadata`` appended (PEP 658).
    """

    filename: str
    url: str
    hashes: Mapping[str, str] = field(default_factory=dict)
    requires_python: str = ""
    is_yanked: bool = False
    has_metadata: bool = False
    size: int | None = None
    upload_time: str = ""


def parse(text: str, content_type: str, url: str) -> tuple[File, ...]:
    """Return the files that a page at ``url`` offers, in its order. Raises ValueError where it cannot be parsed.

    A page that offers no files, such as a login page, gives none.
    """
    return tuple(_from_json(text, url) if "json" in content_type.lower() else _from_html(text, url))


def local_path(url: str) -> Path | None:
    """Return the path that a ``file:`` URL or a plain path means, or None where it is on the network."""
    if url.startswith("file:"):
        from urllib.request import url2pathname

        return Path(url2pathname(urlsplit(url).path))
    return None if "://" in url else Path(url)


def _from_json(text: str, url: str) -> Iterator[File]:
    page = parse_json(text)
    files = page.get("files") if isinstance(page, dict) else None
    for entry in files if isinstance(files, list) else ():
        address = _joined(url, entry.get("url")) if isinstance(entry, dict) else ""
        if address:
            yield _from_entry(entry, address)


def _from_entry(entry: Mapping[str, Any], url: str) -> File:
    address, hashes = _split_fragment(url)
    given, size = entry.get("hashes"), entry.get("size")
    if isinstance(given, dict):
        hashes = {name: value for name, value in given.items() if isinstance(value, str)}
    return File(
        filename=str(entry.get("filename") or _filename(address)),
        url=address,
        hashes=hashes,
        requires_python=str(entry.get("requires-python") or ""),
        is_yanked=bool(entry.get("yanked")),
        has_metadata=bool(entry.get("core-metadata") or entry.get("dist-info-metadata")),
        size=size if type(size) is int else None,
        upload_time=str(entry.get("upload-time") or ""),
    )


def _from_html(text: str, url: str) -> Iterator[File]:
    base, links = _links(text)
    base = _joined(url, base) or url
    for link in links:
        if joined := _joined(base, link.get("href")):
            address, hashes = _split_fragment(joined)
            metadata = link.get("data-core-metadata") or link.get("data-dist-info-metadata") or "false"
            yield File(
                filename=_filename(address),
                url=address,
                hashes=hashes,
                requires_python=link.get("data-requires-python") or "",
                is_yanked="data-yanked" in link,
                has_metadata=metadata != "false",
            )


def _links(text: str) -> tuple[str, list[dict[str, str | None]]]:
    """Return a page's ``<base href>`` (``""``: none) and the attributes of its links."""
    from html.parser import HTMLParser

    base = ""
    links: list[dict[str, str | None]] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            nonlocal base
            if tag == "a":
                links.append(dict(attrs))
            elif tag == "base":
                base = base or dict(attrs).get("href") or ""

    parser = Parser(convert_charrefs=True)  # some listings write `+` as `&#43;`
    try:
        parser.feed(text)
        parser.close()
    except AssertionError as error:  # what the parser raises on a broken declaration
        raise ValueError(str(error)) from None
    return base, links


def _joined(base: str, href: object) -> str:
    """Return the absolute URL of a link, or ``""`` where it is no URL."""
    try:
        return urljoin(base, href.strip()) if isinstance(href, str) and href.strip() else ""
    except ValueError:
        return ""


def _split_fragment(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL without its fragment, and the hashes that the fragment states (``#sha256=...``)."""
    address, _, fragment = url.partition("#")
    pairs = (part.partition("=") for part in fragment.split("&"))
    return address, {name: value for name, _, value in pairs if value and name not in ("egg", "subdirectory")}


def _filename(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])
