"""``install.sh``, run for real: several shells, the Pythons of this machine and broken ones, an index on loopback."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.home import Home, Ran
from support.mirror_site import Site, serve
from support.small_envtool import NEEDED, PACKAGE, index, pip_wheel, wheel
from support.terminal import Terminal

from envtool import install_sh
from envtool.mirrors import catalogue, fallbacks

SCRIPT = PACKAGE / "install.sh"
SHELLS = (("sh",), ("dash",), ("busybox", "sh"), ("bash", "--posix"), ("zsh", "--emulate", "sh"), ("mksh",))
# What the script may start, other than a shell and Python. Nothing else is on PATH in these tests.
TOOLS = "basename cat chmod dirname grep head ln mkdir mv printf readlink rm rmdir sed tail uname".split()
PYTHON = Path(getattr(sys, "_base_executable", "") or sys.executable)  # not a venv's
DEAD = "http://127.0.0.1:9"  # nobody listens there


# --- What is installed, and from where -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Small envtools by their version: two that work, one that does not start, one that needs what hangs."""
    folder = tmp_path_factory.mktemp("wheels")
    return {
        "9.1": wheel(folder, "9.1"),
        "9.2": wheel(folder, "9.2"),
        "9.3": wheel(folder, "9.3", body="raise SystemExit(3)"),
        "9.4": wheel(folder, "9.4", needs="never-comes"),
    }


@pytest.fixture
def pip_index() -> Iterator[Site]:
    with index() as running:
        yield running


# --- The account -----------------------------------------------------------------------------------------------------


