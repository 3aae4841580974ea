"""The remote and commit of a checkout, read without git."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.layouts import write

from envtool.environments import checkout
from envtool.environments.checkout import Checkout

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = '[core]\n\tbare = false\n[remote "other"]\n\turl = https://other.example/x\n[remote "origin"]\n\turl = {url}\n'


def repository(top: Path, url: str, head: str = COMMIT) -> Path:
    write(top / ".git" / "config", CONFIG.format(url=url) + '\tfetch = +refs/*\n[branch "main"]\n\tremote = origin\n')
    write(top / ".git" / "HEAD", head + "\n")
    return top


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://git.example/x.git", "https://git.example/x.git"),
        ("https://me:secret@git.example/x.git", "https://git.example/x.git"),
        ("ssh://git@git.example/x.git", "ssh://git@git.example/x.git"),
        ("git@git.example:me/x.git", "ssh://git@git.example/me/x.git"),
    ],
)
def test_the_remote_is_written_as_pip_takes_it(written: str, url: str, tmp_path: Path) -> None:
    assert checkout.of(repository(tmp_path, written)) == Checkout(url, COMMIT, "")


def test_a_folder_below_the_top_is_said(tmp_path: Path) -> None:
    folder = repository(tmp_path, "https://git.example/x.git") / "libs" / "python"
    folder.mkdir(parents=True)
    assert checkout.of(folder) == Checkout("https://git.example/x.git", COMMIT, "libs/python")


@pytest.mark.parametrize("place", ["refs/heads/main", "packed-refs"])
def test_a_branch_is_followed_to_its_commit(place: str, tmp_path: Path) -> None:
    top = repository(tmp_path, "https://git.example/x.git", "ref: refs/heads/main")
    packed = f"# pack-refs with: peeled\n{'f' * 40} refs/heads/main2\n{COMMIT} refs/heads/main\n^{'e' * 40}\n"
    write(top / ".git" / place, packed if place == "packed-refs" else f"{COMMIT}\n")
    found = checkout.of(top)
    assert found is not None
    assert found.commit == COMMIT


@pytest.mark.parametrize("url", ["/srv/git/x.git", "../x", "file:///srv/x.git", "C:/x"])
def test_a_remote_that_only_this_machine_reaches_is_none(url: str, tmp_path: Path) -> None:
    assert checkout.of(repository(tmp_path, url)) is None


def test_where_there_is_no_repository_remote_or_commit_there_is_nothing(tmp_path: Path) -> None:
    assert checkout.of(tmp_path / "plain") is None
    write(tmp_path / "bare" / ".git" / "config", "[core]\n")
    assert checkout.of(tmp_path / "bare") is None
    assert checkout.of(repository(tmp_path / "new", "https://git.example/x", "ref: refs/heads/main")) is None


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git: install it with the system's package manager")
@pytest.mark.parametrize("worktree", [False, True])
def test_real_git_says_the_same(worktree: bool, tmp_path: Path) -> None:
    top = tmp_path / "repository"

    def git(*arguments: str, cwd: Path = top) -> str:
        identity = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        for role in ("AUTHOR", "COMMITTER"):
            identity |= {f"GIT_{role}_NAME": "me", f"GIT_{role}_EMAIL": "me@example.org"}
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=cwd, env={**os.environ, **identity}, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    top.mkdir()
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "first")
    git("remote", "add", "origin", "git@git.example:me/x.git")
    git("pack-refs", "--all")
    folder = top
    if worktree:
        folder = tmp_path / "worktree"
        git("worktree", "add", "--quiet", "-b", "work", str(folder))
        git("commit", "--quiet", "--allow-empty", "-m", "second", cwd=folder)
    found = checkout.of(folder)
    assert found == Checkout("ssh://git@git.example/me/x.git", git("rev-parse", "HEAD", cwd=folder), "")
