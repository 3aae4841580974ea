"""``uv.toml`` edited: the default index and the source of interpreters moved to a mirror and back."""

from typing import TYPE_CHECKING, Any

from envtool.clients import toml_text, uv
from envtool.clients.protocol import Edited, Endpoints, SiteMatcher, Surroundings
from envtool.clients.toml_text import Table, is_mirror, put
from envtool.clients.uv import refusal
from envtool.i18n import tr
from envtool.redaction import redact

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def switched(
    text: str, source: str, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool, where: Surroundings
) -> Edited:
    """Return a ``uv.toml`` whose default index and source of interpreters are the mirror's; a private index stays."""
    refusal.check(toml_text.parsed(text, source), text, source, where.host)
    edited = Edited(text)
    document = toml_text.parse(text, source)
    if endpoints.index:
        _Switch(document, endpoints, sites, edited, clean=clean).carry_out()
    else:
        edited.notes.append(tr("{mirror} has no Python package index.", mirror=endpoints.mirror))
    _move_python(document, endpoints, sites, clean=clean)
    edited.text = toml_text.finished(document, text, source)
    return edited


def unset(
    text: str,
    source: str,
    sites: SiteMatcher,
    *,
    where: Surroundings,
    original: str | None = None,  # noqa: ARG001 - the clients' common shape
) -> Edited:
    """Return a ``uv.toml`` without any mirror's lines."""
    refusal.check(toml_text.parsed(text, source), text, source, where.host)
    document = toml_text.parse(text, source)
    edited = Edited(text)
    entries = document.get("index", [])
    for position in reversed(range(len(entries))):
        if _is_public(sites, str(entries[position].get("url", ""))):
            del entries[position]
    if "index" in document and not len(entries):
        del document["index"]
    for table in _tables(document):
        if _is_public(sites, str(table.get("index-url", ""))):
            del table["index-url"]
        extra = table.get("extra-index-url", [])
        if kept := [str(url) for url in extra if not _is_public(sites, str(url))]:
            put(table, "extra-index-url", kept)
        elif extra:
            del table["extra-index-url"]
    if is_mirror(sites, str(document.get("python-install-mirror", ""))):
        del document["python-install-mirror"]
    if "pip" in document and not document["pip"]:
        del document["pip"]
    edited.own += [url for url in _every_url(document) if sites.match(url) is None]
    edited.text = toml_text.finished(document, text, source)
    return edited


