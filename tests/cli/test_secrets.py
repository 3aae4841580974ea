"""Secrets of twelve kinds in twelve places: no command shows one, passes one on, or writes one that others can read.

Every secret contains ``Zq9`` and ``9qZ``, so that a part of one is found, too.
"""

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.channel import packages, server
from support.home import Home

from envtool.cli.main import COMMANDS

MARKS = ("Zq9", "9qZ")
TOKEN = "Zq9-path-token-9qZ"


def secret(place: str, odd: str = "") -> str:
    """Return a secret that tells its place; ``odd`` are characters that confuse readers of addresses."""
    return f"Zq9{place}{odd}9qZ"


@dataclass
class Account:
    """An account with secrets wherever envtool and the programs that it drives may find one."""

    home: Home
    url: str
    planted: set[Path] = field(default_factory=set)

    def login(self, place: str, path: str = "", odd: str = "") -> str:
        """Return an address of the server with a login in it."""
        return self.url.replace("://", f"://me:{secret(place, odd)}@") + path

    def file(self, name: str, text: str, mode: int = 0o600) -> str:
        """Write a file of the account and return its name."""
        path = self.home.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        self.planted.add(path)
        return name


@pytest.fixture
def account(home: Home, tmp_path: Path) -> Iterator[Account]:
    folder = tmp_path / "site"
    for channel in (folder / "lab", folder / "t" / TOKEN / "lab"):
        packages.tiny(channel, "leaf", "1.0")
        packages.tiny(channel, "twig", "1.0")
        packages.index(channel)
    (folder / "simple").mkdir()
    with server.serve(folder) as running:
        made = Account(home, running.url)
        plant(made)
        yield made


def plant(account: Account) -> None:
    """Write settings, lists and variables with secrets in them."""
    url, closed = account.url, "127.0.0.1:1"
    account.file(
        ".condarc",
        f"channels:\n  - {account.login('condarc', '/lab')}\n  - {url}/t/{TOKEN}/lab\n"
        f"proxy_servers:\n  https: https://me:{secret('condarcproxy')}@proxy.invalid:1\n"
        f"custom_channels:\n  priv: {account.login('custom')}\n",
    )
    account.file(
        ".config/pip/pip.conf",
        f"[global]\nindex-url = {account.login('pipconf', '/simple', odd='%40')}\n"
        f"extra-index-url = {url}/simple?token={secret('pipquery')}\nproxy = http://me:{secret('pipproxy')}@{closed}\n",
    )
    account.file(".config/uv/uv.toml", f'[[index]]\nurl = "{account.login("uvtoml", "/simple")}"\ndefault = true\n')
    account.file(".netrc", f"machine 127.0.0.1 login me password {secret('netrc')}\n")
    account.file(
        "environment.yml",
        f"name: fromfile\nchannels:\n  - {account.login('ymlchannel', '/lab')}\ndependencies:\n  - leaf\n"
        f"variables:\n  API_KEY: {secret('ymlvariable')}\n",
    )
    account.file(
        "broken.yml",
        f"name: broken\nchannels:\n  - {account.login('brokenchannel', '/lab')}\ndependencies:\n  - leaf\n  - pip:\n"
        f"    - --index-url {account.login('brokenindex', '/simple')} --nonsense={secret('option')}\n",
    )
    account.file(
        "requirements.txt",
        f"--extra-index-url {account.login('requirements', '/simple')}\n"
        f"--find-links http://{closed}/wheels?token={secret('findlinks')}\n"
        f"absent @ git+https://me:{secret('git')}@{closed}/absent.git\n",
    )
    account.file("explicit.txt", f"@EXPLICIT\n{account.login('explicit')}/lab/{packages.SUBDIR}/leaf-1.0-0.conda\n")
    account.file("gone.txt", f"@EXPLICIT\n{account.login('gone')}/lab/{packages.SUBDIR}/gone-1.0-0.conda\n")


def variables(account: Account) -> dict[str, str]:
    return {
        "PIP_EXTRA_INDEX_URL": account.login("pipvariable", "/simple"),
        "UV_INDEX_URL": account.login("uvvariable", "/simple"),
        "UV_INDEX_LAB_PASSWORD": secret("uvpassword"),
        "CONDA_TOKEN": secret("condatoken"),
        "ANACONDA_API_KEY": secret("anaconda"),
        "HTTPS_PROXY": f"http://me:{secret('proxyvariable', odd='@')}@proxy.invalid:1",
        "NO_PROXY": "127.0.0.1",
    }


