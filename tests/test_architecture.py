"""Rules of the architecture: imports run downwards, one module prints, one starts programs, commands start fast."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path

import pytest
from support.layouts import conda_env

from envtool.operations.context import Context
from envtool.paths import Host
from envtool.reporter import Silent

PACKAGE = Path(__file__).parent.parent / "envtool"
# From the top down: a room imports what stands on lower floors, never what stands beside or above it.
FLOORS = (
    {"cli"},
    {"operations"},
    {"operations.steps"},
    {"operations.context"},
    {"engines", "environments"},
    {"mirrors", "gpu", "specs", "prefix", "journal"},
    {"clients"},
    {"versioned_json"},
    {"http", "file_lock", "process", "install_sh"},
    {"pseudo_terminal", "reporter", "files"},
    {"redaction", "encoding", "paths", "errors", "model", "index_page"},
    {"documents"},
    {"i18n", "environment"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FREE = {"__version__", "smoke"}  # the bundle runs by itself; what it holds is listed from its own register
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


ROOMS_WITHIN = {("operations", "steps"), ("operations", "context")}


def room(parts: Sequence[str]) -> str:
    return ".".join(parts[:2]) if tuple(parts[:2]) in ROOMS_WITHIN else parts[0]


def room_of(path: Path) -> str:
    return room(path.relative_to(PACKAGE).with_suffix("").parts)


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return the syntax nodes of a module."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the rooms of envtool that a module imports, anywhere in it."""
    rooms: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "envtool":
            rooms |= {room([*node.module.split(".")[1:], alias.name]) for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {room(a.name.split(".")[1:]) for a in node.names if a.name.startswith("envtool.")}
    return frozenset(rooms)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_run_downwards_only(path: Path) -> None:
    own = room_of(path)
    if own == "smoke":
        assert imported(path) <= {"smoke"}
    elif own not in ("__init__", "__main__"):
        wrong = {other for other in imported(path) - FREE - {own} if FLOOR[other] <= FLOOR[own]}
        assert not wrong, f"{own} must not import {sorted(wrong)}"


def test_every_room_has_its_floor() -> None:
    assert {room_of(path) for path in MODULES} - {"__init__", "__main__", "smoke"} <= FLOOR.keys()


def test_the_context_is_small_has_no_verbs_and_is_seen_by_cli_and_operations_only() -> None:
    seeing = {room_of(path) for path in MODULES if "operations.context" in imported(path)}
    assert seeing <= {"cli", "operations", "operations.steps"}
    public = {name for name in vars(Context(Host({}, Path(), "", ""), Silent())) if not name.startswith("_")}
    fields = public | {name for name, value in vars(Context).items() if isinstance(value, property | cached_property)}
    assert len(fields) <= 8
    methods = {name for name, value in vars(Context).items() if callable(value) and not name.startswith("_")}
    assert methods == {"conda_settings"}  # a value that depends on the environment; nothing that does anything
    changed = Context(Host({}, Path(), "", ""), Silent())
    with pytest.raises(AttributeError):
        changed.host = Host({}, Path(), "", "")  # type: ignore[misc]


def calls(path: Path, *names: str) -> bool:
    return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in names for n in nodes(path))


def test_one_module_prints() -> None:
    printing = {p.relative_to(PACKAGE).as_posix() for p in MODULES if calls(p, "print") and room_of(p) != "smoke"}
    assert printing == {"cli/output.py"}


def test_one_module_starts_programs() -> None:
    starting = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if room_of(path) != "smoke"
        for node in nodes(path)
        if isinstance(node, ast.Import) and any(alias.name in ("subprocess", "multiprocessing") for alias in node.names)
    }
    assert starting == {"process.py"}


