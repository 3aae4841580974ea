"""The user's own list of mirrors, edited without losing its comments."""

from collections.abc import Callable, Mapping

from envtool.clients.yaml_parts import Value
from envtool.clients.yaml_text import YamlText
from envtool.encoding import decode_with_form
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import SETTINGS_LIMIT, read_file
from envtool.i18n import tr
from envtool.mirrors.catalogue import Catalogue, own_file
from envtool.mirrors.schema import checked
from envtool.model import FileEdit
from envtool.paths import Host


def edit(host: Host, change: Callable[[YamlText], None]) -> tuple[FileEdit, ...]:
    """Return the edit that a change amounts to, if any. Raises EnvtoolError where the result breaks the schema."""
    path = own_file(host)
    before = read_file(path, limit=SETTINGS_LIMIT) if path.exists() else None
    text, form = decode_with_form(before or b"")
    document = YamlText(text, str(path))
    change(document)
    checked(document.text, path, whole=False)
    after = form.encode(document.text)
    return () if after == (before or b"") else (FileEdit(path, before, after),)


def add(
    host: Host, name: str, *, pypi: str = "", conda: str = "", torch: str = "", flat: bool = False
) -> tuple[FileEdit, ...]:
    """Return the edit that adds a mirror to the user's list, or replaces the one of that name. URLs without logins."""
    entry: dict[str, Value] = {}
    if pypi:
        entry["pypi"] = {"index": pypi}
    if conda:
        entry["conda"] = {"base": conda, "pkgs": ["main", "r"], "channels": ["conda-forge"]}
    if torch:
        entry["torch"] = {"base": torch, "how": "find-links" if flat else "index"}
    if not entry:
        raise EnvtoolError(
            tr("A mirror needs at least one address."),
            hint=tr("Give --pypi, --conda or --torch with a URL."),
            code=ExitCode.USAGE,
        )
    return edit(host, lambda document: _replace(document, name, entry))


def remove(host: Host, catalogue: Catalogue, name: str) -> tuple[FileEdit, ...]:
    """Return the edit that removes a mirror from the user's list. Raises EnvtoolError where it is not in it."""
    mirror = catalogue.named(name)
    if not mirror.own:
        raise EnvtoolError(
            tr("{name} is not one of your own mirrors.", name=mirror.name),
            hint=tr("`envtool mirror list` marks your own mirrors; those that come with envtool cannot be removed."),
            code=ExitCode.USAGE,
        )
    return edit(host, lambda document: document.remove(("mirrors", mirror.name)))


def _replace(document: YamlText, name: str, entry: Mapping[str, Value]) -> None:
    document.remove(("mirrors", name))
    document.put(("mirrors", name), entry)
