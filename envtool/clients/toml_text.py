"""TOML edited with its layout kept, and read again to prove it."""

import re
import sys
from typing import Any

from envtool.encoding import line_end
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr


def parse(text: str, source: str) -> Any:
    """Return a document that remembers its layout. Raises EnvtoolError (BAD_INPUT) with file and line."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise EnvtoolError(
            tr("{path} is not TOML: {reason}.", path=source, reason=_reason(text, str(error))),
            hint=tr("Correct or remove it; its program stops on it, too."),
            code=ExitCode.BAD_INPUT,
        ) from None


def _reason(text: str, reason: str) -> str:
    """Return what is wrong, with the line: the editing parser does not name it for a key that is there twice."""
    if "line" not in reason and sys.version_info >= (3, 11):
        import tomllib

        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            reason = str(error)
    return reason.rstrip(".")


def finished(document: Any, before: str, source: str) -> str:
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
            tr("{path} was left as it is: its layout is too unusual to be changed safely.", path=source),
            hint=tr("Change it by hand."),
            code=ExitCode.BAD_INPUT,
        )
    return text
