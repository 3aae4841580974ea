"""One file each: a made-up mirror, check, format, client, engine and command, added to a copy of envtool and used.

Each is one file, or lines in one place of a file, and at most one more line that registers it.
"""

import difflib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.home import Home
from support.wheels import wheel

ROOT = Path(__file__).parents[1]
NAME = "madeup"

MIRROR = """\
  madeup:
    title: Made up
    group: madeup
    state: active
    preference: 1
    pypi:
      index: https://madeup.example/simple
    evidence:
      - {what: made up, source: a test, date: 2026-11-25}

"""

CHECK = '''

@check("numpy.madeup", family=FAMILY, suite="quick")
def madeup(context: "Any", numpy: "Any") -> None:
    """One and one are two."""
    context.measure("1 + 1", abs(int(numpy.add(1, 1)) - 2), EXACT)
'''

FORMAT = '''"""A heading, then lines of ``conda SPEC`` and ``pip LINE``."""

from pathlib import Path

from envtool.model import Reading, Spec
from envtool.specs.format import Exportable, Format

_HEADING = "madeup 1"


def _read(text: str, filename: str, base: "Path | None") -> Reading:
    lines = [line.partition(" ") for line in text.splitlines()[1:]]
    conda, pip = (tuple(item for half, _, item in lines if half == name) for name in ("conda", "pip"))
    return Reading(Spec(conda=conda, pip=pip))


def _write(environment: Exportable) -> str:
    spec = environment.spec
    lines = [_HEADING, *(f"conda {item}" for item in spec.conda), *(f"pip {item}" for item in spec.pip)]
    return "".join(f"{line}\\n" for line in lines)


FORMAT = Format(
    name="madeup",
    recognises=lambda text, _: text.startswith(_HEADING),
    read=_read,
    write=_write,
    files=("*.madeup",),
)
'''

CLIENT = '''"""A program whose settings are one line, ``index URL``."""

from envtool.clients.protocol import Client, Edited, InForce, RunSettings, Setting, SettingsFiles


def _files(host, scope):
    path = host.home / ".madeup"
    return SettingsFiles((path,), path) if scope.kind == "user" else None


def _switched(text, source, endpoints, sites, *, clean, where):
    return Edited(_unset(text, source, sites).text + f"index {endpoints.index}\\n")


def _unset(text, source, sites, *, original=None, where=None):
    lines = [line for line in text.splitlines(keepends=True) if not sites.match(line.removeprefix("index ").strip())]
    return Edited("".join(lines))


def _in_force(where, sites):
    path = where.host.home / ".madeup"
    lines = path.read_text().splitlines() if path.is_file() else []
    urls = [line.removeprefix("index ") for line in lines if line.startswith("index ")]
    return InForce({"madeup get x": tuple(urls)}, [Setting(str(path), "index", url, "wins") for url in urls])


def _overrides(where, scope, sites):
    if where.host.environ.get("MADEUP_INDEX"):
        yield "MADEUP_INDEX is set in this shell."


def _for_run(host, endpoints, sites):
    return RunSettings({"MADEUP_INDEX": endpoints.index})


CLIENT = Client(
    name="madeup",
    tested_for="pip",
    keyword="index",
    programs=("madeup",),
    files=_files,
    switched=_switched,
    unset=_unset,
    in_force=_in_force,
    overrides=_overrides,
    for_run=_for_run,
)
'''

ENGINE = '''"""Environments made by the standard library's venv."""

import platform
import venv

from envtool.engines.protocol import EngineType, Footprint, LinkScripts, Solution
from envtool.model import Package
from envtool.prefix.marks import mark_unfinished


class _MadeUp:
    runs_scripts = False

    def __init__(self, command):
        self._command = command

    def link_scripts(self, solution, prefix):
        return LinkScripts()

    def prepare(self):
        pass

    def solve(self, request, prefix, sources, reporter):
        version = platform.python_version()
        return Solution(request) if prefix else Solution(request, (Package("python", version, "conda"),), (), version)

    def create(self, solution, prefix, scratch, reporter):
        mark_unfinished(prefix, self._command)
        venv.create(prefix, symlinks=True)

    def fetch(self, solution, prefix, scratch, reporter):
        pass

    def footprint(self, solution, prefix):
        return Footprint()

    def change(self, solution, prefix, scratch, reporter):
        pass

    def unregister(self, prefix, reporter):
        pass

    def close(self):
        pass


ENGINE = EngineType(
    name="madeup",
    kind="venv",
    conda_half=False,
    open=lambda setup: _MadeUp(setup.command),
    unavailable=lambda _: None,
    reason=lambda _: "Engine: madeup.",
)
'''

