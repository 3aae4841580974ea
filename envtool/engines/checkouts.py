"""Repositories that pip has checked out for editable installs, in which users may have made changes."""

import re
from collections.abc import Sequence
from pathlib import Path

from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.process import Command, capture, find
from envtool.specs import uv_limits


def refuse_edited(lines: Sequence[str], folder: Path) -> None:
    """Raise EnvtoolError if pip would reset a changed repository in ``folder`` to install ``lines``."""
    for name in uv_limits.editable_repositories(lines):
        for path in sorted(folder.glob("*")):
            if _alike(path.name, name) and (path / ".git").exists() and _is_edited(path):
                raise EnvtoolError(
                    tr("{path} has changes of your own, which pip would overwrite.", path=path),
                    hint=tr("Commit and push them, or move the folder away, and run the command again."),
                )


def _alike(one: str, other: str) -> bool:
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()


def _is_edited(path: Path) -> bool:
    """Return whether a repository has uncommitted changes, or commits that no remote has."""
    git = find("git")
    if git is None:
        return True
    asked = (("status", "--porcelain"), ("log", "--branches", "HEAD", "--not", "--remotes", "--tags", "--oneline"))
    return any(_answer(git, path, arguments) for arguments in asked)


def _answer(git: str, path: Path, arguments: Sequence[str]) -> bool:
    done = capture(Command((git, "-C", str(path), *arguments)), timeout=60)
    return bool(done.returncode or done.stdout.strip())
