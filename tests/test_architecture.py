"""The house rules that a machine can check: who may call whom, who prints, who starts programs, what starts fast."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "envtool"
MIDDLE = {"engines", "environments", "mirrors", "gpu", "specs"}
BASE = {path.stem for path in PACKAGE.glob("*.py")} - {"__main__"}
MAY_CALL = {
    # the bundle runs by itself; what it holds is listed from its own register
    "cli": {"cli", "operations", *MIDDLE, "smoke"} | BASE,
    "operations": {"operations", *MIDDLE, "clients", "smoke"} | BASE,
    **{room: {room, "clients"} | BASE for room in MIDDLE},
    "clients": {"clients"} | BASE,
    "smoke": {"smoke"},
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "base"


def imported(path: Path) -> set[str]:
    """Return the rooms of envtool that a module imports, wherever in it."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "envtool":
            parts = node.module.split(".")[1:]
            rooms |= {parts[0]} if parts else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("envtool.")}
    return rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_calls_run_downwards_only(path: Path) -> None:
    room = room_of(path)
    if path.name == "__main__.py" and room == "base":
        return
    allowed = MAY_CALL.get(room, BASE) | {"__version__"}
    assert imported(path) <= allowed, f"{room} must not import {sorted(imported(path) - allowed)}"


def calls(path: Path, *names: str) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in names for n in ast.walk(tree))


def test_one_module_prints() -> None:
    printing = {p.relative_to(PACKAGE).as_posix() for p in MODULES if calls(p, "print") and room_of(p) != "smoke"}
    assert printing == {"cli/output.py"}


def test_one_module_starts_programs() -> None:
    starting = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if room_of(path) != "smoke"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and any(alias.name in ("subprocess", "multiprocessing") for alias in node.names)
    }
    assert starting == {"process.py"}


@pytest.mark.parametrize("command", [["--version"], ["list"], ["--help"]])
def test_common_commands_start_light(command: list[str], tmp_path: Path) -> None:
    heavy = "rattler,yaml,packaging,urllib.request,importlib.metadata"
    heavy += {"--help": "", "--version": ",rich", "list": ",rich,typer"}[command[0]]
    script = (
        "import sys; from envtool.cli import entry; heavy = sys.argv[1]; sys.argv[1:] = sys.argv[2:];"
        "exec('try: entry.main()\\nexcept SystemExit: pass');"
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
        if path.suffix in (".py", ".md", ".yaml", ".toml", ".json", ".html", "")
        if path.is_file()
        for host in hosts
        if host in path.read_text(encoding="utf-8", errors="replace")
    }
    assert found == {}
