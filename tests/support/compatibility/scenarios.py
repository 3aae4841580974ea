"""Commands in an order in which a user might type them, and what they print."""

import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from envtool.smoke.facts import nvidia_card
from support import wheels
from support.channel import recipe
from support.channel.server import Fault, Server, serve
from support.compatibility.normal import Normal, shape
from support.home import Home, Ran
from support.layouts import conda_env, dist, venv, write

Printed = dict[str, dict[str, Any]]  # by the name of a step: its command line, its exit code, and what it printed

SITE = "lib/python3.9/site-packages"
PYTHON = {
    "name": "python",
    "version": "3.9.99",
    "build": "h1_0_cpython",
    "channel": "https://conda.anaconda.org/conda-forge/linux-64",
    "url": "https://conda.anaconda.org/conda-forge/linux-64/python-3.9.99-h1_0_cpython.conda",
    "files": ["bin/python"],
}
ZLIB = {"name": "zlib", "version": "1.2", "channel": "https://repo.anaconda.com/pkgs/main/linux-64"}
HISTORY = """\
==> 2025-01-02 03:04:05 <==
# cmd: conda create -n dl python=3.9 zlib
# conda version: 25.1.2
+conda-forge/linux-64::python-3.9.99-h1_0_cpython
+conda-forge/linux-64::zlib-1.2-0
# update specs: ['python=3.9', 'zlib']
"""
CONDARC = """\
# channels of the lab
channels:
  - conda-forge
  - https://mirrors.tuna.tsinghua.edu.cn/anaconda/pkgs/free
"""


@dataclass
class Account:
    """A home in which steps are taken, and what they printed."""

    home: Home
    normal: Normal
    printed: Printed = field(default_factory=dict)

    def step(
        self,
        name: str,
        *arguments: str,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        only_shape: bool = False,
    ) -> None:
        """Run a command and keep under a name what it printed, or its envelope with ``--json``."""
        ran = self.home.envtool(*arguments, stdin=stdin, env=env)
        self.keep(name, arguments, ran, only_shape=only_shape)

    def keep(self, name: str, arguments: tuple[str, ...], ran: Ran, *, only_shape: bool = False) -> None:
        """Keep what a command printed."""
        assert name not in self.printed, name
        kept: dict[str, Any] = {"arguments": [self.normal.text(word) for word in arguments], "exit_code": ran.code}
        if "--json" in arguments:
            envelope = json.loads(ran.out)
            for words in ("notes", "warnings"):  # their sentences may change
                envelope[words] = ["..."] if envelope[words] else []
            envelope["errors"] = [dict.fromkeys(error, "...") for error in envelope["errors"]]
            data = self.normal.data(envelope["data"])
            kept["envelope"] = {**envelope, "data": shape(data) if only_shape else data}
        else:
            kept["output"] = self.normal.text(ran.out)
        self.printed[name] = kept