COMMAND = '''"""``envtool madeup``: say a word."""

from typing import Annotated

import typer

from envtool.cli.output import Result


def command(word: Annotated[str, typer.Argument(metavar="WORD", help="Any word.")] = "nothing") -> Result:
    """It is said once."""
    return Result({"word": word}, f"said: {word}")
'''

NEW_FILES = {
    "envtool/specs/madeup.py": FORMAT,
    "envtool/clients/madeup.py": CLIENT,
    "envtool/engines/madeup.py": ENGINE,
    "envtool/cli/madeup.py": COMMAND,
}
# Where each is registered: a file, a text that stands there once, and what stands there then.
REGISTERED = (
    ("envtool/specs/__init__.py", '"match_spec")', '"match_spec", "madeup")'),
    ("envtool/clients/__init__.py", '"pixi": "pixi"}', '"pixi": "pixi", "madeup": "madeup"}'),
    ("envtool/engines/__init__.py", '"venv")', '"venv", "madeup")'),
    ("envtool/cli/main.py", '    "mirror": "', '    "madeup": "Say a word.",\n    "mirror": "'),
)
ADDED = {"mirrors.yaml": len(MIRROR.splitlines()), "envtool/smoke/checks/numpy_.py": len(CHECK.splitlines())}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of envtool and of its tests, with a made-up one of each."""
    root = tmp_path_factory.mktemp("copy")
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "envtool", root / "envtool", ignore=unwanted)
    shutil.copytree(ROOT / "tests", root / "tests", ignore=unwanted)
    for name in ("mirrors.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    for name, text in NEW_FILES.items():
        (root / name).write_text(text, encoding="utf-8")
    for name, old, new in (*REGISTERED, ("mirrors.yaml", "\nmirrors:\n", f"\nmirrors:\n{MIRROR}")):
        text = (root / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} does not stand once in {name}"
        (root / name).write_text(text.replace(old, new), encoding="utf-8")
    with (root / "envtool/smoke/checks/numpy_.py").open("a", encoding="utf-8") as file:
        file.write(CHECK)
    return root


@pytest.fixture
def madeup(home: Home, copy: Path) -> Home:
    """A clean account in which the copy is envtool."""
    home.environ["PYTHONPATH"] = str(copy)
    return home


def completed(home: Home, line: str) -> list[str]:
    """Return what bash completes at the end of a line."""
    words = line.split(" ")
    variables = {"_ENVTOOL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return home.envtool(env=variables).out.split()


def differences(old: Path, new: Path) -> tuple[int, int, int]:
    """Return how many lines were added and removed, and in how many places."""
    before, after = (path.read_text(encoding="utf-8").splitlines() for path in (old, new))
    lines = [*difflib.unified_diff(before, after, n=0, lineterm="")][2:]
    added, removed, places = (sum(line.startswith(sign) for line in lines) for sign in ("+", "-", "@@"))
    return added, removed, places


def files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root / "envtool"):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from ((Path(folder) / name).relative_to(root).as_posix() for name in names)


def test_each_is_one_place_and_at_most_one_line_that_registers_it(copy: Path) -> None:
    assert set(files(copy)) - set(files(ROOT)) == NEW_FILES.keys()
    changed = {
        name: differences(ROOT / name, copy / name)
        for name in (*files(ROOT), "mirrors.yaml")
        if (ROOT / name).read_bytes() != (copy / name).read_bytes()
    }
    in_a_list = {name: (1, 1, 1) for name, _, _ in REGISTERED} | {"envtool/cli/main.py": (1, 0, 1)}
    assert changed == in_a_list | {name: (lines, 0, 1) for name, lines in ADDED.items()}


def test_the_copy_is_what_runs(madeup: Home, copy: Path) -> None:
    argv = [sys.executable, "-c", "import envtool; print(envtool.__file__)"]
    done = subprocess.run(argv, env=madeup.environ, cwd=madeup.path, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == copy / "envtool" / "__init__.py"


@pytest.mark.slow
def test_a_mirror_at_the_top_of_the_list(madeup: Home) -> None:
    names = [mirror["name"] for mirror in madeup.envtool("mirror", "list", "--json").data]
    assert names[0] == NAME  # by its preference
    assert completed(madeup, "envtool mirror set made") == [NAME]
    assert madeup.envtool("mirror", "set", NAME, "--target", "pip").code == 0
    assert "https://madeup.example/simple" in (madeup.path / ".config/pip/pip.conf").read_text()
    shown = next(view for view in madeup.envtool("mirror", "show", "--json").data if view["client"] == "pip")
    assert NAME in [line["site"] for line in shown["lines"]]


@pytest.mark.slow
def test_a_check(madeup: Home) -> None:
    assert "numpy.madeup" in madeup.envtool("verify-gpu", "--list").out
    assert completed(madeup, "envtool verify-gpu --only numpy.made") == ["numpy.madeup"]


@pytest.mark.slow
@pytest.mark.torch
def test_a_check_in_use(madeup: Home, torch_python: Path) -> None:
    arguments = ("--python", str(torch_python), "--device", "cpu", "--only", "numpy.madeup", "--json")
    ran = madeup.envtool("verify-gpu", *arguments)
    assert ran.code == 0, ran.out + ran.err
    assert '"numpy.madeup"' in ran.out
    assert '"pass"' in ran.out


@pytest.mark.slow
def test_a_format(madeup: Home) -> None:
    assert "|madeup>" in madeup.envtool("export", "--help").out
    assert completed(madeup, "envtool export --format made") == [NAME]
    assert madeup.envtool("create", "dl", "--engine", "venv", "--no-pip").code == 0
    text = madeup.envtool("export", "dl", "--format", NAME).out
    assert text == f"madeup 1\nconda python={sys.version_info.major}.{sys.version_info.minor}\nconda pip\n"
    written = madeup.envtool("export", "dl", "-o", "dl.madeup")
    assert f"({NAME})" in written.err
    assert (madeup.path / "dl.madeup").read_text() == text
    again = madeup.envtool("create", "again", "-f", "dl.madeup", "--engine", "venv", "--no-pip")
    assert again.code == 0, again.err
    assert madeup.envtool("export", "again", "--format", NAME).out == text


@pytest.mark.slow
def test_a_client(madeup: Home) -> None:
    assert f"{NAME} or all" in " ".join(madeup.envtool("mirror", "set", "--help").out.split())
    assert completed(madeup, "envtool mirror set tsinghua --target made") == [NAME]
    settings = madeup.path / ".madeup"
    assert madeup.envtool("mirror", "set", "tsinghua").code == 0
    assert not settings.exists()  # this account has no such program
    settings.write_text("# mine\n")
    switched = madeup.envtool("mirror", "set", "tsinghua", env={"MADEUP_INDEX": "x"})
    assert "MADEUP_INDEX is set in this shell." in switched.err
    assert settings.read_text().startswith("# mine\nindex https://mirrors.tuna.tsinghua.edu.cn/")
    shown = next(view for view in madeup.envtool("mirror", "show", "--json").data if view["client"] == NAME)
    assert [(line["key"], line["site"]) for line in shown["lines"]] == [("index", "tsinghua")]
    ran = madeup.envtool("mirror", "run", "aliyun", "--", "sh", "-c", "echo $MADEUP_INDEX")
    assert ran.out == "https://mirrors.aliyun.com/pypi/simple\n"
    assert madeup.envtool("mirror", "unset", "--target", NAME).code == 0
    assert settings.read_text() == "# mine\n"


@pytest.mark.slow
def test_an_engine(madeup: Home, tmp_path: Path) -> None:
    assert f"venv or {NAME}." in " ".join(madeup.envtool("create", "--help").out.split())
    assert completed(madeup, "envtool create --engine made") == [NAME]
    made = madeup.envtool("create", "dl", "--engine", NAME, "--no-pip")
    assert made.code == 0, made.err
    assert f"Engine: {NAME}, as asked." in made.err
    listed = madeup.envtool("list", "--json").data["environments"]
    assert ("dl", NAME) in [(each["name"], each["engine"]) for each in listed]
    inside = madeup.envtool("run", "-n", "dl", "--", "python", "-c", "import sys; print(sys.prefix)")
    assert inside.out.strip() == str(madeup.path / ".local/share/envtool/envs/dl")
    wheel(tmp_path, "tiny", "1.0", {"tiny.py": "here = True\n"})
    changed = madeup.envtool("install", "-n", "dl", "--pip", "tiny", "--find-links", str(tmp_path), "--offline")
    assert changed.code == 0, changed.err
    assert f"Engine: {NAME}, which made dl." in changed.err
    assert madeup.envtool("run", "-n", "dl", "--", "python", "-c", "import tiny").code == 0
    assert madeup.envtool("remove", "dl", "--yes").code == 0


@pytest.mark.slow
def test_a_command(madeup: Home) -> None:
    assert "Say a word." in madeup.envtool("--help").out
    assert "It is said once." in madeup.envtool(NAME, "--help").out
    assert completed(madeup, "envtool made") == [NAME]
    assert madeup.envtool(NAME, "aloud").out == "said: aloud\n"
    assert madeup.envtool(NAME, "--json").data == {"word": "nothing"}


@pytest.mark.slow
def test_the_tests_of_what_is_listed_stay_green(madeup: Home, copy: Path) -> None:
    tests = ("tests/smoke/test_mutants.py", "tests/smoke/test_smoke_registry.py", "tests/mirrors/test_catalogue.py")
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not torch", "-q", *tests]
    done = subprocess.run(argv, env=madeup.environ, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "test_a_check_is_proved[numpy.madeup] - not yet proved" in done.stdout
