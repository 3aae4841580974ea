"""A client's settings file as bytes and as text, and the file of a scope in which a source is to be named."""

from collections.abc import Sequence
from pathlib import Path

from envtool.clients.protocol import Client
from envtool.encoding import Form, decode_with_form
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import SETTINGS_LIMIT, read_file
from envtool.i18n import tr


def naming_a_source(client: Client, paths: Sequence[Path]) -> Path | None:
    """Return the file of highest precedence that names a source."""
    for path in reversed(paths):
        if path.is_file() and client.keyword in text_of(client, path, read(path))[0]:
            return path
    return None


def read(path: Path) -> bytes | None:
    """Return a file's bytes, or None where there is none. Raises EnvtoolError where it cannot be read."""
    try:
        return read_file(path, limit=SETTINGS_LIMIT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnvtoolError(
            tr("{path} cannot be read: {reason}.", path=path, reason=error.strerror), code=ExitCode.BAD_INPUT
        ) from None


def text_of(client: Client, path: Path, data: bytes | None) -> tuple[str, Form]:
    """Return the text of a file's bytes, and its encoding. Raises EnvtoolError where the client could not read it."""
    try:
        return decode_with_form(data or b"", any_bytes=client.any_bytes)
    except UnicodeDecodeError as error:
        raise EnvtoolError(
            tr("{path} is not text: byte {position} is neither UTF-8 nor UTF-16.", path=path, position=error.start),
            hint=tr("Save it as UTF-8 and try again."),
            code=ExitCode.BAD_INPUT,
        ) from None
