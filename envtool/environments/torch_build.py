"""The torch of an environment and its build, from file names, and from torch's own version file where they lack it."""

import re
from pathlib import Path

from envtool.files import read_text
from envtool.prefix import conda_meta
from envtool.prefix.layout import site_packages_dir

_DIST_INFO = re.compile(r"torch-(?P<version>[^-]+)\.dist-info$")
_CONDA_BUILD = re.compile(r"cpu|cuda\d+(?:\.\d+)?|rocm\d+(?:\.\d+)*")
_OWN_WORD = re.compile(r"^(?P<kind>cuda|hip)\b[^=\n]*=\s*(?:'(?P<version>\d+\.\d+)[^']*'|None)", re.MULTILINE)


def torch(prefix: Path) -> str:
    """Return torch's version with its build (``2.13.0+cpu``, ``2.5.1 cuda126``), or ``""`` where there is none."""
    folder = site_packages_dir(prefix)
    pip = (
        next((m["version"] for p in folder.glob("torch-*.dist-info") if (m := _DIST_INFO.search(p.name))), "")
        if folder
        else ""
    )
    conda = next(((version, build) for name, version, build in conda_meta.names(prefix) if name == "pytorch"), None)
    # conda's package brings a dist-info too; one of another release is pip's, laid over conda's.
    if conda and (not pip or _release(pip) == _release(conda[0])):
        built = _CONDA_BUILD.search(conda[1])
        return f"{conda[0]} {built[0]}" if built else conda[0]
    if folder and pip and "+" not in pip and (build := _own_word(folder / "torch" / "version.py")):
        return f"{pip}+{build}"
    return pip


def _release(version: str) -> str:
    return re.split(r"\+|\.post", version)[0]


def _own_word(path: Path) -> str:
    """Return the build that torch itself names: the default index has CUDA builds whose names do not."""
    try:
        text = read_text(path)
    except OSError:
        return ""
    said = {match["kind"]: match["version"] for match in _OWN_WORD.finditer(text)}
    if cuda := said.get("cuda"):
        return f"cu{cuda.replace('.', '')}"
    if hip := said.get("hip"):
        return f"rocm{hip}"
    return "cpu" if "cuda" in said else ""
