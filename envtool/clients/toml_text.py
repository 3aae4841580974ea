"""TOML edited with its layout kept, and parsed again to prove the edit."""

import re
import sys
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from envtool.clients.protocol import SiteMatcher
from envtool.encoding import decode_with_form, line_end
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import SETTINGS_LIMIT, read_file
from envtool.i18n import tr

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

Table: TypeAlias = MutableMapping[str, Any]

_LINE = 8192  # characters
_LONG_LINE = re.compile(rf"[^\n]{{{_LINE + 1}}}")


def parse(text: str, source: str) -> "TOMLDocument":
    """Return a document that remembers its layout. Raises EnvtoolError (BAD_INPUT) with file and line."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    _require_lines(text, source)
    try:
        return tomlkit.parse(text)
    except (TOMLKitError, ValueError, RecursionError) as error:  # a number that is too long, nested too deeply
        raise _not_toml(source, _reason(text, str(error))) from None


def values(path: Path, *, any_bytes: bool = False) -> dict[str, Any]:
    """Return what a file holds as plain values; empty where there is no such file. Raises EnvtoolError."""
    try:
        data = read_file(path, limit=SETTINGS_LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    try:
        text = decode_with_form(data, any_bytes=any_bytes)[0]
    except UnicodeDecodeError:
        raise _unreadable(path, tr("the text is neither UTF-8 nor UTF-16")) from None
    return parsed(text, str(path))


def parsed(text: str, source: str) -> dict[str, Any]:
    """Return what a text holds as plain values. Raises EnvtoolError (BAD_INPUT) with file and line."""
    _require_lines(text, source)
    if sys.version_info >= (3, 11):
        import tomllib

        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # a TOMLDecodeError, a number that is too long, nested too deeply
            raise _not_toml(source, str(error).rstrip(".")) from None
    found: dict[str, Any] = parse(text, source).unwrap()
    return found


def _require_lines(text: str, source: str) -> None:
    """Raise EnvtoolError for a line that nobody writes: parsers take the square of a dotted key."""
    if _LONG_LINE.search(text):
        raise _not_toml(source, tr("a line has more than {limit} characters", limit=_LINE))


def _unreadable(path: Path, reason: str) -> EnvtoolError:
    return EnvtoolError(
        tr("{path} could not be read: {reason}.", path=path, reason=reason),
        hint=tr("Correct or remove it."),
        code=ExitCode.BAD_INPUT,
    )


def put(table: Table, key: str, value: object) -> None:
    """Set a key, unless it has the value already: even an equal value would lose its layout."""
    if table.get(key) != value:
        table[key] = value


def is_mirror(sites: SiteMatcher, url: str) -> bool:
    """Return whether a URL is a mirror's; an empty one is not."""
    found = sites.match(url) if url else None
    return bool(found and found.mirror)


def without_mirrors(sites: SiteMatcher, urls: Iterable[object]) -> list[str]:
    """Return the URLs that are no mirror's, as text."""
    return [str(url) for url in urls if not is_mirror(sites, str(url))]


def finished(document: "TOMLDocument", before: str, source: str) -> str:
    """Return a changed document's text, with the line ends that it had ``before``.

    Raises EnvtoolError where the text would not mean what the document does.
    """
    import tomlkit

    if document.unwrap() == parse(before, source).unwrap():
        return before
    text: str = tomlkit.dumps(document)
    if line_end(before) == "\r\n":
        text = re.sub(r"(?<!\r)\n", "\r\n", text)
    if parse(text, source).unwrap() != document.unwrap():
        raise EnvtoolError(
            tr("{path} was not changed: its layout is too unusual to be edited safely.", path=source),
            hint=tr("Edit it by hand."),
            code=ExitCode.BAD_INPUT,
        )
    return text


def _not_toml(source: str, reason: str) -> EnvtoolError:
    return EnvtoolError(
        tr("{path} is not TOML: {reason}.", path=source, reason=reason),
        hint=tr("Correct or remove it: the program that it belongs to cannot read it either."),
        code=ExitCode.BAD_INPUT,
    )


def _reason(text: str, reason: str) -> str:
    """Return what is wrong, with the line: the editing parser does not give it for a duplicate key."""
    if "line" not in reason and sys.version_info >= (3, 11):
        import tomllib

        try:
            tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            reason = str(error)
    return reason.rstrip(".")
