"""The git checkout that a folder of sources belongs to, read from its files: git is not needed."""

import re
from dataclasses import dataclass
from pathlib import Path

from envtool.files import read_text
from envtool.redaction import split_login

_REMOTE = re.compile(r'^\[remote "origin"\]\s*$(?P<body>(?:\n(?!\[).*)*)', re.MULTILINE)
_URL = re.compile(r"^\s*url\s*=\s*(?P<url>\S+)\s*$", re.MULTILINE)
_SCP = re.compile(r"(?P<login>[\w.-]+@)?(?P<host>[\w.-]{2,}):(?P<path>[^/\\].*)")  # git@host:path, but not C:\path


@dataclass(frozen=True)
class Checkout:
    """The place of a folder's sources: the remote, the commit that is checked out, the folder below the top."""

    url: str
    commit: str
    subdirectory: str


def of(folder: Path) -> Checkout | None:
    """Return the checkout that a folder belongs to, or None where it has no remote that others can reach."""
    for top in (folder, *folder.parents):
        if (git := _git_dir(top)) is not None:
            url, commit = _remote(git), _commit(git)
            below = folder.relative_to(top).as_posix()
            return Checkout(url, commit, "" if below == "." else below) if url and commit else None
    return None


def _git_dir(top: Path) -> Path | None:
    git = top / ".git"
    if git.is_file():  # a worktree or a submodule: the file names the folder
        return top / _text(git).removeprefix("gitdir:").strip()
    return git if git.is_dir() else None


def _common(git: Path) -> Path:
    """Return the folder that all worktrees of a repository share."""
    return git / (_text(git / "commondir").strip() or ".")


def _commit(git: Path) -> str:
    head = _text(git / "HEAD").strip()
    if not head.startswith("ref:"):
        return head
    ref = head.removeprefix("ref:").strip()
    for place in (git, _common(git)):
        if commit := _text(place / ref).strip():
            return commit
    packed = (line.split() for line in _text(_common(git) / "packed-refs").splitlines())
    return next((words[0] for words in packed if words[1:] == [ref]), "")


def _remote(git: Path) -> str:
    section = _REMOTE.search(_text(_common(git) / "config"))
    url = _URL.search(section["body"]) if section else None
    if url is None:
        return ""
    if "://" in url["url"]:
        plain, login, _ = split_login(url["url"])
        address = url["url"] if login == "git" else plain
        return "" if address.startswith("file:") else address
    short = _SCP.fullmatch(url["url"])
    return f"ssh://{short['login'] or ''}{short['host']}/{short['path']}" if short else ""


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except OSError:
        return ""