def program(path: Path, text: str) -> Path:
    """Make a program that is a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def link(path: Path, target: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def skip_double(shell: str) -> None:
    """Skip where ``sh`` is one of the others."""
    if shell == "sh" and Path("/bin/sh").resolve().name in [name for name, *_ in SHELLS[1:]]:
        pytest.skip(f"sh is {Path('/bin/sh').resolve().name} here")


def account(path: Path, shell: Sequence[str] = ("sh",)) -> Home:
    """Make an account whose PATH has the tools that the script needs, a shell and no Python, and a shell to run it."""
    found = shutil.which(shell[0]) or pytest.skip(f"{shell[0]} is not installed")
    home = Home.at(path, (found, *shell[1:], str(SCRIPT)))
    tools = path.parent / "tools"
    tools.mkdir()
    if shell[0] == "busybox":
        for name in TOOLS:
            (tools / name).symlink_to(found)
    else:
        for name in TOOLS:
            (tools / name).symlink_to(shutil.which(name) or pytest.skip(f"{name} is not installed"))
    return replace(home, environ={**home.environ, "PATH": str(tools), "SHELL": "/bin/bash"})


@pytest.fixture
def user(tmp_path: Path) -> Home:
    """An account with a space and Chinese in its name, with tools and without a Python."""
    return account(tmp_path / "a 用户")


def with_python(home: Home, python: Path = PYTHON) -> Home:
    """Return the account with a Python on its PATH."""
    folder = home.path.parent / "python on PATH"
    program(folder / "python3", f'exec "{python}" "$@"')
    return replace(home, environ={**home.environ, "PATH": f"{folder}:{home.environ['PATH']}"})


@pytest.fixture
def ready(user: Home) -> Home:
    """The account, with a Python on its PATH."""
    return with_python(user)


def prefix(home: Home) -> Path:
    return home.path / ".envtool"


def command(home: Home) -> Path:
    return home.path / ".local/bin/envtool"


def version(home: Home, path: Path | None = None) -> str:
    """Return what the installed command prints."""
    done = subprocess.run([path or command(home)], env=home.environ, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def tree(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def program_of(home: Home) -> Path:
    """Return the program that PREFIX/bin/envtool leads to."""
    return (prefix(home) / "bin/envtool").resolve()


def recorded(home: Home) -> dict[str, object]:
    data: dict[str, object] = json.loads((program_of(home).parents[1] / "install.json").read_text())
    return data


def install(home: Home, pip_index: Site, source: Path, *options: str, env: Mapping[str, str] | None = None) -> Ran:
    return home.envtool("-i", f"{pip_index.url}/simple", "--from", str(source), *options, env=env)


def with_installed(home: Home) -> Home:
    """Give the account an envtool 9.1, laid out as the script does it (which the first of the tests below shows)."""
    program(prefix(home) / "venv-1/bin/envtool", "echo envtool 9.1")
    (prefix(home) / "venv-1/install.json").write_text("{}")
    link(prefix(home) / "bin/envtool", Path("../venv-1/bin/envtool"))
    link(command(home), prefix(home) / "bin/envtool")
    return home


# --- Installing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_installs_under_every_shell(
    tmp_path: Path, pip_index: Site, wheels: Mapping[str, Path], shell: tuple[str, ...]
) -> None:
    skip_double(shell[0])
    home = with_python(account(tmp_path / "a 用户", shell))
    ran = install(home, pip_index, wheels["9.1"])
    assert ran.code == 0, ran.err
    assert ran.out == f"envtool 9.1 is installed: {command(home)}\n"
    assert version(home) == "envtool 9.1"
    assert tree(prefix(home)) == {"bin", "venv-1"}
    assert tree(prefix(home) / "bin") == {"envtool"}
    assert not (prefix(home) / "venv-1/.work").exists()
    assert recorded(home) == {
        "schema": 1,
        "envtool": "9.1",
        "prefix": str(prefix(home)),
        "link": str(command(home)),
        "source": str(wheels["9.1"]),
        "python": str(PYTHON),
        "python_version": ".".join(map(str, sys.version_info[:3])),
        "index": f"{pip_index.url}/simple",
        "installed": recorded(home)["installed"],
    }


def pythons() -> list[Path]:
    """Return Pythons of this machine of every version: pyenv's and the system's."""
    found = sorted(Path("~/.pyenv/versions").expanduser().glob("*/bin/python"))
    system = [Path(f"/usr/bin/python3.{minor}") for minor in range(6, 20)]
    return [*found, *(path for path in system if path.exists())]


def age(python: Path) -> tuple[int, ...]:
    script = "import sys; print('%d %d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
    return tuple(map(int, done.stdout.split()))


@pytest.mark.parametrize("python", pythons(), ids=str)
def test_every_python_of_this_machine(user: Home, pip_index: Site, wheels: Mapping[str, Path], python: Path) -> None:
    ran = install(user, pip_index, wheels["9.1"], "--python", str(python))
    if age(python) >= (3, 10):
        assert ran.code == 0, ran.err
        assert version(user) == "envtool 9.1"
    else:
        assert ran.code == 3
        assert f"{'.'.join(map(str, age(python)))}." in ran.err
        assert "is too old" in ran.err
        assert not prefix(user).exists()


@pytest.mark.slow
def test_the_checkout_itself(ready: Home) -> None:
    ran = ready.envtool()
    if ran.code == 5:
        pytest.skip(f"no index can be reached: {ran.err}")
    assert ran.code == 0, ran.err
    assert recorded(ready)["source"] == str(PACKAGE.parent)
    done = subprocess.run([command(ready), "list"], env=ready.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    site_packages = next(prefix(ready).glob("venv-1/lib/python3*/site-packages"))
    assert (site_packages / "envtool/install.sh").read_bytes() == SCRIPT.read_bytes()
    assert (site_packages / "envtool/mirrors/mirrors.yaml").is_file()


def test_a_second_run_upgrades_and_keeps_one_venv_for_what_still_runs(
    ready: Home, pip_index: Site, wheels: Mapping[str, Path]
) -> None:
    with_installed(ready)
    (prefix(ready) / "venv-7").mkdir()  # of long ago
    ran = install(ready, pip_index, wheels["9.2"])
    assert ran.code == 0, ran.err
    assert version(ready) == "envtool 9.2"
    assert tree(prefix(ready)) == {"bin", "venv-1", "venv-2"}

    # the script of an installed envtool knows where that came from
    script = next(prefix(ready).glob("venv-2/lib/python3*/site-packages/envtool/install.sh"))
    again = replace(ready, program=(*ready.program[:-1], str(script)))
    ran = again.envtool("-i", f"{pip_index.url}/simple")
    assert ran.code == 0, ran.err
    assert recorded(ready)["source"] == str(wheels["9.2"])
    assert version(ready) == "envtool 9.2"
    assert program_of(ready) == prefix(ready) / "venv-1/bin/envtool"
    assert tree(prefix(ready)) == {"bin", "venv-1", "venv-2"}


def test_settings_for_other_work_do_not_count(
    ready: Home, pip_index: Site, wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    # A ROS workspace sets PYTHONPATH, a careful user PIP_REQUIRE_VIRTUALENV, a cluster's module PIP_TARGET or PIP_USER.
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "zipfile.py").write_text("raise RuntimeError('not the one that was meant')")
    env = {"PYTHONPATH": str(shadow), "PIP_TARGET": str(tmp_path / "t"), "PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1"}
    ran = install(ready, pip_index, wheels["9.1"], env=env)
    assert ran.code == 0, ran.err
    assert version(ready) == "envtool 9.1"
    assert not (tmp_path / "t").exists()


# --- Which Python ----------------------------------------------------------------------------------------------------


def made_up_python(folder: Path, *, without: Sequence[str]) -> Path:
    """Make a real Python that lacks modules: its program is a copy, its standard library a folder of links."""
    library = Path(sysconfig.get_path("stdlib"))
    for path in library.iterdir():
        if path.name not in (*without, "site-packages", "dist-packages", "lib-dynload"):
            link(folder / "lib" / library.name / path.name, path)
    for path in (library / "lib-dynload").iterdir():
        if path.name.partition(".")[0] not in without:
            link(folder / "lib" / library.name / "lib-dynload" / path.name, path)
    (folder / "bin").mkdir()
    python = folder / "bin/python3"
    shutil.copy2(PYTHON.resolve(), python)
    if subprocess.run([python, "-c", "import os"], capture_output=True, check=False).returncode:
        pytest.skip("a copy of this Python does not run")
    return python


def chosen(ran: Ran) -> str:
    """Return which Python was taken. Nothing is installed: what was named is no source."""
    assert ran.code == 4, ran.err
    line = next(line for line in ran.err.splitlines() if line.startswith("Python "))
    return line.partition(": ")[2]


@pytest.mark.parametrize(
    "place",
    [
        "miniconda3/bin/python3",
        "miniforge3/bin/python3",
        "anaconda3/bin/python3",
        "mambaforge/bin/python3",
        ".pyenv/versions/3.99.1/bin/python3",
        ".local/share/uv/python/cpython-3.99-linux-x86_64-gnu/bin/python3",
    ],
)
def test_pythons_of_conda_pyenv_and_uv_are_found(user: Home, place: str) -> None:
    program(user.path / place, f'exec "{PYTHON}" "$@"')
    assert chosen(user.envtool("--from", "nothing")) == str(PYTHON)


def test_broken_and_old_pythons_are_passed_over(user: Home, tmp_path: Path) -> None:
    early = tmp_path / "early"
    program(early / "python3", "echo 'cannot execute: required file not found' >&2; exit 1")
    program(early / "python3.12", "echo 3.8.10")
    program(tmp_path / "late/python3.11", f'exec "{PYTHON}" "$@"')
    path = f"{early}:{user.environ['PATH']}:{tmp_path / 'late'}"
    assert chosen(user.envtool("--from", "nothing", env={"PATH": path})) == str(PYTHON)


def test_where_none_fits_every_reason_is_given(user: Home, tmp_path: Path) -> None:
    program(tmp_path / "one/python3", "echo 'GLIBC_2.99 not found' >&2; exit 1")
    made_up_python(tmp_path / "two", without=("venv",))
    old = next((python for python in pythons() if age(python) < (3, 10)), None)
    if old:
        link(user.path / "miniconda3/bin/python3", old)
    ran = user.envtool(env={"PATH": f"{tmp_path / 'one'}:{tmp_path / 'two/bin'}:{user.environ['PATH']}"})
    assert ran.code == 3
    assert f"{tmp_path / 'one/python3'}: it does not start (GLIBC_2.99 not found)" in ran.err
    assert f"{tmp_path / 'two/bin/python3'}: {'.'.join(map(str, sys.version_info[:3]))} lacks venv" in ran.err
    assert not old or f"{user.path / 'miniconda3/bin/python3'}: {age(old)[0]}.{age(old)[1]}" in ran.err
    assert "apt install python3-venv" in ran.err
    assert "Miniforge" in ran.err
    assert tree(user.path) <= {"miniconda3"}


def test_where_there_is_none_at_all_it_says_so(user: Home) -> None:
    ran = user.envtool()
    assert ran.code == 3
    assert "there is none at all" in ran.err


def test_a_python_that_goes_with_its_environment_is_taken_last(user: Home, tmp_path: Path) -> None:
    conda = made_up_python(tmp_path / "envs/dl", without=())
    (tmp_path / "envs/dl/conda-meta").mkdir()
    path = f"{conda.parent}:{user.environ['PATH']}"
    ran = user.envtool("--from", "nothing", env={"PATH": path})
    assert chosen(ran) == str(conda)
    assert "note: " in ran.err
    program(user.path / "miniforge3/bin/python3", f'exec "{PYTHON}" "$@"')
    assert chosen(user.envtool("--from", "nothing", env={"PATH": path})) == str(PYTHON)


def test_in_an_active_venv_the_python_behind_it_is_taken(user: Home, tmp_path: Path) -> None:
    venv.create(tmp_path / "active", symlinks=True)
    path = f"{tmp_path / 'active/bin'}:{user.environ['PATH']}"
    taken = Path(chosen(user.envtool("--from", "nothing", env={"PATH": path})))
    assert tmp_path not in taken.parents
    assert taken.resolve() == PYTHON.resolve()


# --- Without ensurepip -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python without ensurepip and pip: Debian's python3 without python3-venv."""
    return made_up_python(tmp_path_factory.mktemp("bare") / "python", without=("ensurepip",))


