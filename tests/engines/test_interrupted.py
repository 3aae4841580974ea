"""A change of a large package, interrupted at chosen moments: the tree is compared hash by hash.

Every way to be cut off takes its turn: each signal to envtool alone and to its process group, the death of the program
that does the work, and a kill of everything, followed by ``rollback``. Six moments a command, thirty with ``--long``.
"""

import base64
import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import condas
from support.channel.packages import index, tiny
from support.home import Home
from support.processes import descendants

from envtool.prefix.marks import place

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found through /proc")

FILES = 2000


@dataclass(frozen=True)
class Subject:
    """An environment ``demo`` with a large package, and the commands that change it."""

    prefix: Path
    create: tuple[str, ...]
    commands: dict[str, tuple[str, ...]]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel and a folder of wheels with two versions of a package of 2,000 files: 1,500 in both, 500 in one."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "wheels").mkdir()
    (folder / "channel").mkdir()
    for version in ("1.0", "2.0"):
        names = [f"f{number}" for number in range(1500)] + [f"only{version}-{number}" for number in range(500)]
        tiny(folder / "channel", "large", version, files={f"share/large/{name}": f"{name} {version}" for name in names})
        wheel(folder / "wheels", version, [f"largewheel/{name}.txt" for name in names])
    index(folder / "channel")
    return folder