def bare(home: Home, **env: str) -> Home:
    """Return a home with less of this machine: the system's programs only, and no settings of pip."""
    kept = {name: value for name, value in home.environ.items() if not name.startswith(("PIP_", "CONDA_"))}
    return replace(home, environ={**kept, "PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "", **env})


def furnish(home: Home) -> None:
    """Lay environments out in a home: ``dl`` with both halves, ``tools`` a venv, ``half`` unfinished."""
    dl = conda_env(home.path / ".conda" / "envs" / "dl", PYTHON, ZLIB)
    dist(dl / SITE, "torch", "2.13.0+cpu")
    dist(dl / SITE, "einops", "0.8.0")
    dist(
        dl / SITE,
        "work",
        "1",
        direct_url='{"url": "https://git.example/x", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
    )
    write(dl / "conda-meta" / "history", HISTORY)
    write(dl / "conda-meta" / "state", '{"env_vars": {"OMP_NUM_THREADS": "4"}}')
    write(dl / "conda-meta" / "pinned", "zlib 1.2.*\n")
    write(dl / ".envtool" / "bootstrap.json", '{"requirement": "torch==2.13.0+cpu", "reason": "No card was found."}')
    tools = venv(home.path / ".local" / "share" / "envtool" / "envs" / "tools", "3.9.99")
    dist(tools / SITE, "six", "1.16.0")
    half = conda_env(home.path / ".conda" / "envs" / "half")
    write(half / ".envtool" / "unfinished.json", '{"command": "envtool install -n half scipy"}')


# -- reading -----------------------------------------------------------------------------------------------------------
def reading(account: Account) -> None:
    """Commands that look at environments and change nothing."""
    step, dl = account.step, str(account.home.path / ".conda" / "envs" / "dl")
    step("list nothing", "list", "--json")
    furnish(account.home)
    step("list", "list", "--json")
    step("list as a table", "list")
    step("list while one is active", "list", "--json", env={"CONDA_PREFIX": dl})
    step("list one", "list", "dl", "--json")
    step("list one as a table", "list", "dl")
    step("list a venv", "list", "tools", "--json")
    step("list an unfinished one", "list", "half", "--json")
    step("list sizes", "list", "--size", "--json")
    step("info", "info", "dl", "--json")
    step("info of the active one", "info", "--json", env={"CONDA_PREFIX": dl})
    step("info of a path", "info", dl, "--json")
    step("info of a venv", "info", "tools", "--json")
    step("info of an unfinished one", "info", "half", "--json")
    for form in ("environment-yml", "requirements", "explicit"):
        step(f"export {form}", "export", "dl", "--format", form)
        step(f"export {form} in an envelope", "export", "dl", "--format", form, "--json")
    step("export to a file", "export", "dl", "-o", "requirements.txt", "--json")
    step("export a venv", "export", "tools", "--json")
    step("verify-gpu --list", "verify-gpu", "--list", "--json", only_shape=True)


def variables(account: Account) -> None:
    """``vars`` and the run that sees them."""
    step = account.step
    furnish(account.home)
    step("vars", "vars", "dl")
    step("vars in an envelope", "vars", "dl", "--json")
    step("vars show", "vars", "show", "dl", "--json")
    step("vars set", "vars", "set", "A=1", "B=x = y", "-n", "dl", "--json")
    step("vars after set", "vars", "dl", "--json")
    step("vars unset", "vars", "unset", "A", "-n", "dl", "--json")
    step("vars unset what is not set", "vars", "unset", "A", "-n", "dl", "--json")
    step("vars set without a value", "vars", "set", "A", "-n", "dl", "--json")
    step("run", "run", "-n", "dl", "--", "sh", "-c", "echo $B; exit 9")
    step("run what is not there", "run", "-n", "dl", "--", "no-such-program")


# -- mirrors -----------------------------------------------------------------------------------------------------------
def mirrors(account: Account) -> None:
    """Switching to mirrors and back, and a mirror of the user's own."""
    step, condarc = account.step, account.home.path / ".condarc"
    step("mirror list", "mirror", "list", "--json", only_shape=True)
    step("mirror show nothing", "mirror", "show", "--json")
    write(condarc, CONDARC)
    step("mirror set --dry-run", "mirror", "set", "tsinghua", "--dry-run", "--json")
    step("mirror set", "mirror", "set", "tsinghua", "--json")
    step("mirror set again", "mirror", "set", "tsinghua", "--json")
    step("mirror set --yes", "mirror", "set", "tsinghua", "--yes", "--json")
    step("mirror show", "mirror", "show", "--json")
    step("mirror undo --dry-run", "mirror", "undo", "--dry-run", "--json")
    step("mirror undo", "mirror", "undo", "--json")
    step("mirror set all", "mirror", "set", "ustc", "--target", "all", "--json")
    step("mirror show all", "mirror", "show", "--json")
    step("mirror unset --dry-run", "mirror", "unset", "--dry-run", "--json")
    step("mirror unset", "mirror", "unset", "--json")
    step("mirror set --torch", "mirror", "set", "nju", "--torch", "--json")
    step("mirror set an address", "mirror", "set", "https://mirror.example/simple", "--target", "pip", "--json")
    step("mirror add", "mirror", "add", "lab", "--pypi", "https://lab.example/simple", "--json")
    step("mirror set one's own", "mirror", "set", "lab", "--target", "pip", "--json")
    step("mirror remove", "mirror", "remove", "lab", "--json")
    step("mirror run", "mirror", "run", "tsinghua", "--", "sh", "-c", "echo $PIP_INDEX_URL")
    step("mirror set before a change", "mirror", "set", "ustc", "--target", "pip", "--json")
    write(account.home.path / ".config" / "pip" / "pip.conf", "[global]\nindex-url = https://changed.example/simple\n")
    step("mirror undo what was changed since", "mirror", "undo", "--json")
    step("mirror set for a client that is none", "mirror", "set", "ustc", "--target", "no-such-client", "--json")
    step("mirror set a name that is none", "mirror", "set", "no-such-mirror", "--json")
    step("mirror test of what is down", "mirror", "test", "http://127.0.0.1:9/simple", "--for", "pip", "--json")


# -- failures ----------------------------------------------------------------------------------------------------------
def failures(account: Account) -> None:
    """Failures of every exit code, except for verdicts and interruptions."""
    step, home = account.step, account.home
    furnish(home)
    write(home.path / "broken.yml", "name: x\nchannels: [a\n")
    write(home.path / "empty.yml", "")
    write(home.path / "unknown.txt", "numpy\n--no-such-option\n")
    step("no such command", "no-such-command", "--json")
    step("no such option", "list", "--no-such-option", "--json")
    step("a choice that is none", "export", "dl", "--format", "no-such-format", "--json")
    step("a number that is too small", "mirror", "test", "--limit", "0", "--json")
    step("an argument is missing", "clone", "--json")
    step("install nothing", "install", "-n", "dl", "--json")
    step("install into two", "install", "-n", "dl", "-p", "elsewhere", "six", "--json")
    step("install into the active one without one", "install", "six", "--json")
    step("list an unknown one", "list", "no-such-environment", "--json")
    step("info of an unknown one", "info", "no-such-environment", "--json")
    step("export an unknown one", "export", "no-such-environment", "--json")
    step("verify-gpu an unknown one", "verify-gpu", "no-such-environment", "--json")
    step("create from a broken file", "create", "-f", "broken.yml", "--json")
    step("create from an empty file", "create", "-f", "empty.yml", "--json")
    step("create from stdin", "create", "x", "-f", "-", "--json", stdin="name: x\ndependencies: 3\n")
    step("create from a line that is no requirement", "create", "x", "-f", "unknown.txt", "--json")
    step("create from a file that is not there", "create", "-f", "no-such-file.yml", "--json")
    step("create what is there", "create", "dl", "--engine", "venv", "--no-pip", "--json")
    step("create base", "create", "base", "--json")
    step("create with an engine that is none", "create", "x", "--engine", "no-such-engine", "--json")
    step("create with a conda that is not there", "create", "x", "--engine", "conda", "--json")
    step("create a clone with packages", "create", "x", "--clone", "dl", "--python", "3.12", "--json")
    step("remove without a yes", "remove", "dl", "--json")
    step("remove an unknown one", "remove", "no-such-environment", "--yes", "--json")
    step("rename to what is there", "rename", "dl", "tools", "--json")
    step("rename an unfinished one", "rename", "half", "whole", "--json")
    step("change an unfinished one", "install", "-n", "half", "six", "--json")
    step("resume what is finished", "resume", "dl", "--json")
    step("roll back what is finished", "rollback", "dl", "--json")
    write(home.path / ".condarc", "channels: ['http://127.0.0.1:9/closed']\n")
    step("no channel answers", "create", "x", "leaf", "--engine", "embedded", "--json")


# -- changing ----------------------------------------------------------------------------------------------------------
def venvs(account: Account) -> None:
    """The life of a venv whose packages come from a folder of wheels."""
    step, home = account.step, account.home
    folder = home.path / "wheels"
    folder.mkdir()
    for name, version, requires in (("trunk", "1.0", ""), ("leaf", "1.0", "trunk"), ("leaf", "2.0", "trunk")):
        wheels.wheel(folder, name, version, {f"{name}.py": ""}, requires=requires)
    from_there = ("--find-links", str(folder), "--offline", "--json")
    made = ("--engine", "venv", "--no-pip")
    step("venv: create --dry-run", "create", "demo", *made, "--pip", "leaf==1.0", *from_there, "--dry-run")
    step("venv: create", "create", "demo", *made, "--pip", "leaf==1.0", *from_there)
    step("venv: list", "list", "demo", "--json")
    step("venv: info", "info", "demo", "--json")
    step("venv: install --dry-run", "install", "-n", "demo", "--pip", "leaf", "-U", *from_there, "--dry-run")
    step("venv: install", "install", "-n", "demo", "--pip", "leaf==2.0", *from_there)
    step("venv: install again", "install", "-n", "demo", "--pip", "leaf==2.0", *from_there)
    step("venv: export", "export", "demo")
    step("venv: uninstall", "uninstall", "leaf", "-n", "demo", "--json")
    step("venv: uninstall what is not there", "uninstall", "leaf", "-n", "demo", "--json")
    step("venv: install what is nowhere", "install", "-n", "demo", "--pip", "no-such-package", *from_there)
    step("venv: create at a path", "create", "-p", "project/.venv", *made, "--json")
    step("venv: clone", "clone", "demo", "twin", "--json")
    step("venv: rename", "rename", "twin", "other", "--json")
    step("venv: remove", "remove", "other", "--yes", "--json")
    step("venv: verify-gpu without torch", "verify-gpu", "demo", "--json")


def bootstraps(account: Account) -> None:
    """What ``bootstrap`` chooses and makes, from a folder of wheels, where no channel answers."""
    step, home = account.step, account.home
    folder = home.path / "wheels"
    folder.mkdir()
    for name in ("pip", "numpy", "pandas", "opencv_python_headless", "matplotlib"):
        wheels.wheel(folder, name, "1.0")
    wheels.torch(folder, "2.13.0+cpu", None)
    wheels.torch(folder, "2.13.0+cu130", "13.0")
    write(home.path / ".condarc", "channels: ['http://127.0.0.1:9/closed']\n")
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    cpu = ("--engine", "venv", "--cpu")
    gpu = ("--engine", "venv", "--assume-driver", "580.95.05", "--assume-cc", "9.0")
    step("bootstrap --dry-run", "bootstrap", "dl", *cpu, "--dry-run", "--json", env=pip)
    step("bootstrap --dry-run for a GPU", "bootstrap", "dl", *gpu, "--dry-run", "--json", env=pip)
    step("bootstrap", "bootstrap", "dl", *cpu, "--no-verify", "--json", env=pip)
    if not nvidia_card():
        step("verify-gpu without a GPU", "verify-gpu", "dl", "--json", env=pip)
    (folder / "broken").mkdir()
    broken = wheels.wheel(folder / "broken", "torch", "2.13.0+cpu", {"torch/__init__.py": "import no_such_module"})
    step("install a torch that is broken", "install", "-n", "dl", "--pip", str(broken), "--force", "--json", env=pip)
    step("verify-gpu of a torch that is broken", "verify-gpu", "dl", "--device", "cpu", "--json")
    step("bootstrap what is there", "bootstrap", "dl", *cpu, "--no-verify", "--json", env=pip)
    step("bootstrap a release that is nowhere", "bootstrap", "x", *cpu, "--torch", "2.12", "--json", env=pip)


def conda_environments(account: Account, running: Server) -> None:
    """The life of a conda environment of the embedded engine, on the local channel."""
    step, home = account.step, account.home
    channel = f"{running.url}/{recipe.CHANNEL}"
    embedded = ("--engine", "embedded", "--no-pip", "-c", channel, "--override-channels")
    of = ("-n", "demo", "-c", channel)
    step("conda: create --dry-run", "create", "demo", "leaf=1.0", *embedded, "--dry-run", "--json")
    step("conda: create", "create", "demo", f"python={recipe.PYTHON}", "leaf=1.0", "six=1.16", *embedded, "--json")
    step("conda: list", "list", "--json")
    step("conda: list one", "list", "demo", "--json")
    step("conda: info", "info", "demo", "--json")
    for form in ("environment-yml", "requirements", "explicit"):
        step(f"conda: export {form}", "export", "demo", "--format", form)
    step("conda: install --dry-run", "install", *of, "leaf=2.0", "--dry-run", "--json")
    step("conda: install", "install", *of, "leaf=2.0", "--json")
    step("conda: install again", "install", *of, "leaf=2.0", "--json")
    step("conda: update", "update", *of, "six", "--json")
    step("conda: install what is nowhere", "install", *of, "leaf=9", "--json")
    step("conda: uninstall", "uninstall", *of, "six", "--json")
    step("conda: clone", "clone", "demo", "twin", "--json")
    step("conda: rename", "rename", "twin", "other", "--json")
    step("conda: remove", "remove", "other", "--yes", "--json")
    step("conda: run", "run", "-n", "demo", "--", "python", "-c", "print(1)")
    step("conda: verify-gpu without torch", "verify-gpu", "demo", "--json")
    step("conda: create offline", "create", "x", "leaf=1.0", *embedded, "--offline", "--json")
    step("conda: resume what is finished", "resume", "demo", "--json")
    interrupted = ("create", "y", "leaf=1.0", *embedded, "--json")
    account.keep("conda: create, interrupted", interrupted, _interrupted(home, running, interrupted))


def _interrupted(home: Home, running: Server, arguments: tuple[str, ...]) -> Ran:
    """Run a command on a channel that hangs, with nothing in the cache, and type Ctrl-C."""
    shutil.rmtree(home.path / ".cache", ignore_errors=True)
    running.mend()
    running.put(Fault("/", "hang"))
    process = home.start(*arguments)
    try:
        deadline = time.monotonic() + 60
        while not running.requests and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    running.mend()
    return Ran(process.returncode, out, err)


SCENARIOS = {one.__name__: one for one in (reading, variables, mirrors, failures, venvs, bootstraps)}
CONDA = conda_environments.__name__  # needs the local channel


def printed(scenario: str, folder: Path, program: tuple[str, ...], channel: Path | None = None) -> Printed:
    """Return what a scenario's commands print. ``channel`` is the root of the local channel, for conda environments."""
    home = bare(Home.at(folder / "home", program))
    if channel is None:
        account = Account(home, Normal(home=home.path))
        SCENARIOS[scenario](account)
        return account.printed
    with serve(channel) as running:
        account = Account(home, Normal(home=home.path, channel=f"{running.url}/{recipe.CHANNEL}"))
        conda_environments(account, running)
        return account.printed