def test_without_ensurepip_pip_comes_from_the_index(
    user: Home, pip_index: Site, wheels: Mapping[str, Path], bare_python: Path
) -> None:
    ran = install(user, pip_index, wheels["9.1"], "--python", str(bare_python))
    assert ran.code == 0, ran.err
    assert f"has no ensurepip: took pip {install_sh._number(pip_wheel().name)} from {pip_index.url}/simple" in ran.err
    assert version(user) == "envtool 9.1"


def test_without_ensurepip_the_python_s_own_pip_says_where_to_install_from(
    user: Home, pip_index: Site, wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    python = made_up_python(tmp_path / "python", without=("ensurepip",))
    with zipfile.ZipFile(pip_wheel()) as archive:
        archive.extractall(tmp_path / "python/lib" / Path(sysconfig.get_path("stdlib")).name / "site-packages")
    settings = user.path / ".config/pip/pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[global]\nindex-url = {pip_index.url}/simple\n")
    ran = user.envtool("--from", str(wheels["9.1"]), "--python", str(python), env={"PIP_INDEX_URL": ""})
    assert ran.code == 0, ran.err
    assert f"took pip {install_sh._number(pip_wheel().name)} from {pip_index.url}/simple" in ran.err


@pytest.mark.slow
def test_a_pip_with_another_hash_is_refused(user: Home, wheels: Mapping[str, Path], bare_python: Path) -> None:
    with index(digest="0" * 64) as site:
        ran = install(user, site, wheels["9.1"], "--python", str(bare_python))
    assert ran.code == 5
    assert "does not have the hash" in ran.err
    assert tree(user.path) == set()


