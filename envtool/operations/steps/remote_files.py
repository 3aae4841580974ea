"""Files of specs on a server, named on the command line or by ``-r`` in another file."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from envtool import specs
from envtool.clients import pip
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import INPUT_LIMIT, input_text
from envtool.i18n import tr
from envtool.model import Reading
from envtool.operations.steps import archives
from envtool.paths import Host
from envtool.redaction import redact
from envtool.specs import references

_NESTED = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(?P<url>https?://\S+)", re.IGNORECASE)


def is_url(name: str) -> bool:
    """Return whether a file is named by its address on a server."""
    return re.match(r"https?://", name, re.IGNORECASE) is not None


def read(url: str) -> Reading:
    """Return what a file on a server asks for. Files that it names with ``-r`` and ``-c`` lie beside it.

    Raises EnvtoolError: NETWORK where it cannot be fetched, BAD_INPUT with the line where it makes no sense.
    """
    text = _fetched(url)
    here = Path.cwd()
    name = urlsplit(url).path.rpartition("/")[2] or "file"
    reading = references.followed(references.beside(specs.read(text, name), url), here / name, here)
    spec = reading.spec
    return replace(reading, spec=replace(spec, conda=tuple(archives.absolute(item, here) for item in spec.conda)))


def spliced(reading: Reading, above: Sequence[str] = ()) -> Reading:
    """Return what was read, with what the files on servers ask for that it names with ``-r``. Raises EnvtoolError."""
    spec = reading.spec
    conda, lines, places, warnings = list(spec.conda), list[str](), dict(spec.places), list(reading.warnings)
    for line in spec.pip:
        nested = _NESTED.fullmatch(line)
        if nested is None:
            lines.append(line)
            continue
        inner = _included(nested["url"], spec.places.get(line) or "", above)
        conda += inner.spec.conda
        lines += inner.spec.pip
        places = {**inner.spec.places, **places}
        warnings += inner.warnings
    return Reading(replace(spec, conda=tuple(conda), pip=tuple(lines), places=places), tuple(warnings))


def require_content(text: str, shown: str) -> None:
    """Raise EnvtoolError (BAD_INPUT) for a file, called ``shown`` in messages, that is empty."""
    if not text.strip():
        raise EnvtoolError(
            tr("{file} is empty.", file=shown),
            hint=tr("If another command wrote it, check whether that command failed."),
            code=ExitCode.BAD_INPUT,
        )


def _included(url: str, place: str, above: Sequence[str]) -> Reading:
    if url in above:
        raise EnvtoolError(tr("{file} includes itself.", file=redact(url)), code=ExitCode.BAD_INPUT)
    try:
        return spliced(read(url), (*above, url))
    except EnvtoolError as error:
        if error.code != ExitCode.NETWORK or not place:
            raise
        message = tr("{place}: {what}", place=place, what=error.message)
        raise EnvtoolError(message, hint=error.hint, code=error.code) from None


def _fetched(url: str) -> str:
    from envtool.http.client import HttpClient
    from envtool.http.errors import RequestError
    from envtool.http.settings import Limits

    shown, host = redact(url), Host.here()
    try:
        # As pip reaches it: with the proxy and the certificates of its configuration.
        body = HttpClient(host, pip.http_settings(pip.in_force(host)), limits=Limits(size=INPUT_LIMIT)).get(url).body
    except RequestError as error:
        raise EnvtoolError(
            tr("{url} could not be fetched: {reason}.", url=shown, reason=error),
            hint=tr("Check the address and the connection, or download the file and name it by its path."),
            code=ExitCode.NETWORK,
        ) from None
    text = input_text(body, shown)
    require_content(text, shown)
    return text