# What may read without the limits of `files` and `documents`, and why.
READS_ITSELF = {
    "files.py": "the one place",
    "documents.py": "the one place",
    "engines/rattler.py": "what the worker answers",
    "engines/rattler_worker/archives.py": "archives, in blocks, to hash them",
    "engines/rattler_worker/records.py": "what the library returns",
    "engines/rattler_worker/server.py": "what the parent asks",
    "http/logins.py": "netrc, given a file that was read with limits",
    "install_sh.py": "runs before envtool is installed, by itself",
    "file_lock.py": "at most 64 KiB of a lock, through the handle that holds it; /proc of a process",
    "gpu/libcuda.py": "a program of its own, which reads /proc/self/maps",
    "gpu/builds.py": "the table that comes with envtool",
    "gpu/index_client.py": "a wheel, of which only the listing is read",
    "clients/conda/program.py": "two bytes of a program",
    "clients/pip/__init__.py": "RawConfigParser, given a text that was read with limits",
    "clients/yaml_parts.py": "one value that is to be written",
    "clients/yaml_text.py": "a text that was loaded with limits before",
    "specs/environment_yml.py": "a text that was checked in the same line of work",
    "clients/toml_text.py": "tomlkit and tomllib, given a text that was read with limits; tomlkit limits nesting",
}
# Copying and hashing of an environment's own files, which are of any size and go through memory in pieces.
COPIES = {
    "engines/cloning/copying.py",
    "engines/cloning/rename.py",
    "engines/cloning/rewriting.py",
    "prefix/snapshot.py",
}
READERS = {"read_text", "read_bytes", "safe_load", "compose", "load", "loads", "SafeLoader", "netrc"}
PARSERS = {"json", "yaml", "tomllib", "tomlkit", "netrc", "Path"}


def reads(path: Path) -> list[int]:
    """Return the lines in which a module opens a file for reading, or parses a document, without limits."""
    found = []
    for node in nodes(path):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        mode = next((a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)), "r")
        opens = name == "open" and owner.split(".")[-1] in ("", "io", "os", "path", "script", "program", "file")
        devnull = "devnull" in ast.unparse(node)
        writes = any(flag in ast.unparse(node) for flag in ("O_CREAT", "O_WRONLY", "O_DIRECTORY"))
        raw = name in ("read_text", "read_bytes") and owner
        parses = owner in PARSERS and name in READERS
        if raw or parses or (opens and not devnull and not writes and not set(mode) & set("wax")):
            found.append(node.lineno)
    return found


def test_files_of_others_are_read_with_limits() -> None:
    wrong = {}
    for path in MODULES:
        name = path.relative_to(PACKAGE).as_posix()
        if room_of(path) != "smoke" and name not in READS_ITSELF.keys() | COPIES and (lines := reads(path)):
            wrong[name] = lines
    assert wrong == {}, "use envtool.files.read_file or read_text, and envtool.documents for JSON and YAML"


def test_every_sentence_is_one_literal_template() -> None:
    """gettext finds a template where it is written, and translates it whole."""
    wrong = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr"
        if not (len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str))
    ]
    assert wrong == []


def test_every_module_says_what_is_in_it() -> None:
    opening = {path: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in MODULES}
    theme = {"", "How", "What", "When", "Where", "Whether", "Which", "Who", "Why"}
    assert [str(path) for path, text in opening.items() if text.partition(" ")[0] in theme] == []


def test_no_name_of_a_public_class_stands_for_two_things() -> None:
    names = Counter(
        node.name
        for path in MODULES
        for node in nodes(path)
        if room_of(path) != "smoke"  # the bundle stands alone
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("command", [["--version"], ["list"], ["--help"], ["export", "dl"]])
def test_common_commands_start_light(command: list[str], tmp_path: Path) -> None:
    heavy = "rattler,yaml,packaging,urllib3,urllib.request,importlib.metadata"
    heavy += {"--help": "", "--version": ",rich", "list": ",rich,typer", "export": ",rich"}[command[0]]
    conda_env(tmp_path / ".conda/envs/dl")
    script = (
        "import sys; from envtool.cli import main; heavy = sys.argv[1]; sys.argv[1:] = sys.argv[2:];"
        "exec('try: main.main()\\nexcept SystemExit: pass');"
        "print([name for name in heavy.split(',') if name in sys.modules], file=sys.stderr)"
    )
    argv = [sys.executable, "-c", script, heavy, *command]
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(argv, capture_output=True, text=True, env=environ, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_nothing_names_a_registry_or_a_place_on_one_machine() -> None:
    hosts = ["pypi" + ".org", "files.python" + "hosted.org", "/ro" + "ot/", "/wo" + "rk/"]
    root = PACKAGE.parent
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    files = [root / name for name in tracked.stdout.split("\0") if name] or MODULES
    found = {
        str(path.relative_to(root)): host
        for path in files
        if path.suffix in (".py", ".sh", ".md", ".yaml", ".toml", ".json", ".html", "")
        if path.is_file()
        for host in hosts
        if host in path.read_text(encoding="utf-8", errors="replace")
    }
    assert found == {}
