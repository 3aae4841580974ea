"""Projects in git repositories that can be built without fetching anything: they bring their build backend."""

import subprocess
from pathlib import Path

_BACKEND = """
import os
import zipfile

def _wheel(folder, settings, files):
    info = "{name}-{version}.dist-info"
    keywords = " ".join(f"{{key}}={{value}}" for key, value in (settings or {{}}).items())
    head = "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
    files[f"{{info}}/METADATA"] = head + f"Keywords: {{keywords}}\\n"
    files[f"{{info}}/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{{info}}/RECORD"] = "".join(f"{{path}},,\\n" for path in (*files, f"{{info}}/RECORD"))
    with zipfile.ZipFile(os.path.join(folder, "{name}-{version}-py3-none-any.whl"), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return "{name}-{version}-py3-none-any.whl"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, config_settings, {{"{name}.py": "x = 1\\n"}})

def build_editable(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, config_settings, {{"{name}.pth": os.getcwd() + "\\n"}})
"""
_PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "{name}"
version = "{version}"
"""


def project(folder: Path, name: str = "own", version: str = "0.3") -> Path:
    """Make a project in a git repository, and return its folder."""
    folder.mkdir(parents=True)
    (folder / "backend.py").write_text(_BACKEND.format(name=name, version=version))
    (folder / "pyproject.toml").write_text(_PYPROJECT.format(name=name, version=version))
    (folder / f"{name}.py").write_text("x = 1\n")
    for arguments in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"),
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder
