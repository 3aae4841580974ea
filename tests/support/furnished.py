"""A conda environment with packages of every kind, and assertions that a copy of it works on its own."""

import base64
import hashlib
import json
import re
import subprocess
from pathlib import Path

from support import layouts
from support.channel import packages
from support.channel.recipe import PYTHON
from support.home import Home

SITE = f"lib/python{PYTHON}/site-packages"

# A build backend in the project itself, so that building needs nothing from anywhere.
BACKEND = """
import os, zipfile
NAME = {name!r}
def _wheel(folder, files):
    info = NAME + "-1.dist-info/"
    files = dict(files) | {{
        info + "METADATA": "Metadata-Version: 2.1\\nName: %s\\nVersion: 1\\n" % NAME,
        info + "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        info + "entry_points.txt": "[console_scripts]\\n%s = %s:main\\n" % (NAME, NAME),
    }}
    files[info + "RECORD"] = "".join(name + ",,\\n" for name in files)
    file = NAME + "-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, file), "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file
def build_wheel(folder, settings=None, metadata=None):
    return _wheel(folder, {{NAME + ".py": open(NAME + ".py").read()}})
def build_editable(folder, settings=None, metadata=None):
    return _wheel(folder, {{"__outside_." + NAME + ".pth": os.getcwd() + "\\n"}})
"""


def project(folder: Path, name: str) -> Path:
    """Write a project whose command prints where its Python and its own code are."""
    layouts.write(
        folder / "pyproject.toml",
        f'[project]\nname = "{name}"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    )
    layouts.write(folder / "backend.py", BACKEND.format(name=name))
    layouts.write(folder / f"{name}.py", "import sys\n\ndef main():\n    print(sys.prefix, __file__, sep=chr(10))\n")
    return folder


def furnish(home: Home, source: Path) -> None:
    """Add pip packages of every kind, a binary with a prefix in it, and files of the user's own."""
    wheel, editable, repository = (project(home.path / name, name) for name in ("plain", "outside", "versioned"))
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "1"],
    ):
        subprocess.run(["git", *arguments], cwd=repository, check=True)
    inside = project(source / "src/inside", "inside")
    pip = [str(source / "bin/python"), "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps"]
    what = [str(wheel), "-e", str(editable), "-e", str(inside), f"git+{repository.as_uri()}"]
    subprocess.run([*pip, *what], check=True, env=dict(home.environ), capture_output=True)
    # pip over conda: the record of conda's six stays and is not to be believed.
    subprocess.run([*pip, "six==1.17.0"], check=True, env=dict(home.environ), capture_output=True)
    add_binary_package(source)
    (source / "conda-meta/state").write_text(json.dumps({"env_vars": {"MODELS": f"{source}/models", "GREETING": "hi"}}))
    (source / "conda-meta/pinned").write_text("numpy <99\n")
    layouts.write(source / "models/weights.bin", "w" * 5_000_000)
    layouts.write(source / "notes.txt", f"my models are in {source}/models, the old ones in {source}2\n")
    (source / "link-inside").symlink_to(source / "models")
    (source / "link-outside").symlink_to("/usr")
    (source / "link-relative").symlink_to("../../../outside")
    (source / "readonly").mkdir()
    layouts.write(source / "readonly/script", "#!/bin/sh\n").chmod(0o755)
    (source / "readonly").chmod(0o555)
    source.chmod(0o750)


def add_binary_package(prefix: Path) -> None:
    """Add a package with the prefix in a binary, as conda's linker leaves it."""
    data = b"\x7fELF\0" + bytes(prefix / "share").ljust(len(packages.PLACEHOLDER) + 6, b"\0") + b"\0end"
    (prefix / "lib/libbinary.so").write_bytes(data)
    entry = {
        "_path": "lib/libbinary.so",
        "path_type": "hardlink",
        "file_mode": "binary",
        "prefix_placeholder": packages.PLACEHOLDER,
        "sha256": "ab" * 32,
        "sha256_in_prefix": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    record = {
        "name": "binary",
        "version": "1",
        "build": "0",
        "build_number": 0,
        "subdir": packages.SUBDIR,
        "channel": "https://conda.anaconda.org/conda-forge",
        "url": f"https://conda.anaconda.org/conda-forge/{packages.SUBDIR}/binary-1-0.conda",
        "fn": "binary-1-0.conda",
        "depends": [],
        "files": ["lib/libbinary.so"],
        "paths_data": {"paths_version": 1, "paths": [entry]},
    }
    (prefix / "conda-meta/binary-1-0.json").write_text(json.dumps(record, indent=2))


def clone(home: Home, name: str, source: str = "source") -> Path:
    ran = home.envtool("clone", source, name)
    assert ran.code == 0, ran.err
    return home.conda_envs / name


def output(home: Home, *command: str | Path) -> str:
    done = subprocess.run(command, env=dict(home.environ), capture_output=True, text=True, cwd=home.path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_works(home: Home, prefix: Path) -> None:
    """Assert that everything in an environment runs from its own files."""
    python = prefix / "bin/python"
    code = "import numpy, six, sys, sysconfig; print(sys.prefix, numpy.__file__, six.__version__, sep=chr(10))"
    assert output(home, python, "-c", code).splitlines() == [
        str(prefix), f"{prefix}/{SITE}/numpy/__init__.py", "1.17.0"
    ]  # fmt: skip
    assert output(home, prefix / "bin/plain").splitlines() == [str(prefix), f"{prefix}/{SITE}/plain.py"]
    assert output(home, prefix / "bin/versioned").splitlines() == [str(prefix), f"{prefix}/{SITE}/versioned.py"]
    assert output(home, prefix / "bin/outside").splitlines() == [str(prefix), f"{home.path}/outside/outside.py"]
    assert output(home, prefix / "bin/inside").splitlines() == [str(prefix), f"{prefix}/src/inside/inside.py"]
    assert output(home, prefix / "bin/trunk") == f"{prefix}\n"
    assert str(prefix) in output(home, prefix / "bin/pip", "--version")
    assert "No broken requirements" in output(home, prefix / "bin/pip", "check")


def mentions(prefix: Path, path: Path) -> list[str]:
    """Return the files that mention a path, except bytecode and conda's history."""
    pattern = re.compile(re.escape(bytes(path)) + rb"(?![\w-])")
    files = (file for file in prefix.rglob("*") if file.is_file() and not file.is_symlink() and file.suffix != ".pyc")
    return [
        str(file.relative_to(prefix)) for file in files if file.name != "history" and pattern.search(file.read_bytes())
    ]


def broken_hashes(prefix: Path) -> list[str]:
    """Return the files whose hashes differ from pip's and conda's records."""
    wrong = []
    for record in prefix.glob(f"{SITE}/*.dist-info/RECORD"):
        for line in record.read_text().splitlines():
            name, digest, size = line.rsplit(",", 2)
            if digest and (file := record.parents[1] / name).exists():
                value = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
                wrong += [name] if (f"sha256={value}", str(file.stat().st_size)) != (digest, size) else []
    for record in prefix.glob("conda-meta/*.json"):
        for entry in json.loads(record.read_text())["paths_data"]["paths"]:
            file = prefix / entry["_path"]
            if (expected := entry.get("sha256_in_prefix")) and file.is_file() and not file.is_symlink():
                wrong += [entry["_path"]] if hashlib.sha256(file.read_bytes()).hexdigest() != expected else []
    return sorted(wrong)