@pytest.mark.slow
def test_where_no_index_gives_pip_uv_installs(user: Home, wheels: Mapping[str, Path], bare_python: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    link(user.path / "tools/uv", uv if uv.exists() else pytest.skip("uv is not installed beside this Python"))
    with serve({}) as site:
        path = f"{user.path / 'tools'}:{user.environ['PATH']}"
        ran = install(user, site, wheels["9.1"], "--python", str(bare_python), env={"PATH": path})
    assert ran.code == 0, ran.err
    assert "no index gave pip: using" in ran.err
    assert version(user) == "envtool 9.1"


# --- Which index -----------------------------------------------------------------------------------------------------


def test_the_mirrors_are_those_of_the_catalogue(home: Home) -> None:
    known = catalogue.load(home.host)
    read = install_sh.index_mirrors((PACKAGE.parent / "mirrors.yaml").read_text("utf-8"))
    assert [(m.name, m.state, m.index, m.also) for m in read] == [
        (m.name, m.state, m.pypi.index, m.pypi.also) for m in known.mirrors.values() if m.pypi
    ]
    assert {m.index for m in read if m.state in install_sh.USABLE} == set(fallbacks.for_pypi(known))


def checkout(folder: Path, mirrors: Mapping[str, str]) -> Path:
    """Make a checkout that holds the script, what that needs, and made-up mirrors; return the script."""
    (folder / "envtool").mkdir(parents=True)
    for name in NEEDED:
        shutil.copy2(PACKAGE / name, folder / "envtool")
    (folder / "envtool/__init__.py").touch()
    entries = "".join(
        f"\n  {name}:\n    state: active\n    pypi:\n      index: {url}\n" for name, url in mirrors.items()
    )
    (folder / "mirrors.yaml").write_text(f"schema: 1\n\nmirrors:{entries}")
    return folder / "envtool/install.sh"


def test_where_the_default_index_is_silent_the_fastest_mirror_serves(
    ready: Home, pip_index: Site, wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    with (
        index(hangs=True) as proxy,
        index(hangs=True) as silent,
        index(slow=3.0) as slow,
        serve({}, portal=True) as portal,
    ):
        mirrors = {"silent": silent.url, "portal": portal.url, "slow": slow.url, "down": DEAD, "quick": pip_index.url}
        script = checkout(tmp_path / "checkout", {name: f"{url}/simple" for name, url in mirrors.items()})
        home = replace(ready, program=(*ready.program[:-1], str(script)))
        # whatever the default index is: the way there leads through a proxy that never answers
        ways = {"https_proxy": proxy.url, "http_proxy": proxy.url, "no_proxy": "127.0.0.1", "PIP_INDEX_URL": ""}
        begun = time.monotonic()
        ran = home.envtool("--from", str(wheels["9.1"]), env=ways)
        assert time.monotonic() - begun > install_sh.DEFAULT_LIMIT
        assert ran.code == 0, ran.err
        why = "The default index does not answer. Using the mirror quick for this installation: "
        assert why + pip_index.url in ran.err
        assert recorded(ready)["index"] == f"{pip_index.url}/simple"
        assert all(site.requests for site in (proxy, silent, slow, portal))


@pytest.mark.slow
def test_where_nobody_answers_it_is_the_network(ready: Home, wheels: Mapping[str, Path], tmp_path: Path) -> None:
    script = checkout(tmp_path / "checkout", {"down": f"{DEAD}/simple"})
    home = replace(ready, program=(*ready.program[:-1], str(script)))
    ways = {"https_proxy": DEAD, "http_proxy": DEAD, "no_proxy": "127.0.0.1", "PIP_INDEX_URL": ""}
    ran = home.envtool("--from", str(wheels["9.1"]), env=ways)
    assert ran.code == 5
    assert "Neither the default index nor any of its mirrors answers." in ran.err
    assert "-i" in ran.err
    assert "Nothing was installed." in ran.err
    assert tree(ready.path) == set()


def test_a_private_index_is_never_replaced(
    ready: Home, pip_index: Site, wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    script = checkout(tmp_path / "checkout", {"quick": f"{pip_index.url.replace('127.0.0.1', 'localhost')}/simple"})
    home = replace(ready, program=(*ready.program[:-1], str(script)))
    ran = home.envtool("--from", str(wheels["9.1"]), env={"PIP_INDEX_URL": f"{DEAD}/simple"})
    assert ran.code == 5
    assert f"The index {DEAD}/simple does not answer" in ran.err
    assert not pip_index.requests


@pytest.mark.slow
def test_a_login_goes_to_the_index_and_is_shown_nowhere(
    ready: Home, wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    # An sdist needs its build backend from the index: pip starts a copy of itself for that, with the index's address.
    source = tmp_path / "source"
    source.mkdir()
    backend = "[build-system]\nrequires = ['never-comes']\nbuild-backend = 'never'\n[project]\nname = 'envtool'\n"
    (source / "pyproject.toml").write_text(backend)
    with index(login="someone:pass w\\rd", hangs_at="never-comes") as site:
        url = site.url.replace("://", "://someone:pass%20w%5Crd@")
        env = {"PIP_INDEX_URL": f"{url}/simple", "PIP_RETRIES": "0"}
        process = start(ready, "--from", str(source), env=env)
        until(lambda: site.asked("never-comes"), process)
        lines = command_lines()
        site.stopping.set()
        _, err = process.communicate(timeout=60)
    assert "never-comes" in lines
    assert "pass%20" not in lines
    assert "pass w" not in lines
    assert process.returncode == 5
    assert "someone" not in err
    assert "pass" not in err


def command_lines() -> str:
    """Return the command lines of all processes, as any user of the machine can see them."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(lines)


@pytest.mark.parametrize("url", ["tsinghua", "pypi/simple", "ftp://host/simple", "https://host/a b"])
def test_an_index_is_a_url(ready: Home, url: str) -> None:
    ran = ready.envtool("-i", url)
    assert ran.code == 2
    assert "-i takes a URL" in ran.err


# --- What goes wrong -------------------------------------------------------------------------------------------------


def start(home: Home, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start the script in a process group of its own, as a terminal does."""
    return subprocess.Popen(
        [*home.program, *arguments],
        env={**home.environ, **(env or {})},
        cwd=home.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait until something has happened while a process runs."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_new_version_that_does_not_start_leaves_the_old_one(
    ready: Home, pip_index: Site, wheels: Mapping[str, Path]
) -> None:
    with_installed(ready)
    ran = install(ready, pip_index, wheels["9.3"])
    assert ran.code == 4
    assert f"envtool 9.1 in {prefix(ready)} still works." in ran.err
    assert version(ready) == "envtool 9.1"
    assert tree(prefix(ready)) == {"bin", "venv-1"}


def test_a_package_that_the_index_lacks_leaves_nothing(
    ready: Home, pip_index: Site, wheels: Mapping[str, Path]
) -> None:
    ran = install(ready, pip_index, wheels["9.4"])
    assert ran.code == 5
    assert "never-comes" in ran.err
    assert "Nothing was installed." in ran.err
    assert tree(ready.path) <= {".cache", ".local", ".rustup"}


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_ctrl_c_leaves_nothing_the_first_time(
    tmp_path: Path, wheels: Mapping[str, Path], shell: tuple[str, ...]
) -> None:
    skip_double(shell[0])
    home = with_python(account(tmp_path / "a user", shell))
    with index(hangs_at="never-comes") as site:
        process = start(home, "-i", f"{site.url}/simple", "--from", str(wheels["9.4"]))
        until(lambda: site.asked("never-comes"), process)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-2:] == ["error: Interrupted.", "Nothing was installed."]
    assert "Traceback" not in err
    assert not prefix(home).exists()


def test_ctrl_c_leaves_the_old_version(ready: Home, pip_index: Site, wheels: Mapping[str, Path]) -> None:
    with_installed(ready)
    pip_index.hangs_at = "never-comes"
    process = start(ready, "-i", f"{pip_index.url}/simple", "--from", str(wheels["9.4"]))
    until(lambda: pip_index.asked("never-comes"), process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"envtool 9.1 in {prefix(ready)} still works." in err
    assert version(ready) == "envtool 9.1"
    assert tree(prefix(ready)) == {"bin", "venv-1"}


def test_a_killed_run_is_swept_away_by_the_next(ready: Home, pip_index: Site, wheels: Mapping[str, Path]) -> None:
    with_installed(ready)
    pip_index.hangs_at = "never-comes"
    process = start(ready, "-i", f"{pip_index.url}/simple", "--from", str(wheels["9.4"]))
    until(lambda: pip_index.asked("never-comes"), process)
    second = install(ready, pip_index, wheels["9.2"])
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert second.code == 1
    assert f"process {process.pid} on" in second.err
    assert version(ready) == "envtool 9.1"
    assert tree(prefix(ready)) == {"bin", "lock", "venv-1", "venv-2"}
    third = install(ready, pip_index, wheels["9.2"])
    assert third.code == 0, third.err
    assert version(ready) == "envtool 9.2"
    assert tree(prefix(ready)) == {"bin", "venv-1", "venv-2"}


@contextmanager
def closed_home() -> Iterator[Path]:
    """Make a home that its account cannot write, with a checkout beside it; other accounts can look into both."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "home").mkdir(mode=0o555)
        checkout(Path(name) / "checkout", {})
        Path(name).chmod(0o755)
        yield Path(name) / "home"


def in_closed_home(home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the script by an account that may not write everywhere."""
    script = home.parent / "checkout/envtool/install.sh"
    nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": ()} if os.geteuid() == 0 else {}
    return subprocess.run(
        ["sh", script, *options],
        env={"HOME": str(home), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        **nobody,
    )


def test_a_home_that_cannot_be_written() -> None:
    with closed_home() as home:
        done = in_closed_home(home)
        assert done.returncode == 1
        assert done.stderr == f"error: {home}/.envtool cannot be written.\nhint: Pass another with --prefix.\n"
        done = in_closed_home(home, "--prefix", tempfile.gettempdir() + "/not/there")
        assert done.returncode == 1
        assert done.stderr == f"error: {home}/.local/bin cannot be written.\nhint: Pass --no-link.\n"
        assert tree(home) == set()


@pytest.mark.parametrize("place", ["project", "project/sub/..", "deep/er"])
def test_a_folder_with_other_things_in_it_is_refused(ready: Home, wheels: Mapping[str, Path], place: str) -> None:
    folder = ready.path / place
    (ready.path / "project/sub").mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "thesis.tex").touch()
    for options in (("--from", str(wheels["9.1"])), ("--uninstall", "--yes")):
        ran = ready.envtool("--prefix", place, *options)
        assert ran.code in (1, 3)
        assert str(folder.resolve()) in ran.err
        assert (folder / "thesis.tex").exists()


# --- The link --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
def test_a_foreign_command_is_not_overwritten(ready: Home, wheels: Mapping[str, Path], kind: str) -> None:
    path = command(ready)
    path.parent.mkdir(parents=True)
    if kind == "file":
        path.write_text("mine")
    else:
        path.symlink_to("/bin/sh" if kind == "link" else "/nowhere/envtool")
    before = path.lstat()
    ran = ready.envtool("--from", str(wheels["9.1"]))
    assert ran.code == 1
    assert f"{path} exists and is not a link into {prefix(ready)}" in ran.err
    assert path.lstat() == before
    assert not prefix(ready).exists()
    assert ready.envtool("--uninstall", "--yes").code == 3
    assert path.lstat() == before


def test_no_link(ready: Home, pip_index: Site, wheels: Mapping[str, Path]) -> None:
    elsewhere = ready.path / "else where/tools"
    ran = install(ready, pip_index, wheels["9.1"], "--no-link", "--prefix", "else where/tools")
    assert ran.code == 0, ran.err
    assert ran.out == f"envtool 9.1 is installed: {elsewhere}/bin/envtool\n"
    assert version(ready, elsewhere / "bin/envtool") == "envtool 9.1"
    assert not command(ready).exists()
    assert ready.envtool("--uninstall", "--yes", "--prefix", str(elsewhere)).code == 0
    assert not elsewhere.exists()


def test_the_line_for_path_is_that_of_the_shell(ready: Home, pip_index: Site, wheels: Mapping[str, Path]) -> None:
    said = install(ready, pip_index, wheels["9.1"]).err.splitlines()[-1].strip()
    subprocess.run(["/bin/sh", "-c", said], env=ready.environ, check=True)
    rc = ready.path / ".bashrc"
    script = f". '{rc}'; command -v envtool"
    done = subprocess.run(["/bin/bash", "-c", script], env=ready.environ, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(command(ready))


@pytest.mark.parametrize(
    ("shell", "line"), [("zsh", "~/.zshrc"), ("fish", "fish_add_path"), ("tcsh", "~/.cshrc"), ("dash", "~/.profile")]
)
def test_every_shell_has_its_line(ready: Home, shell: str, line: str) -> None:
    source = SCRIPT.read_text()
    functions = source[source.index("path_line() {") : source.index("# --- Removing")]
    env = {**ready.environ, "SHELL": f"/usr/bin/{shell}"}
    done = subprocess.run(
        ["/bin/sh", "-c", f"{functions}\npath_line"], env=env, capture_output=True, text=True, check=True
    )
    assert line in done.stdout


def test_another_command_of_that_name_is_named(
    ready: Home, pip_index: Site, wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    other = program(tmp_path / "other/envtool", "echo another")
    path = f"{other.parent}:{command(ready).parent}:{ready.environ['PATH']}"
    ran = install(ready, pip_index, wheels["9.1"], env={"PATH": path})
    assert f"another envtool comes first on PATH: {other}" in ran.err
    assert "is not on PATH" not in ran.err


# --- The README's own way --------------------------------------------------------------------------------------------


def test_it_takes_over_the_venv_of_the_readme_and_the_readme_that_of_the_script(
    ready: Home, pip_index: Site, wheels: Mapping[str, Path]
) -> None:
    def readme(source: Path) -> None:
        venv.create(prefix(ready), with_pip=True, symlinks=True)
        pip = (prefix(ready) / "bin/python", "-m", "pip", "install", "--quiet", "--no-index", source)
        subprocess.run(pip, env=ready.environ, check=True, capture_output=True)

    readme(wheels["9.1"])
    assert version(ready, prefix(ready) / "bin/envtool") == "envtool 9.1"
    ran = install(ready, pip_index, wheels["9.2"])
    assert ran.code == 0, ran.err
    assert version(ready) == "envtool 9.2"
    assert tree(prefix(ready)) == {"bin", "venv-1"}
    assert tree(prefix(ready) / "bin") == {"envtool"}

    readme(wheels["9.1"])
    assert version(ready) == "envtool 9.1"
    assert ready.envtool("--uninstall", "--yes").code == 0
    assert tree(ready.path) & {".envtool"} == set()
    assert not command(ready).is_symlink()


# --- Uninstalling ----------------------------------------------------------------------------------------------------


def test_uninstall_removes_what_it_installed_and_nothing_else(user: Home) -> None:
    ready = with_installed(user)
    neighbour = command(ready).with_name("neighbour")
    neighbour.touch()
    note = prefix(ready) / "bin/note"
    note.touch()
    asked = ready.envtool("--uninstall")
    assert asked.code == 2
    assert "--yes" in asked.err
    assert version(ready) == "envtool 9.1"

    ran = ready.envtool("--uninstall", "--yes")
    assert ran.code == 0, ran.err
    assert ran.out == f"envtool is removed from {prefix(ready)}.\n"
    assert "holds other files and stays" in ran.err
    assert tree(prefix(ready)) == {"bin"}
    assert tree(note.parent) == {"note"}
    assert tree(neighbour.parent) == {"neighbour"}
    note.unlink()

    again = ready.envtool("--uninstall", "--yes")
    assert again.code == 3
    assert "There is no envtool in" in again.err


def test_uninstall_asks_on_a_terminal(user: Home) -> None:
    ready = with_installed(user)
    for answer, code in (("n", 1), ("y", 0)):
        terminal = Terminal(ready, ("--uninstall",), {})
        try:
            question = terminal.until("[y/N] ")
            assert str(prefix(ready)) in question
            assert str(command(ready)) in question
            terminal.type(answer)
            assert terminal.end() == code, terminal.rest()
        finally:
            terminal.close()
        assert command(ready).exists() is bool(code)
    assert not prefix(ready).exists()


# --- Words -----------------------------------------------------------------------------------------------------------


def test_a_terminal_shows_where_pip_is_on_one_line(ready: Home, pip_index: Site, wheels: Mapping[str, Path]) -> None:
    options = ("-i", f"{pip_index.url}/simple", "--from", str(wheels["9.4"]))
    pip_index.hangs_at = "never-comes"
    terminal = Terminal(ready, options, {"TERM": "xterm"})
    try:
        terminal.until("\r\x1b[KProcessing ")
        terminal.type("\x03")
        assert terminal.end() == 130
        assert terminal.rest().replace("\r\n", "\n").endswith("error: Interrupted.\nNothing was installed.\n")
    finally:
        terminal.close()
    assert not prefix(ready).exists()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Downloading https://host/x/uv-0.13.9-py3-none-any.whl (25.3 MB)", "Downloading uv 0.13.9 (25.3 MB)"),
        ("Downloading py_rattler-0.28.0-cp310-abi3-any.whl.metadata", "Downloading py_rattler 0.28.0"),
        ("Progress 12345678 of 25300000", ": 12 MB of 25"),
        ("Progress 1234 of 12340", ""),
        ("Collecting uv>=0.11 (from envtool==0.1.0)", "Collecting uv>=0.11"),
        ("Installing collected packages: uv, rich", "Installing collected packages"),
    ],
)
def test_what_a_terminal_shows_of_pip(user: Home, tmp_path: Path, line: str, shown: str) -> None:
    source = SCRIPT.read_text()
    functions = source[source.index("progress() {") : source.index("# End with the reason why pip")]
    script = f"log='{tmp_path}/log'\n{functions}\nprogress"
    done = subprocess.run(
        ["/bin/sh", "-c", script], input=f"{line}\n".encode(), env=user.environ, capture_output=True, check=True
    )
    assert done.stderr.decode() == f"\r\x1b[K{shown}\r\x1b[K"


def test_help_names_every_option(user: Home) -> None:
    ran = user.envtool("--help")
    assert (ran.code, ran.err) == (0, "")
    assert max(map(len, ran.out.splitlines())) <= 80
    text = SCRIPT.read_text()
    parser = text[text.index("parse() {") : text.index("settle_arguments() {")]
    labels = re.findall(r"^ +(-[\w-]+(?: \| -[\w-]+)*)\)", parser, re.MULTILINE)
    options = {option for label in labels for option in label.split(" | ")}
    assert len(options) == 11
    assert options <= set(re.findall(r"(?<= )-[\w-]+", ran.out))


@pytest.mark.parametrize("arguments", [("--nonsense",), ("-i",), ("--prefix", ""), ("./envtool.whl",), ("--yes=1",)])
def test_wrong_usage(user: Home, arguments: tuple[str, ...]) -> None:
    ran = user.envtool(*arguments)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert "hint: " in ran.err


def test_a_value_may_follow_an_equals_sign(ready: Home) -> None:
    ran = ready.envtool("--from=nothing=more", f"--python={PYTHON}")
    assert ran.code == 4
    assert "nothing=more does not exist" in ran.err


@pytest.mark.parametrize("source", ["https://someone:secret@host/envtool.whl", "git+https://token@host/envtool"])
def test_a_source_with_a_login_is_refused(ready: Home, source: str) -> None:
    ran = ready.envtool("--from", source)
    assert ran.code == 2
    assert "~/.netrc" in ran.err
    assert "secret" not in ran.err
    assert "token" not in ran.err


@pytest.mark.slow
def test_shellcheck_finds_nothing() -> None:
    beside = Path(sys.executable).with_name("shellcheck")
    found = str(beside) if beside.exists() else shutil.which("shellcheck")
    done = subprocess.run(
        [found or pytest.skip("shellcheck is not installed"), "--shell=sh", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout + done.stderr == ""


def test_it_is_marked_as_a_program() -> None:
    assert SCRIPT.stat().st_mode & stat.S_IXUSR
