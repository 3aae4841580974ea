"""Downloads that are not the file that was meant: a web page, a server's answer, a pointer."""

import re

from envtool.i18n import tr
from envtool.specs.problem import FileError, Place, problem

_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_NOT_FOUND = re.compile(
    r"\s*(?:404: Not Found|404 page not found|\{\s*\"message\"\s*:\s*\"Not Found\".*\})\s*", re.DOTALL
)
_LFS = "version https://git-lfs.github.com/spec/"


def other_than_wanted(text: str, filename: str) -> FileError | None:
    """Return the error for a web page, a server's refusal or a Git LFS pointer that was saved as the file."""
    place = Place(filename, 1)
    if _PAGE.match(text[:4096]):
        return problem(
            place,
            tr("This is a web page, not the file that it shows."),
            tr("Download the file itself: on GitHub, GitLab and Gitee with the button Raw."),
        )
    if _NOT_FOUND.fullmatch(text[:4096]):
        return problem(
            place,
            tr("This is a server's answer that it has no such file."),
            tr("Check the address, and download the file again."),
        )
    if text.startswith(_LFS):
        return problem(
            place,
            tr("This is a Git LFS pointer, not the file itself."),
            tr("Run `git lfs pull` in the repository that it is from."),
        )
    return None