class _Switch:
    """The edits that move one file's indexes."""

    def __init__(
        self, document: "TOMLDocument", endpoints: Endpoints, sites: SiteMatcher, edited: Edited, *, clean: bool
    ) -> None:
        self.document, self.endpoints, self.sites, self.edited, self.clean = document, endpoints, sites, edited, clean

    def carry_out(self) -> None:
        """Move the default index, and what stands beside it. Behind a private default, public indexes only move."""
        default = uv.indexes([uv.Layer("", self.document.unwrap())], {}).default
        is_private = default is not None and self.sites.match(default.url) is None
        ruling = None if is_private else self._ruling()
        if default and is_private:
            self._keep(default)
        else:
            self._move_default(ruling)
        for entry in self._entries():
            if entry.get("explicit") is True and self._is_public(_address(entry)):
                put(entry, "url", self.endpoints.index)
        if is_private:
            self._move_beside()
        self._clean_others(ruling)
        self._move_single(is_private=is_private)

    def _entries(self) -> list[Any]:
        return list(self.document.get("index", []))

    def _is_public(self, url: str) -> bool:
        return _is_public(self.sites, url)

    def _keep(self, default: uv.Index) -> None:
        self.edited.own.append(default.url)
        url = redact(default.url)
        self.edited.notes.append(
            tr("The index of `uv pip`, {url}, is your own and was not changed.", url=url)
            if default.key.startswith("pip.")
            else tr("uv's default index {url} is your own and was not changed.", url=url)
        )

    def _ruling(self) -> Any:
        """Return the entry that is the default index, or that becomes it: a mirror that is asked before upstream."""
        entries = self._entries()
        ruling = next((entry for entry in entries if entry.get("default") is True), None)
        if ruling is not None or any("index-url" in table for table in _tables(self.document)):
            return ruling
        return next((e for e in entries if e.get("explicit") is not True and self._is_public(_address(e))), None)

    def _move_default(self, ruling: Any) -> None:
        if ruling is not None:
            put(ruling, "url", self.endpoints.index)
            put(ruling, "default", value=True)
        elif not any("index-url" in table for table in _tables(self.document)):
            _add_index(self.document, self.endpoints.index)

    def _move_single(self, *, is_private: bool) -> None:
        """Move the index of the older setting, which counts where no [[index]] is the default one."""
        for table in _tables(self.document):
            old = str(table.get("index-url", ""))
            if old and self._is_public(old):
                put(table, "index-url", self.endpoints.index)
            elif old and not is_private and self.sites.match(old) is None:
                url = redact(old)
                self.edited.notes.append(tr("uv's index {url}, which counts for nothing here, is left.", url=url))

    def _move_beside(self) -> None:
        """Move the first public index beside a private default one; the others are obsolete."""
        for entry in self._entries():
            is_asked = entry.get("explicit") is not True and entry.get("default") is not True
            if is_asked and self._is_public(_address(entry)):
                put(entry, "url", self.endpoints.index)
                return
        for table in _tables(self.document):
            extra = [str(url) for url in table.get("extra-index-url", [])]
            if first := next((url for url in extra if self._is_public(url)), ""):
                put(table, "extra-index-url", [self.endpoints.index if url == first else url for url in extra])
                return

    def _clean_others(self, ruling: Any) -> None:
        """Remove public indexes beside the default one: uv asks them first, and the first that has a project counts."""
        for position in reversed(range(len(self._entries()))):
            entry = self.document["index"][position]
            if entry is ruling or entry.get("explicit") is True or not self._is_public(_address(entry)):
                continue
            if self._is_the_mirror(_address(entry)):
                continue
            self._obsolete(_address(entry), asked_first=entry.get("default") is not True)
            if self.clean:
                del self.document["index"][position]
        if "index" in self.document and not len(self.document["index"]):
            del self.document["index"]
        for table in _tables(self.document):
            extra = [str(url) for url in table.get("extra-index-url", [])]
            gone = [url for url in extra if self._is_public(url) and not self._is_the_mirror(url)]
            for url in gone:
                self._obsolete(url, asked_first=True)
            if self.clean and gone:
                put(table, "extra-index-url", [url for url in extra if url not in gone])

    def _is_the_mirror(self, url: str) -> bool:
        return url.rstrip("/") == self.endpoints.index.rstrip("/")

    def _obsolete(self, url: str, *, asked_first: bool) -> None:
        self.edited.stale.append(url)
        if asked_first and not self.clean:
            note = tr("uv asks {url} before {mirror}: --yes removes it.", url=url, mirror=self.endpoints.mirror)
            self.edited.notes.append(note)


def _is_public(sites: SiteMatcher, url: str) -> bool:
    """Return whether a URL is a mirror's index of the default index's packages."""
    found = sites.match(url) if url else None
    return bool(found and found.mirror and found.service == "pypi")


def _address(entry: Any) -> str:
    return str(entry.get("url", ""))


def _every_url(document: Table) -> list[str]:
    default = [str(entry["url"]) for entry in document.get("index", []) if entry.get("default") is True]
    return [*default, *(str(table["index-url"]) for table in _tables(document) if "index-url" in table)]


def _tables(document: Table) -> list[Table]:
    """Return the tables that may name indexes beside [[index]]: the document itself and `[pip]`."""
    return [document, *([document["pip"]] if "pip" in document else [])]


def _move_python(document: Table, endpoints: Endpoints, sites: SiteMatcher, *, clean: bool) -> None:
    old = str(document.get("python-install-mirror", ""))
    found = sites.match(old) if old else None
    if endpoints.python and (not old or found):
        put(document, "python-install-mirror", endpoints.python)
    elif found and not found.alive and clean:
        del document["python-install-mirror"]


def _add_index(document: "TOMLDocument", url: str) -> None:
    import tomlkit
    from tomlkit.items import AoT

    is_inline = "index" in document and not isinstance(document["index"], AoT)
    entry = tomlkit.inline_table() if is_inline else tomlkit.table()
    entry.append("url", url)
    entry.append("default", tomlkit.item(value=True))
    if "index" in document:
        document["index"].append(entry)
        return
    entries = tomlkit.aot()
    entries.append(entry)
    if document.as_string().strip() and not document.as_string().endswith("\n\n"):
        document.add(tomlkit.nl())
    document.append("index", entries)
