"""Kill and interrupt every command that changes environments, many times: ``python tests/engines/long_run.py``.

Each command is killed with all its programs, and interrupted by SIGINT, SIGTERM and SIGHUP (to envtool alone and to its
group) and by the death of its worker, at random moments, every other time behind its first write. Then the whole tree
is compared by hash: it is as before, or as after the command, or marked; from there ``resume`` and ``rollback`` (or
``remove``) are taken in turn. The last figures are kept in ``long_run.md`` beside this file.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import condas  # noqa: E402
from support.channel.packages import index, tiny  # noqa: E402
from support.home import Home  # noqa: E402
from support.processes import descendants  # noqa: E402
from support.wheels import wheel  # noqa: E402

from envtool.prefix.marks import OWN, intent_of, is_unfinished, place, renaming_of  # noqa: E402

FILES = 400
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Way = Callable[[int], None]


@dataclass(frozen=True)
class Case:
    """A command, where it works, and what shows that it has begun to write. ``name`` is what ``list`` calls it."""

    verb: str
    command: tuple[str, ...]
    source: Path
    target: Path
    begun: Path
    makes_new: bool = False


def tree(prefix: Path, *, history: bool = True) -> str:
    """Return a digest of modes and contents below a prefix, the prefix itself replaced; ``""`` where there is none."""
    if not prefix.exists():
        return ""
    digest = hashlib.sha256()
    for path in sorted(path for path in prefix.rglob("*") if OWN not in path.parts):
        if not history and path.name == "history":
            continue
        data = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        digest.update(f"{path.relative_to(prefix)} {path.lstat().st_mode:o}\0".encode())
        digest.update(data.replace(bytes(prefix), b"PREFIX"))
    return digest.hexdigest()


def to_all(pid: int) -> None:
    for process in (pid, *descendants(pid)):
        _kill(process)


def to_the_worker(pid: int) -> None:
    for process in descendants(pid):
        _kill(process)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def signals() -> tuple[Way, ...]:
    alone: tuple[Way, ...] = tuple(lambda pid, s=s: os.kill(pid, s) for s in SIGNALS)  # type: ignore[misc]
    group: tuple[Way, ...] = tuple(lambda pid, s=s: os.killpg(pid, s) for s in SIGNALS)  # type: ignore[misc]
    return (*alone, *group, to_the_worker)


def packages_of(folder: Path) -> None:
    """Write two versions of a conda package and of a wheel, each of many files."""
    (folder / "wheels").mkdir(parents=True)
    for version in ("1.0", "2.0"):
        names = [f"f{number}" for number in range(FILES)] + [f"only{version}"]
        texts = {f"share/large/{name}": f"{name} {version} {{prefix}}"[: None if "1" in name else -9] for name in names}
        tiny(folder / "channel", "large", version, files=texts)
        wheel(folder / "wheels", "largewheel", version, {f"largewheel/{name}.py": version for name in names})
    index(folder / "channel")


def made(home: Home, folder: Path, engine: str) -> tuple[Path, tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Return where environments lie, the options of a create, and the arguments that change one."""
    if engine == "venv":
        only = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": str(folder / "wheels")}
        home.environ.update(only)
        return (
            home.venvs,
            ("--engine", "venv", "--no-pip", "--pip", "largewheel==1.0"),
            {
                "install": ("--pip", "largewheel==2.0"),
                "uninstall": ("largewheel",),
                "update": ("largewheel",),
            },
        )
    source = ("-c", (folder / "channel").as_uri(), "--override-channels")
    if engine == "conda":
        condas.set_up(home.environ, condas.FAMILY[0], home.path)
    return (
        home.conda_envs,
        ("large=1.0", "--engine", engine, *source),
        {"install": ("large=2.0", *source), "uninstall": ("large", *source[:2]), "update": ("large", *source)},
    )


def cases(envs: Path, create: tuple[str, ...], changes: dict[str, tuple[str, ...]]) -> list[Case]:
    demo, other = envs / "demo", envs / "other"
    mark = place(demo, "unfinished.json")
    return [
        Case("create", ("create", "other", *create), other, other, intent_of(other), makes_new=True),
        *(Case(verb, (verb, "-n", "demo", "--yes", *words), demo, demo, mark) for verb, words in changes.items()),
        Case("clone", ("clone", "demo", "other"), other, other, intent_of(other), makes_new=True),
        Case("rename", ("rename", "demo", "other"), demo, other, renaming_of(demo)),
        Case("remove", ("remove", "demo", "--yes"), demo, demo, envs / OWN / "demo.lock"),
    ]