def runs(account: Account) -> dict[str, list[list[str]]]:
    """Return the command lines to run, in order, by their first word."""
    index = account.login("argindex", "/simple")
    channel = ["-c", account.login("argchannel", "/lab"), "--override-channels"]
    dead = ["-c", f"http://me:{secret('deadchannel')}@127.0.0.1:1/lab", "--override-channels"]
    direct = f"absent @ http://me:{secret('direct')}@127.0.0.1:1/absent-1.0-py3-none-any.whl"
    return {
        "create": [
            ["one", "leaf"],
            ["two", "leaf", *channel],
            ["-f", "environment.yml"],
            ["-f", "broken.yml"],
            ["listed", "-f", "explicit.txt"],
            ["bad", "-f", "gone.txt"],
            ["bad", "leaf", *dead],
            ["bad", "absent", *channel],
            ["venv", "--engine", "venv", "--no-pip"],
            ["bad", "--engine", "venv", "--pip", direct],
            ["bad", "--engine", "venv", "--pip", "absent", "-i", index],
        ],
        "install": [["-n", "one", "twig", *channel], ["-n", "venv", "-r", "requirements.txt"]],
        "uninstall": [["-n", "one", "twig", "--yes"]],
        "update": [["-n", "two", *channel]],
        "vars": [["set", "-n", "one", f"API_TOKEN={secret('variable')}"], ["show", "-n", "one"]],
        "list": [[], ["two"]],
        "info": [["one"], ["two"], ["fromfile"]],
        "export": [["two"], ["fromfile"], ["listed", "--format", "explicit", "-o", "out.txt"]],
        "clone": [["two", "copy"]],
        "rename": [["copy", "moved"]],
        "remove": [["moved", "--yes"]],
        "run": [["-n", "two", "--", "true"]],
        "shell": [["two"]],
        "resume": [["two"]],
        "rollback": [["two"]],
        "mirror": [
            ["list"],
            ["show"],
            ["set", "tsinghua", "--dry-run"],
            ["set", "tsinghua"],
            ["undo"],
            ["add", "own", "--pypi", account.login("ownmirror", "/simple")],
            ["run", "tsinghua", "--", "true"],
        ],
        "channel": [["list"], ["add", account.login("channeladd", "/lab")], ["remove", account.login("channeladd")]],
        "undo": [["--dry-run"]],
        "bootstrap": [["torch", "--cpu", "-i", index, "--offline"]],
        "verify-gpu": [["two"]],
        "self": [["update", "--dry-run", "-i", index], ["uninstall", "--dry-run"]],
    }


@contextmanager
def watched() -> Iterator[dict[int, str]]:
    """Collect the command lines of all processes, as `ps` shows them to every account, while the block runs."""
    seen: dict[int, str] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            for process in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - fast
                try:
                    line = Path("/proc", process, "cmdline").read_bytes().replace(b"\0", b" ")
                except OSError:
                    continue
                if any(mark.encode() in line for mark in MARKS):
                    seen[int(process)] = line.decode("utf-8", "replace")

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def require_silence(account: Account, command: str, arguments: Sequence[str], flags: Sequence[str]) -> None:
    """Run one command line, and look for secrets in what it prints and in the processes that it starts."""
    argv = [*account.home.program, *flags, command, *arguments]
    environ = {**account.home.environ, **variables(account)}
    with watched() as seen:
        child = subprocess.Popen(
            argv,
            env=environ,
            cwd=account.home.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        out, err = child.communicate(timeout=300)
    shown = [line for line in f"{out}\n{err}".splitlines() if any(mark in line for mark in MARKS)]
    assert shown == [], (command, *arguments[:2])
    typed = " ".join([command, *arguments])  # also shown by a child in the moment before it becomes another program
    passed_on = [line for line in seen.values() if not line.strip().endswith(typed)]
    assert passed_on == [], (command, *arguments[:2])


def readable_by_others(path: Path, top: Path) -> bool:
    """Return whether another account could read a file, were it let into the home itself."""
    inside = [path, *(folder for folder in path.parents if top in folder.parents)]
    return all(each.stat().st_mode & 0o077 for each in inside)


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [
        pytest.param((), id="plain"),
        pytest.param(("--json",), id="json", marks=pytest.mark.long),
        pytest.param(("--debug",), id="debug", marks=pytest.mark.long),
    ],
)
def test_no_command_shows_or_leaves_a_secret(account: Account, flags: tuple[str, ...]) -> None:
    every = runs(account)
    assert every.keys() == COMMANDS.keys()
    for command, lines in every.items():
        for arguments in lines:
            require_silence(account, command, arguments, flags)
    top = account.home.path
    files = [
        path for path in top.rglob("*") if path.is_file() and not path.is_symlink() and path not in account.planted
    ]
    holding = [path for path in files if any(mark.encode() in path.read_bytes() for mark in MARKS)]
    assert [str(path.relative_to(top)) for path in holding if readable_by_others(path, top)] == []
    # The run did what it was meant to: two files must hold a secret, for the programs that read them.
    assert {path.name for path in holding} >= {"state"}
