"""Small wheels, valid for every installer, with only the contents that a test needs."""

import zipfile
from collections.abc import Mapping
from pathlib import Path


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str] | None = None, *, requires: str = "") -> Path:
    """Write an installable wheel into a folder and return its path."""
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    contents = {
        **(files or {}),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD"))
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in contents.items():
            archive.writestr(member, text)
    return path


def torch(folder: Path, version: str, cuda: str | None, *, requires: str = "") -> Path:
    """Write a wheel of torch for a CUDA version that finds no GPU, and return its path."""
    text = f"from typing import Optional\n__version__ = {version!r}\ncuda: Optional[str] = {cuda!r}\nhip = None\n"
    files = {
        "torch/__init__.py": "from torch import cuda, version\nfrom torch.version import __version__\n",
        "torch/cuda.py": "def is_available():\n    return False\n",
        "torch/version.py": text,
    }
    return wheel(folder, "torch", version, files, requires=requires)
