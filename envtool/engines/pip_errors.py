"""Translate failures of uv and pip into EnvtoolErrors that name the user's own lines."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.process import Completed
from envtool.redaction import redact

_NETWORK_SIGNS = (
    "error sending request",
    "Failed to fetch",
    "Could not connect",
    "Could not fetch URL",
    "Error while accessing remote",
    "Could not open requirements file: HTTP error",
    "Could not install requirement",  # pip, where the URL of an archive answers with an error
    "dns error",
    "Could not resolve host",
    "Connection refused",
    "timed out",
    "not cached",
    "Network connectivity is disabled",
)
_LAST_FRAME = re.compile(r"^[\u2800-\u28ff].* {3,}(?=\S)")  # of uv's progress display, before an error
_PROJECT = re.compile(r"[A-Za-z0-9][\w.-]*(?!\S*[/:])")
_LOCATION = re.compile(r"(?:[a-z]+://|/)[^\s#@;\[]+")
_LONGEST = 2000  # characters of a reason: its end says why


@dataclass(frozen=True)
class PipRequest:
    """What was to be installed: the temporary ``folder`` with its files, the lines, and where the user wrote them.

    ``held`` says that versions were held to what conda has installed.
    """

    folder: Path
    lines: Sequence[str]
    places: Mapping[str, str]
    held: bool = False


def of(done: Completed, request: PipRequest | None = None) -> EnvtoolError:
    """Return the error for what uv or pip printed when it failed to install a request."""
    text = done.stderr or done.stdout
    text = _named(text, request) if request else text
    reason = _reason(redact(text))
    if any(sign in text for sign in _NETWORK_SIGNS):
        return EnvtoolError(
            tr("The pip packages could not be fetched: {reason}", reason=reason),
            hint=tr(
                "Check the connection and the URLs. `envtool mirror set NAME --target pip` selects another mirror."
            ),
            code=ExitCode.NETWORK,
        )
    return EnvtoolError(tr("The pip packages could not be installed: {reason}", reason=reason), hint=_hint(request))


def _hint(request: PipRequest | None) -> str:
    if request and request.held:
        return tr(
            "Check the names and versions. `-i INDEX` selects another index, and --force lets pip overwrite packages "
            "that conda installed."
        )
    return tr("Check the names and versions. `-i INDEX` selects another index.")


def _reason(text: str) -> str:
    # uv prints what it has done, and then what is wrong.
    _, marker, wrong = text.partition("\nerror: ")
    text = wrong if marker else text
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("Using Python "))
    return "\n".join(_LAST_FRAME.sub("", line) for line in lines)[-_LONGEST:].strip().removeprefix("error: ")


def _named(text: str, request: PipRequest) -> str:
    """Return the output with the lines of the user's files instead of those of the temporary files.

    uv: ``FILE:1:13``, ```FILE` at line 1``, ```FILE` at position 0``; pip: ``-r FILE (line 1)``.
    """
    folder = re.escape(str(request.folder))
    pattern = re.compile(
        rf"(?:-[rc] )?`?{folder}/(?P<file>requirements|constraints)\.txt`?"
        r"(?:(?::| at line | \(line )(?P<line>\d+)\)?(?::\d+)?| at position (?P<position>\d+))?"
    )

    def place(match: re.Match[str]) -> str:
        if match["file"] == "constraints":
            return tr("the versions that conda installed")
        if match["line"]:
            line = int(match["line"])
        elif match["position"]:
            line = _line_at(int(match["position"]), request.lines)
        else:
            line = 1 if len(request.lines) == 1 else 0
        asked = request.lines[line - 1] if 0 < line <= len(request.lines) else ""
        return request.places.get(asked) or asked or tr("the requested pip packages")

    named = pattern.sub(place, text).replace(f"{request.folder}/", "")
    written = dict.fromkeys(_written(named, request))
    if not written or any(item in named for item in written):
        return named
    return f"{named.rstrip()}\n  ({', '.join(written)})"


def _line_at(position: int, lines: Sequence[str]) -> int:
    start = 0
    for number, line in enumerate(lines, 1):
        start += len(line) + 1
        if position < start:
            return number
    return 0


def _written(text: str, request: PipRequest) -> Iterator[str]:
    """Yield the places of the lines whose packages, paths or URLs a message names."""
    words = set(re.findall(r"[a-z0-9][a-z0-9.-]*[a-z0-9]|[a-z0-9]", text.lower().replace("_", "-")))
    for line in request.lines:
        location = _LOCATION.search(line)
        project = _PROJECT.match(line)
        named = project[0].lower().replace("_", "-") in words if project else False
        if (named or (location and location[0] in text)) and (place := request.places.get(line)):
            yield place