class Run:
    """All interruptions of one case. ``ends`` counts how they ended."""

    def __init__(self, home: Home, case: Case, pristine: Path, rng: random.Random) -> None:
        self.home, self.case, self.pristine, self.rng = home, case, pristine, rng
        self.ends: Counter[str] = Counter()
        self.demo = home_of(case)
        self.reset()
        self.before, self.before_bare = tree(case.source), tree(case.source, history=False)
        started = time.monotonic()
        self.go(*case.command)
        self.seconds = time.monotonic() - started
        self.after = tree(case.target, history=False)
        self.turns = 0

    def go(self, *command: str) -> None:
        ran = self.home.envtool(*command)
        if ran.code:
            raise SystemExit(f"envtool {' '.join(command)}: {ran.err}")

    def reset(self) -> None:
        """Put the environment demo back as it was first made, and nothing else."""
        for folder in self.demo.iterdir() if self.demo.exists() else ():
            shutil.rmtree(folder)
        if not (self.case.makes_new and self.case.verb == "create"):
            shutil.copytree(self.pristine, self.demo / "demo", symlinks=True)

    def interrupt(self, way: Way, kind: str) -> None:
        self.reset()
        behind = self.turns % 2 == 1
        moment = self.rng.uniform(0, self.seconds * (0.5 if behind else 1.05))
        self.turns += 1
        child = subprocess.Popen(
            [*self.home.program, *self.case.command], env=dict(self.home.environ), cwd=self.home.path, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        while behind and not self.case.begun.exists() and child.poll() is None:
            time.sleep(0.0005)
        try:
            child.wait(moment)
        except subprocess.TimeoutExpired:
            way(child.pid)
        _, err = child.communicate(timeout=300)
        told = f"{self.case.verb}, {kind}, {moment:.4f} s {'behind the first write' if behind else ''}: {err}"
        self.ends[self.settled(told)] += 1

    def settled(self, told: str) -> str:
        """Return how an interruption ended, after the ways out have been taken. Raises AssertionError."""
        case = self.case
        if case.verb == "rename":
            here = [path for path in (case.source, case.target) if path.exists()]
            assert len(here) == 1, told
            if half := is_unfinished(here[0]):
                self.go("resume", here[0].name)
            assert not is_unfinished(here[0]), told
            # Records hold hashes of files with the prefix in them: they are others at another place.
            wanted = self.before_bare if here[0] == case.source else self.after
            assert tree(here[0], history=False) == wanted, told
            return "finished by resume" if half else "never happened" if here[0] == case.source else "complete"
        found = tree(case.target, history=False)
        if is_unfinished(case.target) and found:
            return f"marked, then {self.way_out(told)}"
        if not found:
            assert case.makes_new or case.verb == "remove", told
            return "absent"
        if found == self.after:
            return "complete"
        assert not case.makes_new, told
        assert tree(case.target) == self.before, told
        return "as before"

    def way_out(self, told: str) -> str:
        case, name = self.case, self.case.target.name
        if self.turns % 4 < 2:
            self.go("resume", name)
            assert tree(case.target, history=False) == self.after, told
            return "resumed"
        if case.makes_new:
            self.go("remove", name, "--yes")
            assert not case.target.exists(), told
            return "removed"
        self.go("rollback", name)
        assert tree(case.target) == self.before, told
        return "rolled back"


def home_of(case: Case) -> Path:
    return case.source.parent


def main() -> None:
    """Run everything and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills per command on embedded and venv")
    parser.add_argument("--signals", type=int, default=200, help="signals per command on embedded and venv")
    parser.add_argument("--conda", type=int, default=0, help="kills, and as many signals, per command driving conda")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    print(f"seed {options.seed}", flush=True)
    engines = [("embedded", options.kills, options.signals), ("venv", options.kills, options.signals)]
    engines += [("conda", options.conda, options.conda)] if options.conda else []
    lines = [
        "Every tree was compared by hash: one that is neither old, new nor marked ends the run, and none did.",
        f"{options.kills} kills and {options.signals} signals of each command on embedded and venv,",
        f"{options.conda} and {options.conda} on conda, with seed {options.seed}.",
        "",
    ]
    lines += ["| engine | command | kills | signals |", "|---|---|---|---|"]
    for engine, kills, interruptions in engines:
        with tempfile.TemporaryDirectory() as folder:
            lines += of_engine(Path(folder), engine, kills, interruptions, rng)
    (HERE / "long_run.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def of_engine(folder: Path, engine: str, kills: int, interruptions: int, rng: random.Random) -> list[str]:
    home = Home.at(folder / "home")
    packages_of(folder)
    envs, create, changes = made(home, folder, engine)
    first = home.envtool("create", "demo", *create)
    if first.code:
        raise SystemExit(first.err)
    shutil.move(envs / "demo", folder / "pristine")
    lines = []
    for case in cases(envs, create, changes):
        run = Run(home, case, folder / "pristine", rng)
        for _ in range(kills):
            run.interrupt(to_all, "kill")
        killed, ways = run.ends, signals()
        run.ends = Counter()
        for turn in range(interruptions):
            run.interrupt(ways[turn % len(ways)], f"signal {turn % len(ways)}")
        lines.append(f"| {engine} | `{case.verb}` | {shown(killed)} | {shown(run.ends)} |")
        print(lines[-1], flush=True)
    return lines


def shown(ends: Counter[str]) -> str:
    return ", ".join(f"{count} {end}" for end, count in ends.most_common()) or "-"


if __name__ == "__main__":
    main()
