"""Write the home of an account in which envtool 0.1.0 was killed at many moments: ``python make.py WHEELS``.

Run it with a Python that has envtool 0.1.0 and zstandard, in a checkout of these tests. WHEELS is a folder with wheels
of torch (a CPU build) and of what bootstrap installs beside it. The result is the folder ``home`` beside this file, in
which @HOME@, @HOST@, @PYTHON@ and @VERSION@ stand for the home, the machine's name, its Python and that one's version.
"""

import base64
import hashlib
import importlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

KEPT = (
    ".conda",
    ".condarc",
    ".config",
    ".mambarc",
    ".pixi",
    ".local/share/envtool/journal",
    ".local/share/envtool/envs/.envtool",
    ".local/share/envtool/envs/light/.envtool",
    ".local/share/envtool/envs/dl/.envtool",
    "channel",
    "wheels",
)


def main(wheels: str) -> None:
    """Have 0.1.0 do everything, and keep what it leaves."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder).resolve() / "home"
        make_packages(home)
        leave_environments(home)
        leave_venvs(home, wheels)
        leave_edits(home)
        keep(home, wheels)


def make_packages(home: Path) -> None:
    """Write a channel and a folder of wheels, each with two versions of one package."""
    from support.channel import packages

    channel = home / "channel"
    channel.mkdir(parents=True)
    (home / "wheels").mkdir()
    for version in ("1.0", "2.0"):
        content = packages.Content(
            files={
                "share/leaf/version": version.encode(),
                "share/leaf/where": f"{packages.PLACEHOLDER}\n".encode(),
                f"share/leaf/only-{version}": b"",
            },
            text_prefix={"share/leaf/where"},
        )
        packages.write_package(channel, "leaf", version, content, noarch="generic")
        make_wheel(home / "wheels", version)
    packages.index(channel)
    for path in [*channel.rglob("*")]:
        if path.is_file() and path.name != "repodata.json" and path.suffix != ".conda":
            path.unlink()


def make_wheel(folder: Path, version: str) -> None:
    """Write a wheel of one module."""
    info = f"twig-{version}.dist-info"
    files = {
        "twig.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: twig\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: make\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for path, text in files.items()
    }
    rows = [f"{path},sha256={digests[path]},{len(text)}\n" for path, text in files.items()]
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"])
    with zipfile.ZipFile(folder / f"twig-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)


def leave_environments(home: Path) -> None:
    """Leave conda environments as kills at these moments do."""
    leaf = ("--engine", "embedded", "--override-channels", "-c", (home / "channel").as_uri())
    for name in ("whole", "changed", "old-a", "old-b", "old-c", "old-d"):
        envtool(home, "create", name, "leaf=1.0", *leaf)
    killed_at("envtool.engines.link_scripts:run", home, "create", "created", "leaf=1.0", *leaf)
    change = ("install", "-n", "changed", "--yes", "leaf=2.0", *leaf[2:])
    killed_at("envtool.engines.history:append", home, *change)
    rename = "envtool.engines.cloning.in_place"
    killed_at(f"{rename}:mark_unfinished", home, "rename", "old-a", "new-a")
    killed_at("pathlib:Path.rename", home, "rename", "old-b", "new-b")
    killed_at(f"{rename}:sync_folder:2", home, "rename", "old-c", "new-c")
    killed_at(f"{rename}:mark_finished", home, "rename", "old-d", "new-d")


def leave_venvs(home: Path, wheels: str) -> None:
    """Leave a venv in the middle of a change, and one that bootstrap made."""
    links = ("--find-links", str(home / "wheels"))
    envtool(home, "create", "light", "--engine", "venv", "--no-pip", "--pip", "twig==1.0", *links)
    change = ("install", "-n", "light", "--yes", "--pip", "twig==2.0", *links)
    killed_at("envtool.operations.transaction:_settle", home, *change)
    envtool(home, "bootstrap", "dl", "--engine", "venv", "--cpu", "--find-links", wheels, "--no-verify")


def leave_edits(home: Path) -> None:
    """Leave the user's own mirrors, one switch to each of them, and a third one that was killed between two files."""
    (home / ".config" / "pip").mkdir(parents=True)
    (home / ".config" / "pip" / "pip.conf").write_text("[global]\ntimeout = 60\n")
    (home / ".condarc").write_text("channels:\n  - conda-forge  # ours\n")
    for name in ("one", "two"):
        site = f"https://{name}.example"
        envtool(home, "mirror", "add", name, "--pypi", f"{site}/simple", "--conda", f"{site}/anaconda")
    envtool(home, "mirror", "set", "one", "--target", "all", "--yes")
    killed_at("envtool.journal:_write:2", home, "mirror", "set", "two", "--target", "all", "--yes")


def envtool(home: Path, *arguments: str, stop: str = "") -> int:
    """Run 0.1.0 in a home and return its exit code."""
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    environ |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
    command = [sys.executable, str(HERE / "make.py"), "--run", stop, *arguments]
    code = subprocess.run(command, env=environ, cwd=home, check=False).returncode
    if not stop and code:
        sys.exit(f"envtool {' '.join(arguments)} failed with {code}")
    return code


def killed_at(stop: str, home: Path, *arguments: str) -> None:
    """Run 0.1.0 in a home and have it killed when it calls a function, ``module:function[:how many times]``."""
    if envtool(home, *arguments, stop=stop) != -signal.SIGKILL:
        sys.exit(f"envtool {' '.join(arguments)} never called {stop}")


def run(stop: str, *arguments: str) -> None:
    """Be envtool 0.1.0, and die at a call."""
    if stop:
        module, name, *times = stop.split(":")
        place: Any = importlib.import_module(module)
        *path, name = name.split(".")
        for part in path:
            place = getattr(place, part)
        function, left = getattr(place, name), int(*times or "1")

        def call(*given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*given, **named)

        setattr(place, name, call)
    sys.argv = ["envtool", *arguments]
    importlib.import_module("envtool.cli.entry").main()


def keep(home: Path, wheels: str) -> None:
    """Copy what is small and its own to the folder of the case, and name this machine nowhere in it."""
    shutil.rmtree(HERE / "home", ignore_errors=True)
    python = os.path.realpath(sys.base_prefix)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    names = {str(home): "@HOME@", python: "@PYTHON@", wheels: "@WHEELS@", f"python{version}": "python@VERSION@"}
    for path in (path for part in KEPT for path in [home / part, *(home / part).rglob("*")] if path.is_file()):
        data = path.read_bytes()
        if path.suffix not in (".conda", ".whl"):
            for name, stand_in in names.items():
                data = data.replace(name.encode(), stand_in.encode())
        if path.suffix == ".lock":
            data = data.replace(platform.node().encode(), b"@HOST@")
        place = HERE / "home" / str(path.relative_to(home)).replace(f"python{version}", "python@VERSION@")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


if __name__ == "__main__":
    run(*sys.argv[2:]) if sys.argv[1] == "--run" else main(sys.argv[1])
