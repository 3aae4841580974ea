"""Variables and placeholders in the URLs of channels and archives, where files that are shared leave out a token."""

import re
from collections.abc import Mapping

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.redaction import redact

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
# What conda, envtool and people write in place of a token: <TOKEN>, ***, {token}.
_PLACEHOLDER = re.compile(r"<[^<>/]*>|%3C\w+%3E|\*{3,}|\{\{?[^{}/]*\}\}?", re.IGNORECASE)


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Return a channel or a URL with the values of the variables in it, which may be secret: never print it.

    Raises EnvtoolError: MISSING for a variable that is not set, BAD_INPUT for a placeholder.
    """
    missing = [name for name in variables(text) if name not in environ]
    if missing:
        raise EnvtoolError(
            tr("{url} needs the variable {name}, which is not set.", url=redact(text), name=missing[0]),
            hint=tr("Set it in this shell: export {name}=...", name=missing[0]),
            code=ExitCode.MISSING,
        )
    if "://" in text and (found := _PLACEHOLDER.search(_VARIABLE.sub("", text))):
        raise EnvtoolError(
            tr(
                "{url} has a placeholder, {placeholder}, where a token belongs.", url=redact(text), placeholder=found[0]
            ),
            hint=tr("Write $TOKEN in its place, and set the variable TOKEN before you run the command."),
            code=ExitCode.BAD_INPUT,
        )
    return _VARIABLE.sub(lambda match: environ[match[1] or match[2]], text)


def variables(text: str) -> list[str]:
    """Return the names of the variables in a text: ``$NAME`` and ``${NAME}``."""
    return [match[1] or match[2] for match in _VARIABLE.finditer(text)]
