"""Paths in lines for pip: a file's own folder is where they start, whoever reads them and wherever."""

import os
import re
from pathlib import Path
from urllib.parse import quote

_OPTION = re.compile(
    r"(?P<head>-[rcef]\s*|--(?:requirement|constraint|editable|find-links)(?:\s+|=))(?P<value>(?!-)\S.*)"
)
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/~$\\]")  # has a scheme, or starts somewhere else
_LOCAL = re.compile(
    r"(?P<path>\.{1,2}(?=[/\[\s;]|$)[^\[;#]*|[\w.-]+/[^\[;#@]*|[^\s/;@\[]+\.(?:whl|zip|tar\.gz|tar\.bz2))(?P<rest>.*)"
)
_NAMED = re.compile(r"(?P<head>[^@;]+@\s*)(?:file:(?!/)|(?=\.{1,2}/))(?P<path>[^;#]*?)(?P<rest>\s*(?:[;#].*)?)")


def anchored(line: str, base: Path) -> str:
    """Return a requirements-file line with relative paths in it made absolute; ``base`` is its file's folder.

    Like conda, and unlike pip with a project's path, which pip starts from where it happens to be called.
    """
    if option := _OPTION.fullmatch(line):
        head, value = option["head"], option["value"]
        if _ELSEWHERE.match(value):
            return line
        # only what is installed can have extras or a fragment behind its path
        end = re.search(r"[\[#]", value) if head.startswith(("-e", "--e")) else None
        path, rest = (value[: end.start()], value[end.start() :]) if end else (value, "")
        return f"{head}{_absolute(path, base)}{rest}"
    if named := _NAMED.fullmatch(line):
        return f"{named['head']}file://{quote(_absolute(named['path'], base))}{named['rest']}"
    if (local := _LOCAL.fullmatch(line)) and not _ELSEWHERE.match(line):
        path = local["path"].rstrip()
        return f"{_absolute(path, base)}{local['path'][len(path) :]}{local['rest']}"
    return line


def _absolute(path: str, base: Path) -> str:
    return os.path.normpath(base / path)