def wheel(folder: Path, version: str, names: list[str]) -> None:
    info = f"largewheel-{version}.dist-info"
    files = {name: f"{name} {version}".encode() for name in names}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: largewheel\nVersion: {version}\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    files[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    with zipfile.ZipFile(folder / f"largewheel-{version}-py3-none-any.whl", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


@pytest.fixture(params=["embedded", "venv", *condas.FAMILY])
def subject(request: pytest.FixtureRequest, home: Home, large: Path) -> Subject:
    engine = request.param if request.param in ("embedded", "venv") else "conda"
    if engine == "venv":
        links = ("--find-links", str(large / "wheels"))
        return Subject(
            home.path / ".local/share/envtool/envs/demo",
            ("create", "demo", "--engine", "venv", "--pip", "largewheel==1.0", *links),
            {
                "install": ("install", "-n", "demo", "--yes", "--pip", "largewheel==2.0", *links),
                "uninstall": ("uninstall", "-n", "demo", "--yes", "largewheel"),
            },
        )
    if engine == "conda":
        condas.set_up(home.environ, request.param, home.path)
    source = ("-c", (large / "channel").as_uri(), "--override-channels")
    return Subject(
        home.path / ".conda/envs/demo",
        ("create", "demo", "large=1.0", "--engine", engine, *source),
        {
            "install": ("install", "-n", "demo", "--yes", "large=2.0", *source),
            "uninstall": ("uninstall", "-n", "demo", "--yes", "large", *source[:2]),
        },
    )


def tree(prefix: Path) -> dict[str, str]:
    """Return the mode and the content's hash of every path of an environment, except envtool's own marks."""
    found = {}
    for path in prefix.rglob("*"):
        name = path.relative_to(prefix).as_posix()
        if not name.startswith(".envtool"):
            content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
            data = content.encode() if isinstance(content, str) else content
            found[name] = f"{path.lstat().st_mode:o} {hashlib.sha256(data).hexdigest()}"
    return found


def without_times(found: dict[str, str]) -> dict[str, str]:
    """Return a tree without the files that hold the time of its creation, which conda writes, and of each change."""
    return {path: text for path, text in found.items() if path not in ("conda-meta/history", "conda-meta/created_at")}


def to_parent(number: signal.Signals) -> Callable[[int], None]:
    return lambda pid: os.kill(pid, number)


def to_group(number: signal.Signals) -> Callable[[int], None]:
    return lambda pid: os.killpg(pid, number)


def to_the_worker(pid: int) -> None:
    """Kill the worker, as the system does when memory runs out."""
    for child in descendants(pid):
        with_suppressed_kill(child)


def to_all(pid: int) -> None:
    for process in [pid, *descendants(pid)]:
        with_suppressed_kill(process)


def with_suppressed_kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


WAYS: tuple[Callable[[int], None], ...] = (
    to_parent(signal.SIGINT),
    to_group(signal.SIGINT),
    to_all,
    to_parent(signal.SIGTERM),
    to_the_worker,
    to_parent(signal.SIGHUP),
    to_parent(signal.SIGKILL),
)


@dataclass(frozen=True)
class Ended:
    code: int
    err: str


def cut_off(home: Home, command: tuple[str, ...], mark: Path, moment: float, way: Callable[[int], None]) -> Ended:
    """Start a command and interrupt it ``moment`` seconds after its first write."""
    argv = [*home.program, *command]
    child = subprocess.Popen(
        argv, env=dict(home.environ), cwd=home.path, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    while not mark.exists() and child.poll() is None:
        time.sleep(0.0005)
    time.sleep(moment)
    if child.poll() is None:
        way(child.pid)
    _, err = child.communicate(timeout=120)
    return Ended(child.returncode, err)


def writing_time(home: Home, subject: Subject, command: tuple[str, ...], mark: Path) -> float:
    """Run a command and return how long it writes, in seconds."""
    child = home.start(*command)
    while not mark.exists():
        assert child.poll() is None
        time.sleep(0.0005)
    started = time.monotonic()
    child.communicate(timeout=120)
    taken = time.monotonic() - started
    assert child.returncode == 0
    return taken


def made_anew(home: Home, subject: Subject) -> None:
    if subject.prefix.exists():
        assert home.envtool("remove", "demo", "--yes").code == 0
    ran = home.envtool(*subject.create)
    assert ran.code == 0, ran.err


def moments(count: int, seconds: float) -> Iterator[float]:
    return (seconds * number / count for number in range(count))


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_every_file_is_back_or_the_environment_is_marked(
    home: Home, subject: Subject, verb: str, request: pytest.FixtureRequest
) -> None:
    command, mark = subject.commands[verb], place(subject.prefix, "unfinished.json")
    made_anew(home, subject)
    seconds = writing_time(home, subject, command, mark)
    new = without_times(tree(subject.prefix))
    made_anew(home, subject)
    before = tree(subject.prefix)
    ends = []
    for turn, moment in enumerate(moments(30 if request.config.getoption("--long") else 6, seconds)):
        way = WAYS[turn % len(WAYS)]
        ended = cut_off(home, command, mark, moment, way)
        told = f"{verb}, {moment:.3f} of {seconds:.3f} s, way {turn % len(WAYS)}: {ended}"
        if ended.code == 0 or (not mark.exists() and without_times(tree(subject.prefix)) == new):
            ends.append("done")
            made_anew(home, subject)
            before = tree(subject.prefix)  # its history has another time
        elif mark.exists():
            ends.append("marked")
            ran = home.envtool("rollback", "demo")
            assert ran.code == 0, f"{told} {ran.err}"
        else:
            ends.append("restored")
            assert ("Restored" in ended.err) == ("Bringing back" in ended.err), told
        assert tree(subject.prefix) == before, told
        assert not list((subject.prefix.parent / ".envtool").glob("*")), told
    print(verb, ends)


def test_who_comes_after_a_kill_waits_until_the_last_writer_has_stopped(home: Home, subject: Subject) -> None:
    """Killed alone, envtool leaves programs behind that go on writing: going back beside them would be undone."""
    command, mark = subject.commands["install"], place(subject.prefix, "unfinished.json")
    made_anew(home, subject)
    before = tree(subject.prefix)
    stopped: list[int] = []

    def kill_and_stop_the_rest(pid: int) -> None:
        stopped.extend(descendants(pid))
        for child in stopped:
            os.kill(child, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        os.close(os.open(os.devnull, os.O_RDONLY))

    argv = [*home.program, *command]
    child = subprocess.Popen(argv, env=dict(home.environ), cwd=home.path, stderr=subprocess.DEVNULL)
    while not (mark.exists() and descendants(child.pid)) and child.poll() is None:
        time.sleep(0.0005)
    kill_and_stop_the_rest(child.pid)
    child.wait()
    if not mark.exists():
        pytest.skip("the change was over before it could be killed; run this test again")
    back = home.start("rollback", "demo")
    time.sleep(1.5)
    assert back.poll() is None  # it waits, for the stopped programs hold the lock
    for process in stopped:
        os.kill(process, signal.SIGCONT)
    _, err = back.communicate(timeout=120)
    assert (back.returncode, "Waiting for" in err) == (0, True), err
    assert tree(subject.prefix) == before
