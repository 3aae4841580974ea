"""Lines of a requirements file that pip understands and uv does not, or that uv skips with a warning."""

import re
from collections.abc import Iterable, Iterator, Mapping

from envtool.i18n import tr

_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=)(?P<url>(?P<kind>git|hg|svn|bzr)\+\S+)(?P<rest>.*)")
_OTHER_VCS = re.compile(r"(?:[^@]+@\s*)?(?P<kind>hg|svn|bzr)\+")
_OWN_OPTION = re.compile(r"\s(?P<option>--(?:config-settings?|global-option|install-option|build-option))(?:=|\s)")
_GENERAL = re.compile(
    r"(?P<option>--(?:pre|prefer-binary|use-feature|trusted-host|no-require-hashes|all-releases|only-final))(?:[=\s].*)?"
)
_EGG = re.compile(r"[#&]egg=(?P<name>[A-Za-z0-9][\w.-]*)")


def why_pip(lines: Iterable[str], places: Mapping[str, str]) -> str:
    """Return why only pip can install these lines, naming the first of them; ``""`` where uv can."""
    for line in lines:
        if what := _limit(line):
            return tr("{place}: uv does not support {what}", place=places.get(line) or line, what=what)
    return ""


def resolvable(lines: Iterable[str]) -> tuple[str, ...] | None:
    """Return the lines, one for one, as uv can resolve them; None where an option says how to resolve all of them."""
    taken = tuple(map(_without_own_options, lines))
    if any(_GENERAL.fullmatch(line) or _OTHER_VCS.match(line) for line in taken):
        return None
    return taken


def _without_own_options(line: str) -> str:
    """Return a line without options of its requirement; a repository in editable mode as an ordinary one."""
    if editable := _EDITABLE.fullmatch(line):
        egg = _EGG.search(editable["url"])
        return f"{egg['name']} @ {editable['url']}" if egg else str(editable["url"])
    own = _OWN_OPTION.search(line)
    return line[: own.start()] if own else line


def can_be_pinned(lines: Iterable[str]) -> bool:
    """Return whether nothing is lost if ``name==version`` lines take the place of these: no URL, folder or hash."""
    return not any(
        line.startswith(("-e", "--editable", "-r", "--requirement", "--no-binary", "--require-hashes"))
        or re.search(r"\s--hash|[/@\\]", line.partition(";")[0] if not line.startswith("-") else "")
        for line in lines
    )


def editable_repositories(lines: Iterable[str]) -> Iterator[str]:
    """Yield the names of the projects that are to be checked out and installed in editable mode."""
    for line in lines:
        if (editable := _EDITABLE.fullmatch(line)) and (egg := _EGG.search(editable["url"])):
            yield egg["name"]


def _limit(line: str) -> str:
    """Return what uv does not support in a line, or ``""``."""
    if general := _GENERAL.fullmatch(line):
        return general["option"]
    if editable := _EDITABLE.fullmatch(line):
        return f"-e {editable['kind']}+"
    if other := _OTHER_VCS.match(line):
        return f"{other['kind']}+"
    own = _OWN_OPTION.search(line)
    return own["option"] if own else ""
